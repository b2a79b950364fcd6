"""Every way to a first token set, as a tenant's backend, a browser and a user at another device walk it."""

from urllib.parse import urlsplit

from evertoken.domain.connection import Connection, RefreshPolicy
from evertoken.usecases.poll_device import StillPending
from evertoken.usecases.receive_callback import CallbackStatus
from tests.conformance.authorization_server import SUBJECT
from tests.conformance.expectation import expect
from tests.conformance.wanted_parameters import (
    PASSWORD,
    SUBJECT_TOKEN,
    SUBJECT_TOKEN_TYPE,
    USER_TOKEN,
    USERNAME,
)
from tests.conformance.world import World

GIVEN = {
    "client_credentials": {},
    "user_token": {"user_token": USER_TOKEN},
    "session_login": {"username": USERNAME, "password": PASSWORD},
    "token_exchange": {"subject_token": SUBJECT_TOKEN, "subject_token_type": SUBJECT_TOKEN_TYPE},
    "jwt_bearer": {"subject": SUBJECT},
}
MAX_POLLS = 5


def connect(world: World, grant: str, policy: RefreshPolicy | None = RefreshPolicy.SCHEDULED) -> Connection:
    """A new connection by *grant*."""
    wish = world.service.wish(dict(world.server.values.connection), policy)
    if grant == "authorization_code":
        return _connect_by_browser(world, wish)
    if grant == "device_code":
        return _connect_by_device(world, wish)
    return world.service.connect_directly(wish, grant, GIVEN[grant])


def _connect_by_browser(world: World, wish) -> Connection:
    server, service = world.server, world.service
    is_asked_for = server.entry.fact("requests.authorization") is not None
    needs_token = server.entry.fact("requests.authorization.authorization_header.credential") == "user_token"
    started = service.start(wish, user_token=USER_TOKEN if needs_token else None)
    if is_asked_for:
        expect(
            started.authorization_url.startswith(server.redirect_uri),
            "the URL that was asked for is not the one that was given",
        )
        raw = urlsplit(started.authorization_url).query
    else:
        raw = server.authorize(started.authorization_url)
    expect(raw, "the authorization page refused")
    world.clock.advance(20)
    status, session_uri = service.come_back(raw)
    expect(status is CallbackStatus.RETURNED, f"the callback ended as {status}")
    world.clock.advance(1)
    return service.complete(session_uri)


def refuse_consent(world: World) -> CallbackStatus:
    """The user says no."""
    started = world.service.start(world.service.wish(dict(world.server.values.connection)))
    return world.service.come_back(world.server.authorize(started.authorization_url, denies=True))[0]


def _connect_by_device(world: World, wish) -> Connection:
    started = world.service.start_device(wish)
    wait = float(started.interval_seconds)
    for number in range(MAX_POLLS):
        world.clock.advance(wait)
        if number:
            world.server.devices.approve()
        result = world.service.poll_device(started.session_uri)
        if not isinstance(result, StillPending):
            return result
        wait = result.retry_after_seconds
    raise AssertionError("the device flow never ended")
