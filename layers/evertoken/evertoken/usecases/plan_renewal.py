"""When a connection's token set is renewed next: the schedule's rules, fed with the provider's facts and the token set's own ends."""

from __future__ import annotations

from datetime import datetime, timedelta

from evertoken.domain.connection import Connection, RefreshPolicy
from evertoken.domain.consent import Consent, forecast_consent
from evertoken.domain.provider import Provider
from evertoken.domain.renewal import Renewal, choose_renewal, find_grant_to_run
from evertoken.domain.schedule import earliest_refresh, lifetime_seconds, plan_refresh
from evertoken.domain.token_set import TokenSet
from evertoken.protocol.expiry import end_of_grant

HINT_SLACK_SECONDS = 2
"""A hint that arrives this early is on time: queue delays are whole seconds."""
MOVED_SECONDS = 1
"""Ends that are no further apart than this are the same, differently rounded."""


def plan_renewal(
    provider: Provider, row: Connection, token_set: TokenSet, *, policy: RefreshPolicy
) -> datetime | None:
    """Return when *token_set*, the next of *row*, should be renewed under *policy*, or None for never."""
    renewal = choose_renewal(provider, token_set)
    can_run_again = find_grant_to_run(provider, token_set) is not None
    if not provider.refreshable_after_expiry and not can_run_again:
        # What cannot be renewed after its end cannot wait for a reader, who may come later than that.
        policy = RefreshPolicy.SCHEDULED
    return plan_refresh(
        connection_id=row.connection_id,
        policy=policy,
        issued_at=token_set.issued_at,
        expires_at=token_set.expires_at,
        refresh_token_expires_at=None if can_run_again else _find_movable_end(provider, row, token_set),
        renewable=renewal is not Renewal.NONE,
        minimum_age_seconds=least_age_seconds(provider),
        maximum_age_seconds=provider.maximum_age_seconds,
        refresh_window_seconds=provider.refresh_window_seconds,
        late=provider.refresh_kills_access_token,
    )


def find_too_young(provider: Provider, row: Connection, now: datetime) -> datetime | None:
    """Return from when on the provider renews what *row* holds, or None where it does so now."""
    if row.issued_at is None:
        return None
    earliest = earliest_refresh(
        issued_at=row.issued_at,
        expires_at=row.expires_at,
        minimum_age_seconds=least_age_seconds(provider),
        refresh_window_seconds=provider.refresh_window_seconds,
    )
    return earliest if now + timedelta(seconds=HINT_SLACK_SECONDS) < earliest else None


def least_age_seconds(provider: Provider) -> float:
    """Return how old a token set must be before it is renewed: what the provider demands, and what its limits on requests come to."""
    return max(provider.minimum_age_seconds, provider.minimum_interval_seconds)


def find_end(provider: Provider, token_set: TokenSet) -> datetime | None:
    """Return when what renews *token_set* ends, as far as it is known: the refresh token's end or, if that is sooner, the grant's."""
    absolute = end_of_grant(provider, token_set.context.granted_at)
    ends = (token_set.refresh_token_expires_at, absolute)
    return min((end for end in ends if end is not None), default=None)


def plan_notice(
    provider: Provider, row: Connection, token_set: TokenSet, *, notice_days: int
) -> Consent | None:
    """Return the end of *token_set*, the next of *row*, that no refresh can put off, and when to tell of it; None where no such end is known."""
    ends_at = _find_final_end(provider, row, token_set, notice_days)
    if ends_at is None:
        return None
    began_at = token_set.context.granted_at or token_set.issued_at
    return forecast_consent(began_at=began_at, ends_at=ends_at, notice_days=notice_days, before=row)


def _find_final_end(
    provider: Provider, row: Connection, token_set: TokenSet, notice_days: int
) -> datetime | None:
    if find_grant_to_run(provider, token_set) is not None:
        return None
    if choose_renewal(provider, token_set) is Renewal.NONE:
        # Who was given an hour knows it; a token of two months is taken for one that lasts.
        is_long = lifetime_seconds(token_set.issued_at, token_set.expires_at) > notice_days * 86_400
        return token_set.expires_at if is_long else None
    own = token_set.refresh_token_expires_at
    if own is not None and _find_movable_end(provider, row, token_set) is not None:
        own = None
    ends = (own, end_of_grant(provider, token_set.context.granted_at))
    return min((end for end in ends if end is not None), default=None)


def _find_movable_end(provider: Provider, row: Connection, token_set: TokenSet) -> datetime | None:
    """Return the end that a refresh can put off.

    The grant's own end is none, and neither is one that the last refresh left where it was: to refresh ever more often towards it would help nobody.
    """
    own, absolute = token_set.refresh_token_expires_at, end_of_grant(provider, token_set.context.granted_at)
    rounding = timedelta(seconds=MOVED_SECONDS)
    if own is None or (absolute is not None and own >= absolute - rounding):
        return None
    before = row.refresh_token_expires_at
    return None if before is not None and abs(own - before) <= rounding else own
