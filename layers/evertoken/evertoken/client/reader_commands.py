"""What the reader's rules ask for, and what they are answered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from evertoken.client.errors import EvertokenClientError
from evertoken.client.token import Token


@dataclass(frozen=True, slots=True, eq=False)
class ReadSecret:
    """Read what is published of a connection in Secrets Manager: one call."""

    connection_id: str


@dataclass(frozen=True, slots=True, eq=False)
class AskApi:
    """Read a connection's token through the API, which refreshes it where that is needed."""

    connection_id: str
    min_ttl_seconds: int
    rejected_generation: int | None


Command = ReadSecret | AskApi


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Delivery:
    """What a source holds: a token or none, where it was read, and the source's own clock (None where it shows none)."""

    token: Token | None
    where: str
    answered_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Acquired:
    """A token that is good, and why there is no newer one where a newer one was wanted."""

    token: Token
    failure: EvertokenClientError | None = None
