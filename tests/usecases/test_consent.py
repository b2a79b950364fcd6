"""The end of a consent is told in time, once, and however lazily the connection lives."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from evertoken.domain.connection import Connection, ConnectionStatus, RefreshPolicy
from evertoken.domain.consent import find_notice, forecast_consent
from evertoken.domain.due import due_after, due_when_settled
from evertoken.domain.grant import Grant, GrantContext
from evertoken.domain.outcome import FailureKind
from evertoken.domain.provider import RefreshCredential
from evertoken.domain.token_set import TokenSet
from evertoken.usecases.attend_connection import attend_connection
from evertoken.usecases.commit_token_set import prepare_commit
from evertoken.usecases.hold_connection import hold_connection
from evertoken.usecases.plan_renewal import plan_notice
from evertoken.usecases.refresh_attempt import RefreshResultKind
from evertoken.usecases.relay_changes import RelayDependencies, relay_changes
from tests.contract.store_under_test import connecting
from tests.fakes.event_bus import MemoryEventBus
from tests.fakes.ledger import MemoryLedger
from tests.simulation.world import KEY, World, build_world
from tests.support import provider_faults as faults
from tests.usecases.due_world import demand, hint_of, posts

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def at(days: float) -> datetime:
    return NOW + days * DAY


def consent_world(days: float, *, policy: RefreshPolicy = RefreshPolicy.LAZY) -> World:
    """A connection whose grant ends for good after so many days, and whose tokens live an hour."""
    world = build_world("static")
    world.directory.put(ready_with(world, grant_lifetime_seconds=round(days * 86_400)))
    world._begin()
    row = replace(world.row, policy=policy)
    world.store._write(row)
    token_set = replace(world.new_grant(), context=granted(world.clock.now()))
    world.store_grant(row, token_set)
    return world


def ready_with(world: World, **changes: Any) -> Any:
    ready = world.directory.get_ready("reg-1")
    return replace(ready, provider=replace(ready.provider, **changes))


def granted(when: datetime) -> GrantContext:
    return GrantContext(grant=Grant.AUTHORIZATION_CODE, granted_at=when)


def attend(world: World) -> RefreshResultKind:
    return attend_connection(world.refreshing(), hint_of(world), invocation=world.invocation()).kind


def notices_of(world: World) -> list[str]:
    ledger, bus = MemoryLedger(), MemoryEventBus()
    versions = world.store.history
    relay_changes(
        RelayDependencies(ledger=ledger, bus=bus), list(zip([None, *versions], versions, strict=False))
    )
    return [event.type.value for event in bus.told().values() if event.type == "consent_ending"]


# when


@pytest.mark.parametrize(
    ("life_days", "notice_days", "expected"),
    [(180, 14, 166), (180, 0, None), (15, 14, 1), (14, 14, 7), (10, 14, 5), (2, 180, 1)],
)
def test_the_notice_comes_the_set_time_before_the_end_or_at_half_a_short_life(
    life_days: int, notice_days: int, expected: int | None
) -> None:
    consent = forecast_consent(
        began_at=NOW, ends_at=at(life_days), notice_days=notice_days, before=connecting()
    )

    assert consent.ends_at == at(life_days)
    assert consent.notice_at == (None if expected is None else at(expected))


def test_the_same_end_keeps_its_notice_although_it_is_rounded_differently() -> None:
    before = connecting(consent_ends_at=at(10), consent_notice_at=at(5))
    same = forecast_consent(
        began_at=at(4), ends_at=at(10) + timedelta(seconds=0.9), notice_days=14, before=before
    )
    other = forecast_consent(
        began_at=at(4), ends_at=at(10) + timedelta(seconds=1.1), notice_days=14, before=before
    )

    assert (same.ends_at, same.notice_at) == (at(10), at(5))
    assert other.notice_at == at(7) + timedelta(seconds=0.55)


def token_set_of(**changes: Any) -> TokenSet:
    token_set = TokenSet(
        access_token="canary", refresh_token="r", issued_at=NOW, expires_at=NOW + timedelta(hours=1)
    )
    return replace(token_set, **changes)


def end_of(token_set: TokenSet, before: Connection | None = None, **facts: Any) -> datetime | None:
    provider = ready_with(build_world(), **facts).provider
    consent = plan_notice(provider, before or connecting(), token_set, notice_days=14)
    return None if consent is None else consent.ends_at


def test_what_a_refresh_may_put_off_is_no_end() -> None:
    assert end_of(token_set_of(refresh_token_expires_at=at(30))) is None


def test_an_end_that_the_last_refresh_left_where_it_was_is_one() -> None:
    before = connecting(refresh_token_expires_at=at(30))

    assert end_of(token_set_of(refresh_token_expires_at=at(30)), before) == at(30)
    assert end_of(token_set_of(refresh_token_expires_at=at(31)), before) is None


def test_the_grants_own_end_is_one_and_an_idle_refresh_token_before_it_is_none() -> None:
    token_set = token_set_of(context=granted(NOW), refresh_token_expires_at=at(30))

    assert end_of(token_set, grant_lifetime_seconds=180 * 86_400) == at(180)


def test_a_long_token_that_nothing_renews_ends_with_its_expiry_and_a_short_one_is_not_told() -> None:
    long, short = token_set_of(refresh_token=None, expires_at=at(60)), token_set_of(refresh_token=None)

    assert end_of(long) == at(60)
    assert end_of(short) is None
    assert end_of(token_set_of(refresh_token=None, expires_at=None)) is None


def test_a_grant_that_can_run_again_has_no_end() -> None:
    context = GrantContext(grant=Grant.CLIENT_CREDENTIALS, granted_at=NOW)
    token_set = token_set_of(refresh_token=None, expires_at=at(60), context=context)

    assert end_of(token_set, grant_lifetime_seconds=86_400) is None
    assert (
        end_of(token_set_of(refresh_token=None), refresh_credential=RefreshCredential.CLIENT_CREDENTIALS)
        is None
    )


# what is due when


def test_whatever_says_when_a_connection_is_due_takes_the_notice_into_account() -> None:
    row = connecting(
        status=ConnectionStatus.ACTIVE, refresh_at=at(60), consent_ends_at=at(40), consent_notice_at=at(26)
    )

    assert due_when_settled(row) == at(26)
    assert due_when_settled(replace(row, refresh_at=None)) == at(26)
    assert due_when_settled(replace(row, refresh_at=at(1))) == at(1)
    assert due_when_settled(replace(row, consent_noticed_at=at(26))) == at(60)
    assert due_when_settled(replace(row, on_hold=True)) is None
    assert due_after(row, at(30), at(1)) == at(26)
    assert due_after(row, None, at(1)) == at(26)
    soon = at(27) + timedelta(minutes=1)
    assert due_after(row, at(30), at(27)) == due_after(row, None, at(27)) == soon, "it is not told yet"
    assert due_after(row, at(27), at(27)) == at(27)
    told = replace(row, consent_noticed_at=at(27))
    assert due_after(told, at(30), at(27)) == at(30), "what was told is not due again"
    assert due_after(told, None, at(27)) is None
    assert find_notice(replace(row, status=ConnectionStatus.REAUTHORIZATION_REQUIRED)) is None


def test_a_commit_is_due_at_the_notice_when_that_comes_before_the_plan() -> None:
    world = consent_world(180)
    token_set = world.token_set()
    assert token_set is not None
    ready = world.directory.get_ready("reg-1")
    due = [
        prepare_commit(
            world.sealer,
            replace(world.row, consent_ends_at=None, consent_notice_at=None),
            token_set,
            provider=ready.provider,
            owner="o",
            clock=world.clock,
            consent_notice_days=days,
        ).due_at
        for days in (14, 0)
    ]

    assert due == [world.row.consent_notice_at, None]


def test_a_lazy_connection_that_nobody_reads_is_looked_at_when_its_notice_is_due() -> None:
    world = consent_world(180)
    assert world.row.refresh_at is None
    assert world.row.due_at == world.row.consent_notice_at == world.clock.now() + 166 * DAY


# told, and once


def test_the_hint_of_a_notice_tells_it_without_a_request_and_never_again() -> None:
    world = consent_world(180)
    assert world.row.due_at is not None
    world.clock.advance_to(world.row.due_at)
    before = world.row

    kinds = [attend(world) for _ in range(3)]

    assert kinds == [RefreshResultKind.NOT_NEEDED] * 3
    assert posts(world) == 0
    assert notices_of(world) == ["consent_ending"]
    assert world.row == replace(before, consent_noticed_at=world.clock.now(), due_at=None)


def test_a_hint_that_comes_too_early_tells_nothing() -> None:
    world = consent_world(180)
    world.clock.advance(165 * 86_400)
    attend(world)

    assert notices_of(world) == []


def test_a_scheduled_connection_goes_on_being_refreshed_and_is_told_of_once_over_all_its_refreshes() -> None:
    world = consent_world(10, policy=RefreshPolicy.SCHEDULED)
    noticed = None
    for _ in range(40 * 24):
        row = world.row
        if row.due_at is None or row.due_at > world.clock.now():
            world.clock.advance_to(
                max(row.due_at or world.clock.now(), world.clock.now() + timedelta(minutes=20))
            )
        attend(world)
        noticed = noticed or world.row.consent_noticed_at
        if world.row.generation > 240:
            break

    assert notices_of(world) == ["consent_ending"]
    row = world.row
    assert row.consent_notice_at is not None
    assert noticed is not None
    assert row.consent_notice_at <= noticed <= row.consent_notice_at + timedelta(hours=1)
    assert row.consent_ends_at == row.created_at + 10 * DAY


def test_a_connection_that_cannot_be_refreshed_is_told_of_all_the_same() -> None:
    world = consent_world(180, policy=RefreshPolicy.SCHEDULED)
    world.clock.advance(170 * 86_400)
    world.twin.script.add(faults.throttled("10"))

    assert attend(world) is RefreshResultKind.FAILED
    assert notices_of(world) == ["consent_ending"]
    assert world.row.failure is not None
    assert world.row.failure.cause == FailureKind.THROTTLED


def test_a_refresh_that_somebody_demanded_does_not_swallow_the_notice() -> None:
    world = consent_world(180)
    world.clock.advance(170 * 86_400)
    demand(world)
    assert world.row.due_at == world.row.consent_notice_at
    attend(world)

    assert notices_of(world) == ["consent_ending"]


def test_a_demand_that_nothing_can_come_of_does_not_swallow_the_notice() -> None:
    world = build_world("static")
    world._begin()
    long_lived = replace(world.new_grant(), refresh_token=None, expires_at=world.clock.now() + 60 * DAY)
    world.store_grant(world.row, long_lived)
    world.clock.advance(50 * 86_400)

    assert demand(world).kind is RefreshResultKind.NO_REFRESH_TOKEN
    world.clock.advance(60)
    assert world.row.due_at == world.clock.now()
    attend(world)

    assert notices_of(world) == ["consent_ending"]
    assert world.row.due_at == world.row.expires_at


def test_what_is_on_hold_is_told_of_when_the_hold_is_lifted() -> None:
    world = consent_world(180)
    deps = world.refreshing()
    hold_connection(deps, KEY, on_hold=True, invocation=world.invocation())
    world.clock.advance(170 * 86_400)
    attend(world)
    assert notices_of(world) == []

    hold_connection(deps, KEY, on_hold=False, invocation=world.invocation())
    assert world.row.due_at == world.row.consent_notice_at
    attend(world)
    assert notices_of(world) == ["consent_ending"]


def test_a_new_consent_is_told_of_anew() -> None:
    world = consent_world(180)
    world.clock.advance(170 * 86_400)
    attend(world)
    world.store_grant(world.row, replace(world.new_grant(), context=granted(world.clock.now())))
    assert world.row.consent_noticed_at is None
    assert world.row.due_at == world.clock.now() + 166 * DAY
    world.clock.advance(166 * 86_400)
    attend(world)

    assert notices_of(world) == ["consent_ending"] * 2
