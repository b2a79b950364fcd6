"""A request to a provider and what came of it, as values: pure code builds and reads them, one adapter sends them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """One request to a provider; its representation shows only the method and the host, because every other part may hold a token.

    At some providers the path does. Only the adapter may look at any of it.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    query: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    body: bytes = field(default=b"", repr=False)

    def __repr__(self) -> str:
        return f"HttpRequest(method={self.method!r}, host={urlsplit(self.url).hostname!r})"


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpAnswer:
    """A complete answer; header names are lower-case, the body is at most the size cap and never shown."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class NotSent:
    """Nothing of the request can have reached the provider (name, connection or TLS failed)."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NoAnswer:
    """The request may have reached the provider; no whole answer came back (time, reset, size, framing)."""

    reason: str


HttpExchange = HttpAnswer | NotSent | NoAnswer
