"""The refusals of an operation: by status, each with exactly the codes that it can have; those of a single code stand once for all operations."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from evertoken.entrypoints.api import Route
from evertoken.entrypoints.http_answer import STATUS_OF_CODE
from evertoken.entrypoints.openapi.component_schemas import schema_ref
from evertoken.entrypoints.openapi.operation import Operation
from evertoken.entrypoints.openapi.response_headers import header_refs
from evertoken.entrypoints.openapi.schemas import Error, GatewayError
from evertoken.entrypoints.openapi.security import IAM_ROLE

COMMON_ERRORS = ("INTERNAL",)
"""What every route can answer."""
CALLER_ERRORS = ("UNAUTHORIZED", "FORBIDDEN", "RATE_LIMITED", "STORE_UNAVAILABLE")
"""What every route can answer that asks who is calling."""
GATEWAY_STATUSES = (
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.INTERNAL_SERVER_ERROR,
    HTTPStatus.SERVICE_UNAVAILABLE,
)
"""API Gateway answers these itself when it throttles, when a function fails as a whole, and when it does not answer in time."""


class ErrorResponses:
    """Describes refusals; `shared` are the responses that operations refer to."""

    def __init__(self) -> None:
        self.shared: dict[str, Any] = {}

    def of(self, operation: Operation, route: Route) -> dict[str, Any]:
        """Return the refusals of an operation by status."""
        if operation.shows_errors_as_page:
            return {status: _page() for status in ("400", "500", "503")}
        codes = [*operation.errors, *COMMON_ERRORS]
        if operation.body is not None or operation.parameters is not None:
            codes.append("BAD_REQUEST")
        if route.scope is not None:
            codes.extend(CALLER_ERRORS)
        by_status: dict[int, list[str]] = {}
        for code in sorted(set(codes)):
            by_status.setdefault(STATUS_OF_CODE[code], []).append(code)
        asks_gateway = IAM_ROLE in operation.security
        return {
            str(status): self._refusal(status, codes, asks_gateway=asks_gateway)
            for status, codes in sorted(by_status.items())
        }

    def _refusal(self, status: int, codes: Sequence[str], *, asks_gateway: bool) -> dict[str, Any]:
        is_by_gateway = asks_gateway and status == HTTPStatus.FORBIDDEN
        if len(codes) > 1 or is_by_gateway:
            return _response(status, codes, may_be_gateways=is_by_gateway or status in GATEWAY_STATUSES)
        self.shared[codes[0]] = _response(status, codes, may_be_gateways=status in GATEWAY_STATUSES)
        return {"$ref": f"#/components/responses/{codes[0]}"}


def _response(status: int, codes: Sequence[str], *, may_be_gateways: bool) -> dict[str, Any]:
    schema: dict[str, Any] = {
        "allOf": [
            {"$ref": schema_ref(Error)},
            {"properties": {"error": {"properties": {"code": {"enum": list(codes)}}}}},
        ]
    }
    if may_be_gateways:
        schema = {"anyOf": [schema, {"$ref": schema_ref(GatewayError)}]}
    more = {HTTPStatus.UNAUTHORIZED: "WWW-Authenticate"}.get(HTTPStatus(status))
    if status in GATEWAY_STATUSES:
        more = "Retry-After"
    return {
        "description": f"{HTTPStatus(status).phrase}: {', '.join(codes)}",
        "headers": header_refs() if more is None else header_refs(more),
        "content": {"application/json": {"schema": schema}},
    }


def _page() -> dict[str, Any]:
    return {
        "description": "A page that says to start again, always the same.",
        "headers": header_refs(),
        "content": {"text/html": {"schema": {"type": "string"}}},
    }
