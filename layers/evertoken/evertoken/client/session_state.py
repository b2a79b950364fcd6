"""What a user's session looks like to its own token."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from evertoken.client.errors import EvertokenClientError

SessionStatus = Literal["active", "ended", "unknown"]
"""`unknown`: the service did not say, this once; whoever polls asks again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PolledSession:
    """A session's state at one moment, as its own token sees it.

    `ends_at` is its absolute end, which no refresh puts off; None as long as nobody has said. `error` says why the status is `unknown`, and is None otherwise.
    """

    session_id: str
    status: SessionStatus
    ends_at: datetime | None = None
    error: EvertokenClientError | None = field(default=None, compare=False)
