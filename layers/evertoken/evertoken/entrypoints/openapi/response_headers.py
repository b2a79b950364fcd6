"""The headers of answers, each described once."""

from __future__ import annotations

from typing import Any

from evertoken.entrypoints.http_event import CORRELATION_HEADER

_TEXT = {"type": "string"}

RESPONSE_HEADERS: dict[str, Any] = {
    CORRELATION_HEADER: {
        "description": "Finds the request in the logs, the audit, the ledger and events.",
        "schema": _TEXT,
    },
    "Retry-After": {
        "description": "Seconds to wait, where that is known.",
        "schema": {"type": "integer", "minimum": 0},
    },
    "Location": {
        "description": "Where the browser goes, or where the job is followed.",
        "schema": {"type": "string", "format": "uri-reference"},
    },
    "WWW-Authenticate": {"description": "Bearer (RFC 6750 section 3).", "schema": _TEXT},
}


def header_refs(*names: str) -> dict[str, Any]:
    """Return references to the header that every answer has, and to *names*."""
    return {name: {"$ref": f"#/components/headers/{name}"} for name in (CORRELATION_HEADER, *names)}
