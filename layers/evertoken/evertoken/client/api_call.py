"""One call of the API, as a value: what is asked, what may be repeated, and what the answer becomes."""

from __future__ import annotations

import enum
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar
from urllib.parse import quote

from evertoken.client.api_exchange import ApiAnswer, ApiRequest
from evertoken.client.errors import ConfigurationError

Answer = TypeVar("Answer")


class Repeat(enum.Enum):
    """What is safe to send again. A request that never left, and one that was throttled (429), are sent again whatever this says."""

    ALWAYS = "always"
    """Sent twice it does what it does once: also when an answer was lost."""
    IF_TOLD = "if_told"
    """Only when the service answered that the same request may succeed later."""
    NEVER = "never"
    """The second time would be another deed: a second session, a code that is spent."""


class Authority(enum.Enum):
    """Who asks."""

    CLIENT = "client"
    """The program, by the client's own access token."""
    GIVEN = "given"
    """Whoever the call's own credential names: a session's token, another API client, or nobody."""
    ROLE = "role"
    """The IAM role that the program runs as (SigV4)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiCall(Generic[Answer]):
    """A call of one route; what it carries is not in the representation."""

    name: str
    """What the hook on_operation calls it."""
    method: str
    path: str
    decode: Callable[[ApiAnswer], Answer] = field(repr=False)
    repeat: Repeat
    query: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] | None = field(default=None, repr=False)
    authority: Authority = Authority.CLIENT
    bearer: str = field(default="", repr=False)
    basic: tuple[str, str] | None = field(default=None, repr=False)
    form: Mapping[str, str] | None = field(default=None, repr=False)

    def request(self, *, bearer: str, correlation_id: str) -> ApiRequest:
        """Return the request of this call, in the name of *bearer* unless it has a credential of its own."""
        headers = {"X-Correlation-Id": correlation_id}
        content = None
        if self.body is not None:
            headers["Content-Type"] = "application/json"
            content = json.dumps(self.body, ensure_ascii=False, separators=(",", ":")).encode()
        return ApiRequest(
            method=self.method,
            path=self.path,
            query=self.query,
            headers=headers,
            content=content,
            form=self.form,
            basic=self.basic,
            bearer=self.bearer or bearer,
        )


def segment(value: str) -> str:
    """Return *value* as one segment of a path, whatever is in it.

    Dots alone would be another path (RFC 3986 section 5.2.4), and an empty one another route; both are sent so that the service finds nothing under them.
    """
    quoted = quote(value, safe="")
    return quoted.replace(".", "%2E") if not quoted.strip(".") and quoted else quoted or "%20"


def given(**values: Any) -> dict[str, Any]:
    """Return what was given: a value that is None is absent, which the service takes as "leave it"."""
    return {name: _wire(value) for name, value in values.items() if value is not None}


def query_of(**values: Any) -> dict[str, str]:
    """Return the query parameters that were given, as text."""
    return {name: str(_wire(value)) for name, value in values.items() if value is not None}


def _wire(value: Any) -> Any:
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ConfigurationError("An instant needs an offset: datetime.now(UTC), not datetime.now().")
        return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if isinstance(value, Mapping):
        return {name: _wire(one) for name, one in value.items() if one is not None}
    if isinstance(value, list | tuple | set | frozenset):
        return [_wire(one) for one in value]
    return value
