"""What a failed refresh leaves behind: nothing but a provider's own word ends a connection, and nobody is hammered."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from evertoken.domain.connection import ConnectionStatus
from evertoken.domain.outcome import FailureKind
from evertoken.usecases.attend_connection import attend_connection
from evertoken.usecases.refresh_attempt import RefreshReason, RefreshResultKind
from evertoken.usecases.refresh_connection import refresh_connection
from tests.simulation import service
from tests.simulation.world import CANARY, KEY, KINDS, World
from tests.support import provider_faults as faults
from tests.support.provider_faults import Fault
from tests.usecases.due_world import demand, due_world, hint_of, posts

Kind = RefreshResultKind
ACTIVE, DEAD = ConnectionStatus.ACTIVE, ConnectionStatus.REAUTHORIZATION_REQUIRED

UNSPENT = {
    "429": (faults.throttled("120"), FailureKind.THROTTLED),
    "429 without a wait": (faults.throttled(None), FailureKind.THROTTLED),
    "503": (faults.unavailable("30"), FailureKind.PROVIDER_DOWN),
    "an error that nobody knows": (faults.answer(400, b'{"error":"teapot"}'), FailureKind.PROVIDER_DOWN),
    "temporarily_unavailable": (
        faults.answer(400, b'{"error":"temporarily_unavailable"}'),
        FailureKind.PROVIDER_DOWN,
    ),
}
UNKNOWN = {
    "silence": faults.hang(),
    "silence after the commit": faults.hang(commits=True),
    "dropped before": faults.drop_before(),
    "dropped after the commit": faults.drop_after_commit(),
    "500": faults.answer(500, b"oops"),
    "502 with HTML": faults.answer(502, b"<html>", {"Content-Type": "text/html"}),
    "504": faults.answer(504),
    "200 with HTML": faults.answer(200, b"<html>", {"Content-Type": "text/html"}),
    "truncated": faults.truncated(),
    "redirect": faults.redirect("https://evil.test/token"),
    "200 without a token": faults.answer(200, b'{"token_type":"Bearer"}'),
    "500 that says invalid_grant": faults.answer(500, b'{"error":"invalid_grant"}'),
}


@pytest.mark.parametrize("name", UNSPENT)
def test_a_refusal_that_spends_nothing_is_tried_again_and_changes_no_status(name: str) -> None:
    fault, kind = UNSPENT[name]
    world = due_world()
    world.twin.script.add(fault)
    result = attend_connection(world.refreshing(), hint_of(world), invocation=world.invocation())
    row = world.row
    assert result.kind is Kind.FAILED
    assert (row.status, row.lease, row.open_attempts) == (ACTIVE, None, 0)
    assert row.failure is not None
    assert (row.failure.cause, row.failure.count) == (kind.value, 1)
    assert row.cooldown_until == row.due_at
    assert CANARY not in repr(row.failure)
    service.run(world, 600)
    assert world.row.generation == 2


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", UNKNOWN)
def test_an_unknown_outcome_never_ends_a_connection_by_itself(name: str, kind: str) -> None:
    world = due_world(kind)
    world.twin.script.add(UNKNOWN[name], times=2)
    attend_connection(world.refreshing(), hint_of(world), invocation=world.invocation())
    assert world.row.status is ACTIVE
    assert world.row.lease is None
    assert posts(world) == (2 if kind in ("static", "grace") else 1)


@pytest.mark.parametrize("kind", ["static", "grace"])
def test_an_answer_lost_after_the_provider_rotated_heals_where_the_provider_lets_it(kind: str) -> None:
    world = due_world(kind)
    world.twin.script.add(faults.drop_after_commit())
    assert (
        attend_connection(world.refreshing(), hint_of(world), invocation=world.invocation()).kind
        is Kind.REFRESHED
    )
    assert world.row.generation == 2


@pytest.mark.parametrize("kind", ["strict", "strict_kill"])
def test_a_strict_providers_lost_answer_waits_until_late_and_is_then_called_a_lost_response(
    kind: str,
) -> None:
    world = due_world(kind)
    world.twin.script.add(faults.drop_after_commit())
    attend_connection(world.refreshing(), hint_of(world), invocation=world.invocation())
    row = world.row
    assert row.expires_at is not None
    assert row.due_at == row.expires_at - timedelta(seconds=120), "the live token is served first"
    for _ in range(3):
        world.clock.advance(100)
        assert demand(world).kind is Kind.DEFERRED
    assert posts(world) == 1
    service.run(world, 1500)
    assert posts(world) == 2
    assert (world.row.status, world.row.failure and world.row.failure.cause) == (DEAD, "lost_response")
    assert world.row.sealed is not None, "what lives is served until it expires"


def test_a_grace_that_is_over_is_no_grace_any_more() -> None:
    world = due_world("grace")
    world.twin.script.add(faults.drop_after_commit(), times=2)
    attend_connection(world.refreshing(), hint_of(world), invocation=world.invocation())
    assert posts(world) == 2
    world.clock.advance(121)
    assert demand(world).kind is Kind.DEFERRED
    assert posts(world) == 2, "the old token is dead by now, and using it again could end more than it brings"


def test_a_strict_providers_unprocessed_request_heals_late() -> None:
    world = due_world("strict_kill")
    world.twin.script.add(faults.drop_before())
    service.run(world, 1500)
    assert (world.row.status, world.row.generation) == (ACTIVE, 2)


def test_a_refusal_after_an_unanswered_request_waits_to_be_confirmed() -> None:
    world = due_world("static")
    world.twin.script.add(faults.drop_before())
    world.twin.script.add(faults.answer(400, b'{"error":"invalid_grant"}'))
    attend_connection(world.refreshing(), hint_of(world), invocation=world.invocation())
    assert world.row.status is ACTIVE
    assert world.row.cooldown_until == world.clock.now() + timedelta(seconds=60)
    service.run(world, 200)
    assert (world.row.status, world.row.generation) == (ACTIVE, 2), "the confirmation said otherwise"


@pytest.mark.parametrize(
    "fault",
    [faults.unavailable(), faults.answer(429, b"{}"), faults.answer(401, b'{"error":"invalid_client"}')],
)
def test_an_unanswered_request_is_not_forgotten_because_its_repetition_was_turned_away(fault) -> None:
    world = due_world("grace")
    world.twin.script.add(faults.drop_before())
    world.twin.script.add(fault)
    attend_connection(world.refreshing(), hint_of(world), invocation=world.invocation())
    assert posts(world) == 2
    assert (world.row.status, world.row.open_attempts) == (ACTIVE, 1)


def test_a_dead_grant_is_believed_once_and_never_asked_for_again() -> None:
    world = due_world()
    _end_grant(world)
    result = attend_connection(world.refreshing(), hint_of(world), invocation=world.invocation())
    assert result.kind is Kind.REAUTHORIZATION_REQUIRED
    assert not result.lost_in_window
    assert (world.row.status, world.row.due_at) == (DEAD, None)
    assert world.row.failure is not None
    assert (world.row.failure.cause, world.row.failure.code) == ("grant_dead", "invalid_grant")
    service.run(world, 7200)
    demand(world)
    assert posts(world) == 1


def test_a_refused_loser_finds_the_winners_token_and_passes_no_verdict() -> None:
    """Two workers hold the same token, because one outlived its lease: the second is refused after the first committed."""
    world = due_world("strict")
    slow = world.refreshing()
    real = world.transport.send

    def send(*args: object, **kwargs: object) -> object:
        world.transport.send = real  # type: ignore[method-assign]
        world.clock.advance(61)
        world.store._write(replace(world.row, open_attempts=0))
        assert (
            attend_connection(world.refreshing(), hint_of(world), invocation=world.invocation()).kind
            is Kind.REFRESHED
        )
        return real(*args, **kwargs)  # type: ignore[arg-type]

    world.transport.send = send  # type: ignore[assignment, method-assign]
    invocation = world.invocation(200)
    result = refresh_connection(slow, KEY, reason=RefreshReason.MANUAL, invocation=invocation)
    assert result.kind is Kind.SUPERSEDED
    assert (world.row.status, world.row.generation) == (ACTIVE, 2)


def test_a_refused_client_pauses_the_registration_once_and_marks_no_connection() -> None:
    world = due_world()
    world.twin.rules.change_secret("client-1", "another")
    result = attend_connection(world.refreshing(), hint_of(world), invocation=world.invocation())
    assert (result.kind, result.paused_registration) == (Kind.REGISTRATION_PAUSED, True)
    assert world.row.status is ACTIVE
    service.run(world, 250)
    assert posts(world) == 1, "while it is paused nothing is sent"
    world.twin.rules.change_secret("client-1", "secret: % + & é")
    service.run(world, 600)
    assert (world.row.status, world.row.generation, world.directory.pauses) == (ACTIVE, 2, 1)


def test_a_grant_of_another_client_is_not_sent_to_this_one() -> None:
    world = due_world()
    ready = world.directory.get_ready("reg-1")
    world.directory.put(replace(ready, registration=replace(ready.registration, client_id="client-2")))
    assert demand(world).kind is Kind.CLIENT_CHANGED
    assert (world.row.status, world.row.failure and world.row.failure.code) == (ACTIVE, "client_changed")
    assert posts(world) == 0
    world.directory.put(ready)
    service.run(world, 3700)
    assert world.row.generation > 1


@pytest.mark.parametrize(
    ("retry_after", "least", "most"),
    [("120", 120, 120), ("0", 1, 5), ("-5", 1, 5), ("1000000000", 3600, 3600), ("²", 1, 5), ("soon", 1, 5)],
)
def test_retry_after_is_obeyed_within_bounds(retry_after: str, least: int, most: int) -> None:
    world = due_world()
    world.twin.script.add(_throttled(retry_after))
    demand(world)
    cooldown_until = world.row.cooldown_until
    assert cooldown_until is not None
    assert least <= (cooldown_until - world.clock.now()).total_seconds() <= most


def test_inside_the_cool_down_nobody_asks_the_provider() -> None:
    world = due_world()
    world.twin.script.add(faults.throttled("600"))
    demand(world)
    for _ in range(20):
        world.clock.advance(29)
        assert demand(world).kind is Kind.COOLING_DOWN
        asked = replace(hint_of(world), asked=True)
        assert (
            attend_connection(world.refreshing(), asked, invocation=world.invocation()).kind
            is Kind.COOLING_DOWN
        )
    assert posts(world) == 1


@pytest.mark.parametrize(
    "fault", [faults.unavailable(None), faults.answer(500)], ids=["unavailable", "broken"]
)
def test_a_provider_in_trouble_is_asked_ever_more_rarely(fault: Fault) -> None:
    world = due_world("static")
    world.twin.script.add(fault, times=10_000)
    service.run(world, 3600)
    starts = [record.started_at for record in world.twin.ledger.find_requests()]
    assert 5 < len(starts) < 40
    assert starts[-1] - starts[-3] > 300
    assert world.row.status is ACTIVE
    assert world.row.failure is not None
    assert world.row.failure.count > 5


def test_an_answer_without_a_refresh_token_keeps_the_old_one() -> None:
    world = due_world("static")
    before = world.token_set()
    demand(world)
    after = world.token_set()
    assert before is not None
    assert after is not None
    assert after.refresh_token == before.refresh_token
    assert after.access_token != before.access_token


@pytest.mark.parametrize("expires_in", [None, 0, -5, "3600", 3600.5, 1e20, True, [], "soon"])
def test_any_expires_in_leads_to_a_plan_and_no_tight_loop(expires_in: object) -> None:
    world = due_world("static")
    world.twin.rules.change_profile(expires_in=expires_in)
    assert demand(world).kind is Kind.REFRESHED
    sent = posts(world)
    service.run(world, 600)
    assert posts(world) - sent <= 11, "at most one a tick"
    assert world.row.refresh_at is None or world.row.refresh_at > world.clock.now() - timedelta(seconds=61)


def test_a_smaller_scope_is_stored_and_what_is_missing_is_named() -> None:
    world = due_world("static")
    world.store._write(replace(world.row, scope="read write"))
    demand(world)
    assert (world.row.scope, world.row.missing_scope) == ("read", "write")


def _throttled(retry_after: str) -> Fault:
    return faults.answer(429, b'{"error":"slow_down"}', {"Retry-After": retry_after})


def _end_grant(world: World) -> None:
    token_set = world.token_set()
    assert token_set is not None
    assert token_set.refresh_token is not None
    world.twin.rules.end_grant(token_set.refresh_token)
