"""One structured line a request: what was asked by whom, from where, and how it ended; never a query, a body, an exception's text or any other header."""

from __future__ import annotations

import re
import traceback
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Protocol

from evertoken.entrypoints.http_answer import Answer
from evertoken.entrypoints.http_event import HttpEvent

_CONNECTION_ID = re.compile(r"con_[a-z2-7]{26}")


class LineLogger(Protocol):
    """A logger that takes fields; Powertools' Logger is one, and so is the standard library's."""

    def info(self, msg: str, *, extra: Mapping[str, object]) -> None:
        """Write a line."""

    def error(self, msg: str, *, extra: Mapping[str, object]) -> None:
        """Write a line that somebody should look at."""


def log_request(
    logger: LineLogger,
    event: HttpEvent,
    answer: Answer,
    *,
    route: str,
    duration_ms: int,
    tenant_id: str | None = None,
    client_id: str | None = None,
    connection_id: str | None = None,
    fault: BaseException | None = None,
) -> None:
    """Write the line of one request. *connection_id* is what the path names: a refused read has to be found by it too."""
    fields: dict[str, Any] = {
        "route": route,
        "status": answer.status,
        "code": answer.code,
        "tenant": tenant_id,
        "client": client_id,
        "correlation_id": event.correlation_id,
        "source_ip": event.source_ip,
        "user_agent": event.user_agent or None,
        "connection": connection_id if _CONNECTION_ID.fullmatch(connection_id or "") else None,
        "duration_ms": duration_ms,
        **answer.logged,
    }
    fields = {name: value for name, value in fields.items() if value is not None}
    if fault is not None:
        fields["fault"] = where_from(fault)
    if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        logger.error("request", extra=fields)
    else:
        logger.info("request", extra=fields)


def where_from(fault: BaseException) -> str:
    """Return the type of an exception and the places it came through: its text may hold what must not be logged."""
    frames = traceback.extract_tb(fault.__traceback__)[-4:]
    places = " < ".join(f"{frame.filename.rpartition('/')[2]}:{frame.lineno}" for frame in reversed(frames))
    response = getattr(
        fault, "response", None
    )  # botocore's ClientError: the code is from a closed list, the message is not
    code = response.get("Error", {}).get("Code", "") if isinstance(response, dict) else ""
    cause = f" from {type(fault.__cause__).__name__}" if fault.__cause__ else ""
    return f"{type(fault).__name__}{f'({code})' if code else ''}{cause} at {places}"
