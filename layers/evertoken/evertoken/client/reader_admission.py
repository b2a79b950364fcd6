"""Whether what a source delivered is a token that may be used, by both clocks that are known."""

from __future__ import annotations

import math
from datetime import datetime

from evertoken.client.errors import (
    ClockSkewError,
    ConnectionNeedsUserError,
    SecretShapeError,
    TemporarilyUnavailableError,
)
from evertoken.client.reader_commands import Delivery
from evertoken.client.token import Token

TOLERATED_SKEW_SECONDS = 30.0
"""Clocks that differ by less are not blamed: an HTTP date has whole seconds, and an answer takes time."""


def admit(
    delivery: Delivery, *, connection_id: str, known_generation: int, now: datetime
) -> tuple[Token, float]:
    """Return the token and the seconds that it is still good for, by whichever clock says less (infinite without an end).

    Raises:
        ConnectionNeedsUserError: the source holds no token.
        SecretShapeError: it holds another connection's.
        ClockSkewError: the token is expired by this machine's clock and not by the source's.
        TemporarilyUnavailableError: it is expired by both, or older than what was seen before.
    """
    token = delivery.token
    if token is None:
        raise ConnectionNeedsUserError(
            f"{delivery.where} holds no token: {connection_id} was never connected, was disconnected, is on hold, or is served by the API alone. "
            f"GET /v1/connections/{connection_id} says which; with api= the reader asks the API by itself.",
            code="DISCONNECTED",
        )
    if token.connection_id not in ("", connection_id):
        raise SecretShapeError(
            f"{delivery.where} holds the token of {token.connection_id}, not of {connection_id}. Correct secret_prefix."
        )
    if token.generation < known_generation:
        raise TemporarilyUnavailableError(
            f"{delivery.where} still shows generation {token.generation} of {connection_id}, and {known_generation} was read before. "
            "Try again in a moment; after a restore from a backup call invalidate() once.",
            retry_after_seconds=1,
        )
    if token.expires_at is None:
        return token, math.inf
    here = (token.expires_at - now).total_seconds()
    there = (
        here if delivery.answered_at is None else (token.expires_at - delivery.answered_at).total_seconds()
    )
    if here <= 0 < there - TOLERATED_SKEW_SECONDS:
        raise ClockSkewError(
            f"The token of {connection_id} expires at {_told(token.expires_at)}. By this machine's clock ({_told(now)}) that has passed; by the clock of "
            f"{delivery.where} ({_told(delivery.answered_at)}) it has not. Set this machine's clock (NTP)."
        )
    remaining = min(here, there)
    if remaining <= 0:
        raise TemporarilyUnavailableError(
            f"The token of {connection_id} in {delivery.where} expired at {_told(token.expires_at)}: it is {_told(now)} by this machine's clock and "
            f"{_told(delivery.answered_at)} by the source's. Its refresh is late, or its policy is lazy: give the reader the API (api=), "
            f"and see GET /v1/connections/{connection_id}/ledger.",
            code="TOKEN_EXPIRED",
        )
    return token, remaining


def _told(moment: datetime | None) -> str:
    return "unknown" if moment is None else moment.isoformat(timespec="seconds").replace("+00:00", "Z")
