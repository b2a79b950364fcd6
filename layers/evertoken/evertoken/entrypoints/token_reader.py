"""GET /v1/connections/{connection_id}/token: the hottest route; every answer leaves one log line that names who read which generation of what."""

from __future__ import annotations

import re
from collections.abc import Mapping

from evertoken.bootstrap import build_admission, build_reading, build_revocation_list, build_verifier
from evertoken.domain.access_token import TOKENS_READ
from evertoken.domain.connection import ConnectionKey
from evertoken.domain.errors import ConnectionNotFoundError, InvalidInputError
from evertoken.domain.instants import to_iso
from evertoken.entrypoints.api import Api, Request, Route
from evertoken.entrypoints.http_answer import Answer
from evertoken.entrypoints.telemetry import Telemetry
from evertoken.settings import TokenReaderSettings
from evertoken.usecases.read_token import ReadDependencies, TokenRead, read_token

ROUTE = "GET /v1/connections/{connection_id}/token"
LONGEST_MIN_TTL_SECONDS = 86_400
_CONNECTION_ID = re.compile(r"con_[a-z2-7]{26}")
_WHOLE_NUMBER = re.compile(r"[0-9]{1,9}")


def token_routes(deps: ReadDependencies, telemetry: Telemetry) -> tuple[Route, ...]:
    """Return the route of tokens."""

    def read(request: Request) -> Answer:
        parameters = request.query()
        min_ttl = _whole_number(parameters, "min_ttl", at_most=LONGEST_MIN_TTL_SECONDS)
        rejected_generation = _whole_number(parameters, "rejected_generation", at_most=10**9)
        if parameters:
            raise InvalidInputError(
                f"{min(parameters)[:40]!r} is not a parameter here. Known: min_ttl, rejected_generation."
            )
        connection_id = request.path.get("connection_id", "")
        if not _CONNECTION_ID.fullmatch(connection_id):
            raise ConnectionNotFoundError
        key = ConnectionKey(tenant_id=request.tenant_id, connection_id=connection_id)
        found = read_token(
            deps,
            key,
            min_lifetime_seconds=min_ttl,
            rejected_generation=rejected_generation,
            invocation=request.invocation,
        )
        if found.refresh is not None:
            telemetry.refresh(found.refresh, key, trigger="read")
        return _answer(found)

    return (Route(key=ROUTE, handle=read, scope=TOKENS_READ),)


def _answer(read: TokenRead) -> Answer:
    row, token_set = read.connection, read.token_set
    body = {
        "access_token": token_set.access_token,
        "token_type": token_set.token_type,
        "expires_at": None if token_set.expires_at is None else to_iso(token_set.expires_at),
        "scope": token_set.scope,
        "generation": row.generation,
        "connection_id": row.connection_id,
        "extra": dict(token_set.extra),
    }
    return Answer(body=body, logged={"connection": row.connection_id, "generation": str(row.generation)})


def _whole_number(parameters: dict[str, str], name: str, *, at_most: int) -> int | None:
    text = parameters.pop(name, None)
    if text is None:
        return None
    if not _WHOLE_NUMBER.fullmatch(text) or int(text) > at_most:
        raise InvalidInputError(f"{name} must be a whole number from 0 to {at_most}.")
    return int(text)


def build_token_reader(environ: Mapping[str, str]) -> Api:
    """Return the token reader for this environment. Raises ConfigurationError."""
    settings = TokenReaderSettings.from_env(environ)
    telemetry = Telemetry(stage=settings.stage, service="token_reader")
    dependencies = build_reading(settings)
    return Api(
        token_routes(dependencies, telemetry),
        verifier=build_verifier(
            settings.signing_key_ids, lifetime_seconds=settings.access_token_lifetime_seconds
        ),
        public_base_url=settings.public_base_url,
        function_timeout_seconds=settings.function_timeout_seconds,
        clock=dependencies.refreshing.clock,
        telemetry=telemetry,
        admission=build_admission(
            build_revocation_list(settings.table_name),
            requests_per_second=settings.client_requests_per_second,
        ),
    )
