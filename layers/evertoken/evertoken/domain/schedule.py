"""When to refresh: windows relative to a token's life, spread so that equal expiries do not meet, and cool-downs after failures.

The windows follow botocore's advisory and mandatory windows (botocore/tokens.py, read 2026-11-21), made relative to the life of the token so that
one rule serves tokens of a minute and of two months.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from evertoken.domain.connection import RefreshPolicy

SCHEDULED_MARGIN_FRACTION = 0.25
"""A scheduled refresh is due when a quarter of the token's life is left …"""
SCHEDULED_MARGIN_LIMIT_SECONDS = 5 * 86_400
"""… but never more than five days ahead: a provider may be down for a weekend, not for a week."""
SPREAD_FRACTION = 0.10
"""Refreshes are spread over this part of the life before that, by a hash of the connection."""
ADVISORY_LIMIT_SECONDS = 900
"""A token with less left than a quarter of its life, at most this, is stale: serve it and ask for a new one."""
MANDATORY_FRACTION = 0.10
MANDATORY_LIMIT_SECONDS = 120
"""A token with less left than a tenth of its life, at most this, is not handed out without trying for a new one."""
LAZY_LIFETIME_SECONDS = 600
"""Tokens that live no longer than this are refreshed when they are read: a minute's schedule cannot be punctual enough."""
KEEP_ALIVE_FRACTION = 0.10
"""A lazy connection is refreshed when this part of its refresh token's life is left."""
FORCED_FLOOR_SECONDS = 30
"""A token younger than this, or than a quarter of its life, is not refreshed on demand."""
CONFIRMATION_SECONDS = 60
"""How long a refusal after an unanswered request waits for its confirmation."""
USER_ACTION_SECONDS = 3600
"""How often a connection is tried whose provider waits for its user."""
EDGE_SECONDS = 5
"""How far inside what a provider admits a refresh is planned: clocks differ, and ours runs from the request."""
RETIRE_AFTER_SECONDS = 86_400
"""How long a disconnected connection keeps its id and its (empty) secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Windows:
    """The windows of one token set, in seconds before its expiry."""

    scheduled_seconds: float
    advisory_seconds: float
    mandatory_seconds: float


def lifetime_seconds(issued_at: datetime | None, expires_at: datetime | None) -> float:
    """Return how long a token lives from issue to expiry; infinite when it does not expire."""
    if issued_at is None or expires_at is None:
        return float("inf")
    return max((expires_at - issued_at).total_seconds(), 0.0)


def windows_of(lifetime: float) -> Windows:
    """Return the windows of a token that lives *lifetime* seconds from issue to expiry."""
    quarter = lifetime * SCHEDULED_MARGIN_FRACTION
    return Windows(
        scheduled_seconds=min(quarter, SCHEDULED_MARGIN_LIMIT_SECONDS),
        advisory_seconds=min(quarter, ADVISORY_LIMIT_SECONDS),
        mandatory_seconds=min(lifetime * MANDATORY_FRACTION, MANDATORY_LIMIT_SECONDS),
    )


def plan_refresh(
    *,
    connection_id: str,
    policy: RefreshPolicy,
    issued_at: datetime,
    expires_at: datetime | None,
    refresh_token_expires_at: datetime | None,
    renewable: bool,
    minimum_age_seconds: float,
    late: bool,
    maximum_age_seconds: int | None = None,
    refresh_window_seconds: int | None = None,
) -> datetime | None:
    """Return when the token set should be refreshed, or None for never.

    *late* is for providers whose refresh kills the previous access token: they are refreshed in the mandatory window, not before, so that
    readers keep what they hold for as long as they can. *refresh_token_expires_at* is an end that a refresh can still move. A plan is never later than
    the *maximum age*, and never earlier than `earliest_refresh` says, which goes before everything else. What is not *renewable* is looked at when it
    expires, so that its end does not go unnoticed.
    """
    if not renewable:
        return expires_at
    ends = [_keep_alive(issued_at, refresh_token_expires_at)]
    if maximum_age_seconds is not None:
        ends.append(
            issued_at
            + timedelta(seconds=maximum_age_seconds * (1 - SPREAD_FRACTION * _fraction(connection_id)))
        )
    if expires_at is not None and policy is not RefreshPolicy.LAZY:
        lifetime = lifetime_seconds(issued_at, expires_at)
        windows = windows_of(lifetime)
        margin = 2 * windows.mandatory_seconds if late else windows.scheduled_seconds
        spread = 0.0 if late else lifetime * SPREAD_FRACTION * _fraction(connection_id)
        ends.append(expires_at - timedelta(seconds=margin + spread))
    plan = min((end for end in ends if end is not None), default=None)
    if plan is None:
        return None
    earliest = earliest_refresh(
        issued_at=issued_at,
        expires_at=expires_at,
        minimum_age_seconds=minimum_age_seconds,
        refresh_window_seconds=refresh_window_seconds,
    )
    return max(plan, earliest)


def earliest_refresh(
    *,
    issued_at: datetime,
    expires_at: datetime | None,
    minimum_age_seconds: float,
    refresh_window_seconds: int | None,
) -> datetime:
    """Return the instant from which the provider takes a request to renew the token set: old enough, and (with a window) near enough to its end."""
    earliest = issued_at
    if minimum_age_seconds > 0:
        earliest += timedelta(seconds=minimum_age_seconds + EDGE_SECONDS)
    if refresh_window_seconds is not None and expires_at is not None:
        inside = min(EDGE_SECONDS, refresh_window_seconds / 4)
        earliest = max(earliest, expires_at - timedelta(seconds=refresh_window_seconds - inside))
    return earliest


def _keep_alive(issued_at: datetime, refresh_token_expires_at: datetime | None) -> datetime | None:
    if refresh_token_expires_at is None:
        return None
    life = max((refresh_token_expires_at - issued_at).total_seconds(), 0.0)
    return refresh_token_expires_at - timedelta(seconds=life * KEEP_ALIVE_FRACTION)


def _fraction(connection_id: str) -> float:
    """Return a stable number in [0, 1) of the connection: the same at every refresh, so that a slope stays a slope."""
    return int.from_bytes(hashlib.sha256(connection_id.encode()).digest()[:8]) / 2**64


def back_off_seconds(failures: int, *, jitter: float) -> float:
    """Return how long to wait after the *failures*-th failure in a row: 5 s doubling to 15 min, *jitter* in [0, 1) taking off up to half."""
    doublings = min(max(failures, 1) - 1, 10)
    ceiling = min(900.0, 5.0 * float(1 << doublings))
    return ceiling * (1 - jitter / 2)


def clamp_retry_after(seconds: int) -> int:
    """Return what a provider asked us to wait, between a second and an hour (security facts P5)."""
    return min(max(seconds, 1), 3600)


def forced_floor_seconds(lifetime: float) -> float:
    """Return the age below which a token is not refreshed on demand."""
    return min(FORCED_FLOOR_SECONDS, lifetime * SCHEDULED_MARGIN_FRACTION)


def due_shard(connection_id: str, shards: int) -> int:
    """Return the partition of the due index that *connection_id* belongs to: by hash alone, never provider or status."""
    return int.from_bytes(hashlib.sha256(b"due:" + connection_id.encode()).digest()[:4]) % shards
