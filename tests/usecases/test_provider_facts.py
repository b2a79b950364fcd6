"""What a provider's entry says about refreshing is kept to, whoever asks: ages, windows, limits, ends, and its waiting for users."""

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest

from evertoken.domain.answer_shape import ErrorRule
from evertoken.domain.connection import ConnectionStatus, RefreshPolicy
from evertoken.domain.errors import ProviderUnavailableError, ReauthorizationRequiredError
from evertoken.domain.grant import Grant
from evertoken.domain.http import NoAnswer
from evertoken.domain.outcome import FailureKind
from evertoken.domain.provider import RefreshCredential, Rotation, RotationClass
from evertoken.domain.provider_shapes import LimitScope, RequestLimit
from evertoken.usecases.attend_connection import attend_connection
from evertoken.usecases.change_connection import change_connection
from evertoken.usecases.read_token import read_token
from evertoken.usecases.refresh_attempt import RefreshReason, RefreshResultKind
from tests.fakes.clock import BEGIN
from tests.fakes.provider_transport import issued, refused
from tests.simulation import service
from tests.simulation.world import KEY
from tests.usecases.due_world import hint_of
from tests.usecases.grant_world import ask, granted, know, register

Kind = RefreshResultKind
DAY = 86_400
ACTIVE, DEAD = ConnectionStatus.ACTIVE, ConnectionStatus.REAUTHORIZATION_REQUIRED
STATIC = Rotation(kind=RotationClass.STATIC)
SILENCE = NoAnswer(reason="timeout")
BY_ITSELF = {"refresh_credential": RefreshCredential.ACCESS_TOKEN}


def limited(requests, seconds):
    return {"limits": (RequestLimit(requests=requests, seconds=seconds, scope=LimitScope.GRANT),)}


def asked_hint(world):
    return attend_connection(
        world.refreshing(), replace(hint_of(world), asked=True), invocation=world.invocation()
    )


# minimum age, window, maximum age


@pytest.mark.parametrize("reason", RefreshReason)
def test_a_token_below_the_minimum_age_is_not_sent_whoever_asks(reason):
    world = granted(issued(), facts={"minimum_age_seconds": 3000}, age=2990)
    writes = world.store.writes
    assert ask(world, reason=reason, min_lifetime_seconds=3600).kind is Kind.NOT_NEEDED
    assert world.store.writes == writes
    due_before = world.row.due_at
    assert asked_hint(world).kind is Kind.NOT_NEEDED
    assert (world.transport.requests, world.row.lease, world.row.open_attempts) == ([], None, 0)
    assert world.row.due_at == due_before
    world.clock.advance(20)
    assert ask(world).kind is Kind.REFRESHED


def test_a_plan_from_before_the_entry_knew_a_minimum_age_is_put_off():
    world = granted(issued())
    know(world, minimum_age_seconds=3400)
    service.run(world, 500)
    assert world.transport.requests == []
    assert world.row.due_at == world.row.issued_at + timedelta(seconds=3405), "looked at when it can be done"
    service.run(world, 300)
    assert len(world.transport.requests) == 1


def test_a_refresh_stays_inside_the_providers_window():
    world = granted(issued(), facts={"refresh_window_seconds": 30}, age=3560)
    assert ask(world).kind is Kind.NOT_NEEDED
    service.run(world, 30)
    assert (len(world.transport.requests), world.row.generation) == (1, 2)
    assert 0 < (world.row.expires_at - world.row.refresh_at).total_seconds() <= 30


def test_a_stale_token_whose_refresh_is_planned_late_is_read_without_a_hint():
    world = granted(issued(), facts={"refresh_window_seconds": 30}, age=3000)
    read = read_token(world.reading(), KEY, invocation=world.invocation())
    assert (read.refresh, world.queue.hints) == (None, [])
    lazy = granted(issued(), row={"policy": RefreshPolicy.LAZY}, age=3000)
    read_token(lazy.reading(), KEY, invocation=lazy.invocation())
    assert len(lazy.queue.hints) == 1


def test_a_token_is_refreshed_before_its_maximum_age():
    world = granted(issued(expires_in=30 * DAY), facts={"maximum_age_seconds": 7 * DAY}, age=60)
    ask(world)
    age = (world.row.refresh_at - world.row.issued_at).total_seconds()
    assert 6.3 * DAY <= age <= 7 * DAY
    endless = granted(
        issued(expires_in=0), facts={"maximum_age_seconds": DAY, "access_token_lifetime_seconds": None}
    )
    assert endless.row.refresh_at is not None


# limits


def test_no_demand_and_no_trouble_exceeds_a_limit_of_the_provider():
    world = granted(SILENCE, facts={"rotation": STATIC, **limited(10, 600)})
    sent_at, real = [], world.transport.send

    def send(request, *, timeout_seconds):
        sent_at.append(world.clock.elapsed)
        world.transport._answers = [[SILENCE], [refused("x", status=503)], [issued()], [issued()]][
            len(sent_at) % 4
        ]
        return real(request, timeout_seconds=timeout_seconds)

    world.transport.send = send
    for _ in range(400):
        service.run(world, 7)
        ask(world)
        asked_hint(world)
    assert len(sent_at) > 20
    assert min(after - before for before, after in pairwise(sent_at)) >= 60


def test_a_short_limit_is_waited_out_before_a_repeat():
    world = granted(SILENCE, issued(), facts={"rotation": STATIC, **limited(30, 120)})
    before = world.clock.elapsed
    assert ask(world).kind is Kind.REFRESHED
    assert len(world.transport.requests) == 2
    assert world.clock.elapsed - before >= 4


def test_no_silence_of_a_strict_provider_exceeds_its_limit():
    world = granted(SILENCE, facts=limited(1, 300), age=3500)
    ask(world)
    assert world.row.cooldown_until - world.clock.now() >= timedelta(seconds=300)
    assert world.row.due_at >= world.row.cooldown_until


def test_a_registration_put_right_at_once_does_not_exceed_a_limit():
    world = granted(refused("invalid_client", status=401), facts=limited(1, 300))
    assert ask(world).kind is Kind.REGISTRATION_PAUSED
    register(world, paused_until=None)
    assert ask(world).kind is Kind.COOLING_DOWN


# the user, and the end


def test_a_provider_that_waits_for_its_user_is_asked_once_an_hour_and_the_reader_is_told():
    rule = ErrorRule(kind=FailureKind.USER_ACTION_REQUIRED, path="/error", values=("consent_required",))
    world = granted(refused("consent_required"), facts={"error_rules": (rule,)}, age=3700)
    with pytest.raises(ProviderUnavailableError, match="user"):
        read_token(world.reading(), KEY, invocation=world.invocation())
    row = world.row
    assert (row.status, row.failure.cause, row.open_attempts) == (ACTIVE, "user_action_required", 0)
    assert row.cooldown_until - world.clock.now() == timedelta(hours=1)
    with pytest.raises(ProviderUnavailableError, match="user"):
        read_token(world.reading(), KEY, invocation=world.invocation())
    service.run(world, 7300)
    assert 2 <= len(world.transport.requests) <= 3


def test_what_expired_is_not_sent_where_nothing_expired_is_renewed():
    facts = {**BY_ITSELF, "refreshable_after_expiry": False, "access_token_lifetime_is_assumed": False}
    world = granted(issued(), facts=facts, age=3601)
    result = ask(world)
    assert (result.kind, world.transport.requests) == (Kind.REAUTHORIZATION_REQUIRED, [])
    assert (world.row.status, world.row.failure.cause, world.row.due_at) == (DEAD, "expired", None)
    with pytest.raises(ReauthorizationRequiredError, match="expired"):
        read_token(world.reading(), KEY, invocation=world.invocation())


def test_an_expiry_that_nobody_stated_ends_nothing():
    world = granted(issued(), facts={**BY_ITSELF, "refreshable_after_expiry": False}, age=3601)
    assert ask(world).kind is Kind.REFRESHED


@pytest.mark.parametrize("answers", [(issued(),), (SILENCE, SILENCE, refused("x", status=503), issued())])
def test_what_cannot_be_renewed_after_its_end_is_not_left_to_a_reader(answers):
    facts = {**BY_ITSELF, "refreshable_after_expiry": False}
    world = granted(*answers, facts=facts, row={"policy": RefreshPolicy.LAZY}, age=0)
    for _ in range(120):
        service.run(world, 60)
        assert world.row.lives_for(world.clock.now()) > 0
    assert world.row.status is ACTIVE


def test_an_access_token_that_renews_itself_is_asked_for_again_at_once():
    world = granted(SILENCE, issued(), facts=BY_ITSELF)
    assert ask(world).kind is Kind.REFRESHED
    assert len(world.transport.requests) == 2


# the end of the grant


def test_the_end_of_the_grant_is_shown_and_not_run_against():
    facts = {"grant_lifetime_seconds": 90 * DAY, "refresh_token_lifetime_seconds": 90 * DAY}
    world = granted(issued(refresh_token="r-2"), facts=facts, row={"policy": RefreshPolicy.LAZY}, age=0)
    ends = world.clock.now() + timedelta(days=90)
    assert world.row.refresh_token_expires_at == ends
    service.run(world, 89.99 * DAY)
    assert len(world.transport.requests) <= 1
    assert abs(world.row.refresh_token_expires_at - ends) < timedelta(seconds=1)


def test_a_refresh_token_that_ends_with_its_grant_is_not_kept_alive():
    ends = BEGIN + timedelta(days=90)
    world = granted(
        issued(),
        facts={"grant_lifetime_seconds": 90 * DAY},
        token_set={"refresh_token_expires_at": ends},
        row={"policy": RefreshPolicy.LAZY},
    )
    assert (world.row.refresh_at, world.row.refresh_token_expires_at) == (None, ends)


def test_an_end_that_a_refresh_does_not_move_is_not_run_against():
    world = granted(issued(), row={"policy": RefreshPolicy.LAZY}, age=0)
    ends = world.clock.now() + timedelta(days=60)
    world.store_grant(world.row, replace(world.new_grant(), refresh_token_expires_at=ends))
    service.run(world, 61 * DAY)
    assert len(world.transport.requests) == 1


def test_an_end_that_every_refresh_moves_is_kept_away_for_ever():
    world = granted(
        issued(refresh_token="r", refresh_token_expires_in=30 * DAY),
        row={"policy": RefreshPolicy.LAZY},
        age=60,
    )
    ask(world)
    service.run(world, 300 * DAY)
    assert 9 <= len(world.transport.requests) <= 14
    assert world.row.refresh_token_expires_at > world.clock.now()


def test_a_change_of_policy_plans_by_the_grant_that_the_token_set_keeps():
    world = granted(
        issued(),
        grant=Grant.CLIENT_CREDENTIALS,
        token_set={"refresh_token": None},
        row={"policy": RefreshPolicy.LAZY},
    )
    assert world.row.refresh_at is None
    changed = change_connection(
        world.refreshing(),
        KEY,
        name=None,
        display_name=None,
        policy=RefreshPolicy.SCHEDULED,
        publication=None,
        minimum_published_lifetime_seconds=900,
        invocation=world.invocation(28),
    )
    assert changed.refresh_at < changed.expires_at


def test_a_change_of_policy_keeps_alive_what_a_refresh_can_keep_alive():
    ends = BEGIN + timedelta(days=90)
    world = granted(issued(), token_set={"refresh_token_expires_at": ends}, age=60)
    changed = change_connection(
        world.refreshing(),
        KEY,
        name=None,
        display_name=None,
        policy=RefreshPolicy.LAZY,
        publication=None,
        minimum_published_lifetime_seconds=900,
        invocation=world.invocation(28),
    )
    assert changed.refresh_at == BEGIN + timedelta(days=81)
