"""The routes of ledgers: what happened to one connection, and why it is as it is."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import ConfigDict, Field

from evertoken.domain.connection import ConnectionKey
from evertoken.domain.instants import to_iso
from evertoken.domain.ledger import LedgerEntry
from evertoken.entrypoints.api import Request, Route
from evertoken.entrypoints.body_model import Model, parse_model
from evertoken.entrypoints.http_answer import Answer
from evertoken.usecases.explain_connection import Explanation
from evertoken.usecases.read_ledger import LedgerDependencies, read_ledger


class LedgerParameters(Model):
    """The query of GET /v1/connections/{connection_id}/ledger; numbers arrive as text."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)

    limit: Annotated[int, Field(ge=1, le=100)] = 50
    cursor: Annotated[str, Field(min_length=1, max_length=2048)] | None = None


def ledger_routes(deps: LedgerDependencies) -> tuple[Route, ...]:
    """Return the routes of ledgers."""

    def get_ledger(request: Request) -> Answer:
        query = parse_model(LedgerParameters, request.query())
        key = ConnectionKey(tenant_id=request.tenant_id, connection_id=request.path["connection_id"])
        read = read_ledger(deps, key, limit=query.limit, cursor=query.cursor)
        body = {
            "connection_id": key.connection_id,
            "explanation": _view_explanation(read.explanation),
            "entries": [_view_entry(entry) for entry in read.entries],
            "cursor": read.cursor,
        }
        return Answer(body=body, logged={"connection": key.connection_id[:128]})

    key = "GET /v1/connections/{connection_id}/ledger"
    return (Route(key=key, handle=get_ledger, scope="connections:read"),)


def _view_explanation(explanation: Explanation) -> dict[str, Any]:
    return {
        "summary": explanation.summary,
        "cause": explanation.cause,
        "since": _iso(explanation.since),
        "mend": explanation.mend,
    }


def _view_entry(entry: LedgerEntry) -> dict[str, Any]:
    origin, failure, took = entry.origin, entry.failure, entry.duration_seconds
    return {
        "type": entry.type.value,
        "at": to_iso(entry.at),
        "epoch": entry.epoch,
        "generation": entry.generation,
        "status": entry.status.value,
        "on_hold": entry.on_hold,
        "trigger": None if origin is None else origin.trigger.value,
        "actor": (origin.actor or None) if origin else None,
        "correlation_id": (origin.correlation_id or None) if origin else None,
        "failure": None
        if failure is None
        else {
            "cause": failure.cause,
            "code": failure.code,
            "count": failure.count,
            "failed_at": to_iso(failure.failed_at),
        },
        "duration_ms": None if took is None else round(took * 1000),
        "expires_at": _iso(entry.expires_at),
        "consent_ends_at": _iso(entry.consent_ends_at),
        "changed": list(entry.changed),
    }


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else to_iso(moment)
