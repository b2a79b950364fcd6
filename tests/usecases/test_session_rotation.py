"""Refreshing a session's token: rotation, repetition and reuse, whatever comes between and whatever is lost."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from greenlet import getcurrent, greenlet

from evertoken.control_ports import SessionChange
from evertoken.domain.errors import AuthenticationError, StoreUnavailableError
from evertoken.domain.session import SessionEnd
from evertoken.usecases.change_session import change_session
from evertoken.usecases.end_session import end_session
from evertoken.usecases.refresh_session_token import SessionReused, refresh_session_token
from tests.fakes.sessions import FakeTokenSigner, MemorySessions
from tests.usecases.session_world import ISSUER, REFUSED, claims_of, signing_key_id, world

__all__ = ["signing_key_id", "world"]


@pytest.mark.parametrize("late", [0, 1, 14.9, 15])
def test_a_token_refreshed_again_within_the_leeway_gets_the_same_successor(world, late):
    token = world.open()
    first = world.refresh_answer(token)
    world.clock.advance(late)

    second = world.refresh_answer(token)

    assert claims_of(first.access_token) == claims_of(second.access_token)
    assert first.expires_at == second.expires_at
    assert world.session.generation == 2


def test_a_token_refreshed_again_after_the_leeway_ends_the_session(world):
    token = world.open()
    second = world.refresh(token)
    world.clock.advance(15.001)

    assert world.refresh(token) == REFUSED
    assert world.session.revoked_because is SessionEnd.REUSE_DETECTED
    assert [world.refresh(one) for one in (token, second)] == [REFUSED, REFUSED]
    assert world.read_own(second) == REFUSED


def test_the_leeway_begins_with_the_first_use_and_no_further_use_moves_it(world):
    token = world.open()
    world.refresh(token)
    for _ in range(3):
        world.clock.advance(5)
        assert world.refresh(token) != REFUSED
    world.clock.advance(1)

    assert world.refresh(token) == REFUSED
    assert world.session.revoked_because is SessionEnd.REUSE_DETECTED


def test_a_grandparent_is_reuse_even_within_the_leeway(world):
    first = world.open()
    second = world.refresh(first)
    third = world.refresh(second)

    assert world.refresh(first) == REFUSED
    assert world.session.revoked_because is SessionEnd.REUSE_DETECTED
    assert world.refresh(third) == REFUSED


def test_reuse_is_told_once_and_every_further_try_is_a_plain_refusal(world):
    token = world.open()
    world.refresh(token)
    world.clock.advance(16)
    refresh = partial(refresh_session_token, world.deps(), world.verify(token), issuer=ISSUER)

    assert isinstance(refresh(), SessionReused)
    with pytest.raises(AuthenticationError):
        refresh()


def test_reuse_of_one_session_leaves_the_users_other_sessions(world):
    other = world.open()
    token = world.open()
    world.refresh(token)
    world.clock.advance(16)
    assert world.refresh(token) == REFUSED

    assert world.read_own(other) != REFUSED
    assert world.refresh(other) != REFUSED


def test_a_lowered_role_is_in_the_next_token_and_its_answer(world):
    token = world.open(role="DOCTOR")
    changed = change_session(world.deps(), "acme", world.session.session_id, SessionChange(role="VISITOR"))

    answer = world.refresh_answer(token)

    assert (changed.role, changed.token_role) == ("VISITOR", "DOCTOR")
    assert claims_of(answer.access_token)["role"] == answer.session.token_role == "VISITOR"


def test_a_repeated_refresh_says_the_role_of_the_first_also_when_it_changed_between(world):
    token = world.open(role="DOCTOR")
    first = world.refresh(token)
    change_session(world.deps(), "acme", world.session.session_id, SessionChange(role="VISITOR"))

    again = world.refresh(token)

    assert claims_of(again) == claims_of(first)
    assert claims_of(world.refresh(again))["role"] == "VISITOR"


def test_fifty_refreshes_of_one_token_at_once_give_one_successor(world):
    token = world.open()
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(world.refresh, [token] * 50))

    assert REFUSED not in answers
    assert len({json.dumps(claims_of(answer)) for answer in answers}) == 1
    assert claims_of(answers[0])["jti"] != claims_of(token)["jti"]
    assert world.session.generation == 2


# ------------------------------------------------------------------------------------------------- faults and interleavings


class LossySessions:
    """A store whose rotation takes effect twice over: the first answer is lost and the SDK sends the same write again."""

    def __init__(self, store, between=lambda: None):
        self._store, self._between = store, between

    def __getattr__(self, name):
        return getattr(self._store, name)

    def rotate(self, presented, *, successor, now):
        self._store.rotate(presented, successor=successor, now=now)
        self._between()
        return self._store.rotate(presented, successor=successor, now=now)


def test_a_write_whose_answer_was_lost_recognises_itself_when_it_is_repeated(world):
    token = world.open()

    answer = world.refresh(token, store=LossySessions(world.store))

    assert claims_of(answer)["gen"] == world.session.generation == 2
    assert world.read_own(answer) != REFUSED


def test_a_repeated_write_is_no_reuse_also_when_its_successor_was_refreshed_meanwhile(world):
    token = world.open()
    others = []

    def between():
        others.append(world.refresh(token))
        others.append(world.refresh(others[0]))

    answer = world.refresh(token, store=LossySessions(world.store, between))

    assert world.session.revoked_at is None
    assert claims_of(answer) == claims_of(others[1])


def test_a_repeated_write_meets_the_logout_that_came_between(world):
    token = world.open()
    sign_out = partial(end_session, world.deps(), "acme", world.opened.session.session_id)

    assert world.refresh(token, store=LossySessions(world.store, sign_out)) == REFUSED


def test_a_refresh_that_could_not_be_signed_is_repeated_within_the_leeway(world):
    class BrokenSigner(FakeTokenSigner):
        def sign(self, claims):
            raise StoreUnavailableError("Access tokens cannot be signed now. Try again.")

    token = world.open()
    with pytest.raises(StoreUnavailableError):
        world.refresh(token, signer=BrokenSigner())
    world.clock.advance(10)

    assert claims_of(world.refresh(token))["gen"] == 2


class Turns:
    """Runs processes one port call at a time, in the order that a schedule says."""

    def __init__(self, world):
        self._world, self._hub = world, getcurrent()

    def port(self, inner):
        hub = self._hub

        class Stopping:
            def __getattr__(self, name):
                def call(*positional, **named):
                    hub.switch()
                    return getattr(inner, name)(*positional, **named)

                return call

        return Stopping()

    def run(self, bodies, schedule):
        """Return what each body returned; *schedule* names who goes on, and whoever is left over goes on in order."""
        done: dict[int, Any] = {}

        def start(number: int, body: Callable[[], Any]) -> greenlet:
            def run() -> None:
                done[number] = body()

            return greenlet(run)

        processes = [start(number, body) for number, body in enumerate(bodies)]
        for number in (*schedule, *sorted(list(range(len(bodies))) * 6)):
            if not processes[number].dead:
                processes[number].switch()
        assert len(done) == len(bodies)
        return [done[number] for number in range(len(bodies))]


def schedules(steps):
    """Every order in which processes of so many steps each can take turns."""
    names = [number for number, count in enumerate(steps) for _ in range(count)]
    return sorted(set(itertools.permutations(names)))


def test_no_order_of_a_logout_beside_refreshes_leaves_a_live_token(world):
    is_fake = isinstance(world.store, MemorySessions)
    # Each process stops before each of its port calls: a refresh is begun, writes and signs; a logout is begun and writes.
    orders = schedules((3, 3, 2))
    assert len(orders) == 560
    for order in orders if is_fake else orders[::8]:
        first = world.open()
        second = world.refresh(first)
        turns = Turns(world)
        changes = {"store": turns.port(world.store), "signer": turns.port(world.signer)}
        end = partial(
            end_session, world.deps(store=changes["store"]), "acme", world.opened.session.session_id
        )
        one, two, _ = turns.run(
            [
                partial(world.refresh, second, **changes),
                partial(world.refresh, first, **changes),
                end,
            ],
            order,
        )

        assert world.session.revoked_at is not None
        for token in {first, second, one, two} - {REFUSED}:
            assert world.read_own(token) == REFUSED, order
            assert world.refresh(token) == REFUSED, order


def test_no_order_of_two_refreshes_gives_two_successors(world):
    for order in schedules((3, 3)):
        token = world.open()
        turns = Turns(world)
        changes = {"store": turns.port(world.store), "signer": turns.port(world.signer)}
        answers = turns.run([partial(world.refresh, token, **changes)] * 2, order)

        assert claims_of(answers[0]) == claims_of(answers[1]), order
        assert world.session.generation == 2


def test_no_order_of_a_lowered_role_beside_a_refresh_loses_it_for_longer_than_one_token(world):
    for order in schedules((3, 2)):
        token = world.open(role="DOCTOR")
        turns = Turns(world)
        changes = {"store": turns.port(world.store), "signer": turns.port(world.signer)}
        lower = partial(
            change_session,
            world.deps(store=changes["store"]),
            "acme",
            world.session.session_id,
            SessionChange(role="VISITOR"),
        )
        answer, _ = turns.run([partial(world.refresh, token, **changes), lower], order)

        assert claims_of(world.refresh(answer))["role"] == "VISITOR", order
