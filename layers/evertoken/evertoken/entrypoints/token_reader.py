"""GET /v1/connections/{connection_id}/token: the hottest route, and so without a router."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from evertoken.bootstrap import build_reading, build_verifier
from evertoken.domain.connection import ConnectionKey
from evertoken.domain.errors import ConnectionNotFoundError, EvertokenError, InvalidInputError
from evertoken.domain.instants import to_iso
from evertoken.entrypoints.bearer import TokenVerifier, get_caller, tenant_of
from evertoken.entrypoints.http_answer import INTERNAL_MESSAGE, Answer, envelope, error_answer, write_answer
from evertoken.entrypoints.http_event import HttpEvent, parse_parameters, read_event
from evertoken.entrypoints.invocation import LambdaContext, invocation_of
from evertoken.entrypoints.request_log import log_request
from evertoken.entrypoints.telemetry import Telemetry
from evertoken.settings import TokenReaderSettings
from evertoken.usecases.invocation import Invocation
from evertoken.usecases.read_token import ReadDependencies, TokenRead, read_token

ROUTE = "GET /v1/connections/{connection_id}/token"
SCOPE = "tokens:read"
LONGEST_MIN_TTL_SECONDS = 86_400
_CONNECTION_ID = re.compile(r"con_[a-z2-7]{26}")
_WHOLE_NUMBER = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenReaderEntrypoint:
    """The token reader as Lambda calls it."""

    dependencies: ReadDependencies
    verifier: TokenVerifier
    telemetry: Telemetry
    public_base_url: str

    def handle(self, raw: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
        """Answer one read and write its log line: who read which generation of what, never the token."""
        began = time.monotonic()
        refreshing = self.dependencies.refreshing
        invocation = invocation_of(
            context, function_timeout_seconds=refreshing.timing.function_timeout_seconds, clock=refreshing.clock
        )
        event = read_event(raw)
        caller = None
        fault: Exception | None = None
        try:
            caller = get_caller(self.verifier, event, issuer=event.base_url(self.public_base_url), scope=SCOPE)
            connection_id = str((raw.get("pathParameters") or {}).get("connection_id", ""))
            answer = self._read(event, tenant_of(caller), connection_id, invocation)
        except EvertokenError as error:
            fault = error if error.code == "INTERNAL" else None
            answer = error_answer(error, event.correlation_id)
        except Exception as error:  # noqa: BLE001  # whatever it was, its text stays inside
            fault = error
            answer = envelope("INTERNAL", INTERNAL_MESSAGE, correlation_id=event.correlation_id)
        log_request(
            self.telemetry.logger,
            event,
            answer,
            route=ROUTE,
            duration_ms=round((time.monotonic() - began) * 1000),
            tenant_id=None if caller is None else caller.tenant_id,
            client_id=None if caller is None else caller.client_id,
            fault=fault,
        )
        self.telemetry.flush()
        return write_answer(answer, event.correlation_id)

    def _read(self, event: HttpEvent, tenant_id: str, connection_id: str, invocation: Invocation) -> Answer:
        parameters = parse_parameters(event.raw_query)
        min_ttl = _whole_number(parameters, "min_ttl", at_most=LONGEST_MIN_TTL_SECONDS)
        rejected_generation = _whole_number(parameters, "rejected_generation", at_most=10**9)
        if parameters:
            raise InvalidInputError(f"{min(parameters)[:40]!r} is not a parameter here. Known: min_ttl, rejected_generation.")
        if not _CONNECTION_ID.fullmatch(connection_id):
            raise ConnectionNotFoundError
        key = ConnectionKey(tenant_id=tenant_id, connection_id=connection_id)
        read = read_token(
            self.dependencies,
            key,
            min_lifetime_seconds=min_ttl,
            rejected_generation=rejected_generation,
            invocation=invocation,
        )
        if read.refresh is not None:
            self.telemetry.refresh(read.refresh, key, trigger="read")
        return _answer(read)


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
    return Answer(body=body, logged={"connection_id": row.connection_id, "generation": str(row.generation)})


def _whole_number(parameters: dict[str, str], name: str, *, at_most: int) -> int | None:
    text = parameters.pop(name, None)
    if text is None:
        return None
    if not _WHOLE_NUMBER.fullmatch(text) or int(text) > at_most:
        raise InvalidInputError(f"{name} must be a whole number from 0 to {at_most}.")
    return int(text)


def build_token_reader(environ: Mapping[str, str]) -> TokenReaderEntrypoint:
    """Return the token reader for this environment. Raises ConfigurationError."""
    settings = TokenReaderSettings.from_env(environ)
    return TokenReaderEntrypoint(
        dependencies=build_reading(settings),
        verifier=build_verifier(
            settings.signing_key_ids, lifetime_seconds=settings.access_token_lifetime_seconds
        ),
        telemetry=Telemetry(stage=settings.stage, service="token_reader"),
        public_base_url=settings.public_base_url,
    )
