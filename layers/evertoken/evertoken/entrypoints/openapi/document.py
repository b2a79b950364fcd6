"""The OpenAPI 3.1 document, built from the operations and the routes: nothing in it is written twice (OpenAPI Specification 3.1.0, read 2026-11-21)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from evertoken.entrypoints.api import Route
from evertoken.entrypoints.http_event import CORRELATION_HEADER
from evertoken.entrypoints.openapi.component_schemas import ComponentSchemas
from evertoken.entrypoints.openapi.error_responses import ErrorResponses
from evertoken.entrypoints.openapi.operation import Operation
from evertoken.entrypoints.openapi.response_headers import RESPONSE_HEADERS, header_refs
from evertoken.entrypoints.openapi.schemas import Error, GatewayError
from evertoken.entrypoints.openapi.security import ACCESS_TOKEN, SECURITY_SCHEMES

OPENAPI = "3.1.0"
_DESCRIPTION = (
    "Keeps every OAuth token that a company holds valid. Errors have one form and a closed list of codes. Instants are UTC. "
    "Unknown fields are refused by name. The tenant always comes from the access token."
)


def build_document(operations: Sequence[Operation], routes: Mapping[str, Route]) -> dict[str, Any]:
    """Return the document of *operations*.

    Raises:
        ValueError: an operation has no route, or a route no operation; the message names them.
    """
    undescribed = routes.keys() ^ {operation.key for operation in operations}
    if undescribed:
        raise ValueError(f"Routes and operations differ: {', '.join(sorted(undescribed))}.")
    schemas = ComponentSchemas(operations, extra=(Error, GatewayError))
    refusals, paths = ErrorResponses(), dict[str, dict[str, Any]]()
    for operation in operations:
        method, _, path = operation.key.partition(" ")
        described = _describe(operation, routes[operation.key], schemas, refusals)
        paths.setdefault(path, {})[method.lower()] = described
    return {
        "openapi": OPENAPI,
        "info": {
            "title": "Evertoken",
            "version": "1",
            "description": _DESCRIPTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/", "description": "The installation that serves this document."}],
        "tags": [{"name": tag} for tag in dict.fromkeys(operation.tag for operation in operations)],
        "paths": paths,
        "components": {
            "securitySchemes": SECURITY_SCHEMES,
            "parameters": {"CorrelationId": _correlation_parameter()},
            "headers": RESPONSE_HEADERS,
            "responses": dict(sorted(refusals.shared.items())),
            "schemas": schemas.components,
        },
    }


def _describe(
    operation: Operation, route: Route, schemas: ComponentSchemas, refusals: ErrorResponses
) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": _operation_id(operation.key),
        "tags": [operation.tag],
        "summary": operation.summary,
    }
    if operation.description:
        described["description"] = operation.description
    described["security"] = [
        *({ACCESS_TOKEN: [scope]} for scope in (route.scope, route.or_scope) if scope is not None),
        *({scheme: []} for scheme in operation.security),
    ]
    described["parameters"] = [
        *(
            {
                "name": name,
                "in": "path",
                "required": True,
                "description": text,
                "schema": {"type": "string", "minLength": 1},
            }
            for name, text in operation.path.items()
        ),
        *schemas.query_of(operation),
        {"$ref": "#/components/parameters/CorrelationId"},
    ]
    if operation.body is not None:
        schema = schemas.body_of(operation)
        described["requestBody"] = {
            "required": not operation.body_may_be_absent,
            "content": {media_type: {"schema": schema} for media_type in operation.media_types},
        }
    described["responses"] = {
        **{str(status): _answer(operation, status, schemas) for status in sorted(operation.answers)},
        **refusals.of(operation, route),
    }
    return described


def _answer(operation: Operation, status: int, schemas: ComponentSchemas) -> dict[str, Any]:
    more = {HTTPStatus.SEE_OTHER: ("Location",), HTTPStatus.ACCEPTED: ("Location", "Retry-After")}
    answer: dict[str, Any] = {
        "description": HTTPStatus(status).phrase,
        "headers": header_refs(*more.get(HTTPStatus(status), ())),
    }
    schema = schemas.answer_of(operation, status)
    if schema is not None:
        answer["content"] = {operation.answer_media_type: {"schema": schema}}
    elif operation.answer_media_type != "application/json":
        answer["content"] = {operation.answer_media_type: {"schema": {"type": "string"}}}
    return answer


def _operation_id(key: str) -> str:
    """Return a name made from the route: `POST /v1/jobs/{job_id}` is `post_v1_jobs_job_id`."""
    letters = "".join(letter if letter.isalnum() else " " for letter in key)
    return "_".join(letters.lower().split())


def _correlation_parameter() -> dict[str, Any]:
    return {
        "name": CORRELATION_HEADER,
        "in": "header",
        "required": False,
        "description": "Your own id of the request. Up to 64 letters, digits, `.`, `_` and `-` are taken over; in place of anything else one is made.",
        "schema": {"type": "string"},
    }
