"""Each rule of sessions, broken, turns a named sentence red."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.fakes.sessions import MemorySessions
from tests.simulation.mutation import Mutant, applied
from tests.usecases import test_session_rotation as rotation
from tests.usecases import test_sessions as sessions
from tests.usecases.session_world import HOURS, World, signing_key_id

__all__ = ["signing_key_id"]


def refuse_verification_at_the_end(world):
    token = world.open()
    for _ in range(2):
        world.clock.advance(4 * HOURS)
        token = world.refresh(token)
    world.clock.advance(4 * HOURS)

    assert not world.verifies(token)


USE_CASE = "evertoken.usecases.refresh_session_token"
DOMAIN = "evertoken.domain.session"
MISTAKES: dict[str, tuple[str, str, str, str, Callable[..., Any]]] = {
    "what is over is answered again": (
        USE_CASE,
        "_repeat_or_revoke",
        "session is None or session.end_at(now) is not None",
        "session is None",
        rotation.test_a_repeated_write_meets_the_logout_that_came_between,
    ),
    "use moves the window": (
        DOMAIN,
        "Session.has_just_replaced",
        "self.rotated_at + timedelta(",
        "max(self.rotated_at, now) + timedelta(",
        rotation.test_the_leeway_begins_with_the_first_use_and_no_further_use_moves_it,
    ),
    "a grandparent is a parent": (
        DOMAIN,
        "Session.has_just_replaced",
        "token_id == self.previous_token_id and now",
        "now",
        rotation.test_a_grandparent_is_reuse_even_within_the_leeway,
    ),
    "no window": (
        DOMAIN,
        "Session.has_just_replaced",
        "token_id == self.previous_token_id and now <=",
        "False and now <=",
        rotation.test_fifty_refreshes_of_one_token_at_once_give_one_successor,
    ),
    "reuse is only refused": (
        USE_CASE,
        "_repeat_or_revoke",
        "is_ended_here = deps.sessions.revoke(",
        "is_ended_here = (lambda *_, **__: True)(",
        rotation.test_a_token_refreshed_again_after_the_leeway_ends_the_session,
    ),
    "a write does not recognise itself": (
        USE_CASE,
        "_repeat_or_revoke",
        "successor in (session.token_id, session.previous_token_id)",
        "successor == session.token_id",
        rotation.test_a_repeated_write_is_no_reuse_also_when_its_successor_was_refreshed_meanwhile,
    ),
    "the token's role is the session's": (
        DOMAIN,
        "Session.token_claims",
        '"role": self.token_role',
        '"role": self.role',
        rotation.test_a_repeated_refresh_says_the_role_of_the_first_also_when_it_changed_between,
    ),
    "the end moves with each refresh": (
        DOMAIN,
        "Session.token_expires_at",
        "self.ends_at)",
        "issued_at + timedelta(days=1))",
        sessions.test_a_session_outlives_its_tokens_and_ends_twelve_hours_after_it_began_whatever_is_refreshed,
    ),
    "any session of the tenant": (
        "evertoken.usecases.read_session",
        "get_own_session",
        "presented.session_id != session_id",
        "False",
        sessions.test_a_token_reads_and_ends_its_own_session_and_no_other,
    ),
    "a session that is over is read": (
        "evertoken.usecases.read_session",
        "get_own_session",
        "session is None or session.end_at(deps.clock.now()) is not None",
        "session is None",
        sessions.test_after_logout_no_token_of_the_session_passes,
    ),
    "suspended tenants pass": (
        "evertoken.usecases.issue_session_token",
        "require_admitted_tenant",
        "deps.tenants.is_revoked_tenant(presented.tenant_id, issued_at=presented.authenticated_at)",
        "False",
        sessions.test_no_session_of_a_suspended_tenant_passes_nor_when_it_may_again_but_new_ones_do,
    ),
    "a tenant that may pass again brings its old sessions back": (
        "evertoken.domain.authorization",
        "Revoked.refuses_tenant",
        "issued_at < lifted_at.replace(microsecond=0)",
        "False",
        sessions.test_no_session_of_a_suspended_tenant_passes_nor_when_it_may_again_but_new_ones_do,
    ),
    "the grace outlasts the session": (
        "evertoken.adapters.session_token_verifier",
        "SessionTokenVerifier.get_token",
        "min(expires_at + grace_seconds, session_ends_at)",
        "expires_at + grace_seconds",
        refuse_verification_at_the_end,
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_in_the_rotation_is_seen(name, signing_key_id):
    module, function, old, new, sentence = MISTAKES[name]
    mutant = Mutant(name=name, module=module, function=function, old=old, new=new, probe="", breach="")
    world = World(MemorySessions(), signing_key_id)
    sentence(World(MemorySessions(), signing_key_id))
    with applied(mutant), pytest.raises(AssertionError):
        sentence(world)
