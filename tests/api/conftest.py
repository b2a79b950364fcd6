"""One control plane for a file of tests; a provider of its own for each test, in place of the one before."""

import io
import logging
from collections.abc import Iterator

import pytest

from tests.support.control_plane import BUILDERS, DOMAIN, ControlPlane, open_control_plane
from tests.support.provider_profile import ProviderProfile
from tests.support.scripted_provider import ScriptedProvider

REDIRECT_URIS = tuple(
    f"https://{DOMAIN}/v1/oauth/callback/{name}" for name in ("scripted-acme", "scripted-other")
)


@pytest.fixture(scope="module")
def shared_plane() -> Iterator[ControlPlane]:
    with open_control_plane() as opened:
        yield opened


@pytest.fixture
def plane(shared_plane: ControlPlane) -> ControlPlane:
    """The control plane of the file, emptied: making its clients anew would take most of a test's time."""
    shared_plane.empty()
    return shared_plane


@pytest.fixture
def provider() -> Iterator[ScriptedProvider]:
    clients = {"client-1": "secret: % + & é", "client-2": "other"}
    with ScriptedProvider(ProviderProfile(redirect_uris=REDIRECT_URIS, clients=clients)) as running:
        yield running


@pytest.fixture
def tenant(plane: ControlPlane, provider: ScriptedProvider) -> str:
    """A tenant's access token, with the provider and a registration in place."""
    token = plane.tenant()
    plane.add_provider(provider.issuer)
    plane.add_registration()
    return token


@pytest.fixture
def printed(plane: ControlPlane) -> Iterator[io.StringIO]:
    """What the functions print, from here on."""
    stream, handlers = (
        io.StringIO(),
        [handler for name in BUILDERS for handler in logging.getLogger(name).handlers],
    )
    before = [handler.setStream(stream) for handler in handlers]
    yield stream
    for handler, old in zip(handlers, before, strict=True):
        handler.setStream(old)
