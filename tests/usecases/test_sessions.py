"""Sessions: how long their tokens live and are taken, and what ends them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from evertoken.control_ports import SessionChange
from evertoken.domain.errors import AuthenticationError, ConfigurationError, ConflictError, NotFoundError
from evertoken.domain.session import SessionEnd, SessionTiming
from evertoken.usecases.change_session import change_session
from evertoken.usecases.end_session import end_own_session, end_session
from evertoken.usecases.read_session import get_session
from tests.fakes.sessions import MemorySessions
from tests.usecases.session_world import HOURS, ISSUER, REFUSED, claims_of, signing_key_id, world

__all__ = ["signing_key_id", "world"]


def test_a_first_token_says_who_and_how_long_and_carries_no_profile(world):
    claims = claims_of(world.open())
    now = int(world.clock.now().timestamp())

    assert claims == {
        "iss": ISSUER,
        "aud": "evertoken/session",
        "sub": "ann",
        "tenant": "acme",
        "sid": world.opened.session.session_id,
        "jti": claims["jti"],
        "iat": now,
        "exp": now + 4 * HOURS,
        "auth_time": now,
        "role": "PATIENT",
        "gen": 1,
    }
    assert world.opened.expires_at.timestamp() == claims["exp"]


def test_a_valid_token_is_refreshed_to_one_of_four_hours(world):
    first = world.open()
    world.clock.advance(1 * HOURS)

    answer = world.refresh_answer(first)
    before, after = claims_of(first), claims_of(answer.access_token)

    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"jti", "iat", "exp", "gen"}
    assert after["exp"] - after["iat"] == 4 * HOURS
    assert answer.expires_at.timestamp() == after["exp"]
    assert (world.session.generation, after["gen"]) == (2, 2)


@pytest.mark.parametrize(
    ("late", "is_admitted"),
    [(-1, True), (0, True), (1, True), (899, True), (900, False), (901, False), (365 * 86_400, False)],
)
def test_an_expired_token_is_refreshed_within_the_grace_alone(world, late, is_admitted):
    first = world.open()
    world.clock.advance(4 * HOURS + late)

    assert (world.refresh(first) != REFUSED) is is_admitted
    assert world.expired == (late >= 0)


@pytest.mark.parametrize(("late", "is_admitted"), [(0, True), (899, True), (901, False)])
def test_an_expired_token_reads_its_own_session_within_the_grace_and_does_nothing_else(
    world, late, is_admitted
):
    token = world.open()
    world.clock.advance(4 * HOURS + late)

    assert (world.read_own(token) != REFUSED) is is_admitted
    assert world.sign_out(token) == REFUSED
    assert world.session.revoked_at is None


def test_a_session_outlives_its_tokens_and_ends_twelve_hours_after_it_began_whatever_is_refreshed(world):
    token = world.open()
    lives = []
    for _ in range(11):
        world.clock.advance(1 * HOURS)
        token = world.refresh(token)
        lives.append(claims_of(token)["exp"] - claims_of(token)["iat"])
    assert lives[:9] == [4 * HOURS] * 8 + [3 * HOURS]
    assert claims_of(token)["exp"] == claims_of(token)["auth_time"] + 12 * HOURS

    world.clock.advance(1 * HOURS - 1)
    token = world.refresh(token)
    assert claims_of(token)["exp"] - claims_of(token)["iat"] == 1
    world.clock.advance(1)

    assert world.refresh(token) == REFUSED
    assert world.read_own(token) == REFUSED
    assert world.session.end_at(world.clock.now()) is SessionEnd.EXPIRED


def test_the_grace_does_not_reach_beyond_the_sessions_end(world):
    token = world.open()
    world.clock.advance(4 * HOURS)
    token = world.refresh(token)
    world.clock.advance(4 * HOURS)
    token = world.refresh(token)
    world.clock.advance(4 * HOURS)

    assert claims_of(token)["exp"] == world.clock.now().timestamp()
    assert world.refresh(token) == REFUSED


@pytest.mark.parametrize(("skew", "is_admitted"), [(-61, False), (-60, True), (60, True), (61, True)])
def test_a_token_from_the_future_is_admitted_for_a_minute_of_skew(world, skew, is_admitted):
    token = world.open()

    assert (world.refresh(token, skew_seconds=skew) != REFUSED) is is_admitted


@pytest.mark.parametrize("skew", [-61, -5, 5, 61])
def test_no_skew_of_an_environment_stretches_the_end_by_more_than_itself(world, skew):
    token = world.open()
    world.clock.advance(4 * HOURS + 900 - skew)

    assert world.refresh(token, skew_seconds=skew) == REFUSED


def test_a_session_opened_by_a_clock_that_is_ahead_is_refreshed_by_one_that_is_right(world):
    token = world.open(skew_seconds=59)

    first = world.refresh(token)

    assert claims_of(first)["gen"] == 2
    assert world.refresh(token) != REFUSED


def test_after_logout_no_token_of_the_session_passes(world):
    first = world.open()
    second = world.refresh(first)

    assert world.sign_out(second) is None

    assert world.session.revoked_because is SessionEnd.SIGNED_OUT
    for token in (first, second):
        assert world.refresh(token) == REFUSED
        assert world.read_own(token) == REFUSED
    assert world.sign_out(second) is None


def test_an_older_token_that_still_lives_may_sign_out_too(world):
    first = world.open()
    second = world.refresh(first)

    assert world.sign_out(first) is None
    assert world.refresh(second) == REFUSED


def test_the_tenant_ends_a_session_as_often_as_it_likes(world):
    token, session_id = world.open(), world.opened.session.session_id

    end_session(world.deps(), "acme", session_id)
    end_session(world.deps(), "acme", session_id)

    assert world.session.revoked_because is SessionEnd.REVOKED
    assert world.refresh(token) == REFUSED


def test_another_tenant_finds_no_session(world):
    world.open()
    session_id = world.opened.session.session_id
    for act in (
        lambda: get_session(world.deps(), "beta", session_id),
        lambda: end_session(world.deps(), "beta", session_id),
        lambda: change_session(world.deps(), "beta", session_id, SessionChange(role="x")),
    ):
        with pytest.raises(NotFoundError, match="No session of this tenant"):
            act()
    assert world.session.revoked_at is None


def test_a_session_that_is_over_cannot_be_changed(world):
    world.open()
    session_id = world.opened.session.session_id
    end_session(world.deps(), "acme", session_id)

    with pytest.raises(ConflictError, match="POST /v1/sessions"):
        change_session(world.deps(), "acme", session_id, SessionChange(role="x"))


def test_a_token_reads_and_ends_its_own_session_and_no_other(world):
    world.open()
    other = world.opened.session.session_id
    token = world.open()

    assert world.read_own(token, other) == REFUSED
    with pytest.raises(AuthenticationError):
        end_own_session(world.deps(), world.verify(token), other)
    assert world.store.find("acme", other).revoked_at is None


def test_no_session_of_a_suspended_tenant_passes_nor_when_it_may_again_but_new_ones_do(world):
    token = world.open()
    world.tenants.tenants["acme"] = None
    assert world.refresh(token) == REFUSED
    assert world.read_own(token) == REFUSED
    assert world.sign_out(token) == REFUSED
    assert world.session.generation == 1

    world.clock.advance(1)
    world.tenants.tenants["acme"] = world.clock.now() + timedelta(milliseconds=999)
    assert world.refresh(token) == REFUSED
    assert world.read_own(token) == REFUSED
    assert world.sign_out(token) == REFUSED

    successor = world.refresh(world.open())
    assert world.read_own(successor) != REFUSED


def test_a_session_that_was_forgotten_is_refused_without_detail(world):
    token = world.open()
    world.store = MemorySessions()

    assert world.refresh(token) == REFUSED
    assert world.read_own(token) == REFUSED
    assert world.sign_out(token) == REFUSED


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"grace_seconds": 7201}, "SESSION_GRACE_SECONDS"),
        ({"grace_seconds": -1}, "SESSION_GRACE_SECONDS"),
        ({"lifetime_seconds": 31 * 86_400}, "SESSION_LIFETIME_SECONDS"),
        ({"lifetime_seconds": 0}, "SESSION_LIFETIME_SECONDS"),
        ({"token_lifetime_seconds": 0}, "SESSION_TOKEN_LIFETIME_SECONDS"),
    ],
)
def test_lifetimes_without_bounds_are_refused_when_the_function_starts(changes, named):
    good = {"token_lifetime_seconds": 14_400, "grace_seconds": 900, "lifetime_seconds": 43_200}
    with pytest.raises(ConfigurationError, match=named):
        SessionTiming(**(good | changes))
