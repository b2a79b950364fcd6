"""A request to a provider and what came of it, as values: pure code builds and reads them, one adapter sends them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """One request to a provider; its representation shows only the method and the endpoint.

    `form`, `json` and `query` exclude secrets from nothing: only the adapter may look at them.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    query: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    body: bytes = field(default=b"", repr=False)


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
