"""A connection whose token set was had by any grant, at a provider with any facts, and what comes of asking for its refresh."""

from dataclasses import replace

from evertoken.domain.grant import Grant, GrantContext
from evertoken.usecases.refresh_attempt import RefreshReason
from evertoken.usecases.refresh_connection import refresh_connection
from tests.fakes.provider_transport import CannedTransport
from tests.simulation.world import KEY, build_row, build_world

CREDENTIALS = {
    Grant.SESSION_LOGIN: {"username": "user-1", "password": "password-1"},
    Grant.JWT_BEARER: {"subject": "someone@example.com"},
}


def know(world, **facts):
    """Change what is known of the provider."""
    ready = world.directory.get_ready("reg-1")
    world.directory.put(replace(ready, provider=replace(ready.provider, **facts)))


def register(world, **changes):
    """Change the client registration."""
    ready = world.directory.get_ready("reg-1")
    world.directory.put(replace(ready, registration=replace(ready.registration, **changes)))


def granted(
    *answers,
    grant=Grant.AUTHORIZATION_CODE,
    facts=None,
    token_set=None,
    row=None,
    age=2700,
    parameters=None,
    **profile,
):
    """A world whose provider gives *answers* (or plays its part, when there are none) to a connection that holds *token_set*."""
    world = build_world("strict_kill", **profile)
    know(world, **(facts or {}))
    if answers:
        world.transport = CannedTransport(*answers)
    context = GrantContext(
        grant=grant,
        granted_at=world.clock.now(),
        parameters=parameters or {},
        credentials=CREDENTIALS.get(grant, {}),
    )
    given = {"context": context, **(token_set or {})}
    ready = world.directory.get_ready("reg-1").for_grant(parameters or {})
    world.publisher.create_empty(KEY)
    world.store.create_connecting(build_row(world.clock.now(), ready, **(row or {})))
    world.store_grant(world.row, replace(world.new_grant(), **given), binding=ready.binding)
    world.clock.advance(age)
    return world


def ask(world, **changes):
    """Demand a refresh."""
    arguments = {"reason": RefreshReason.MANUAL, "invocation": world.invocation()}
    return refresh_connection(world.refreshing(), KEY, **(arguments | changes))
