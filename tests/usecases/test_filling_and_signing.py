"""What a stored connection's requests are filled with and signed by; that neither can be had is no word about the grant."""

from dataclasses import replace

import pytest

from evertoken.domain.assertion import SigningAlgorithm, SigningKey
from evertoken.domain.connection import ConnectionStatus
from evertoken.domain.errors import SigningKeyError
from evertoken.domain.http import NoAnswer
from evertoken.domain.provider import Rotation, RotationClass
from evertoken.domain.provider_shapes import TemplateParameter
from evertoken.domain.request_shape import RFC_REFRESH, ClientAuthentication, RequestShapes
from evertoken.usecases.disconnect_connection import disconnect_connection
from evertoken.usecases.refresh_attempt import RefreshResultKind
from tests.fakes.provider_transport import CannedTransport, issued
from tests.simulation import service
from tests.simulation.world import KEY
from tests.usecases.grant_world import ask, granted, know

Kind = RefreshResultKind
SHOP = {
    "token_endpoint": "https://{shop}.provider.test/token",
    "revocation_endpoint": "https://{shop}.provider.test/revoke",
    "parameters": {"shop": TemplateParameter(description="the shop's name", in_host=True)},
}
KEY_OF_CLIENT = SigningKey(algorithm=SigningAlgorithm.ES256, key_id="key-1", kms_key_id="alias/key-1")


def signing(*answers, **facts):
    world = granted(
        *answers, facts={"client_authentication": (ClientAuthentication.PRIVATE_KEY_JWT,), **facts}
    )
    ready = world.directory.get_ready("reg-1")
    registration = replace(ready.registration, has_secret=False, signing_key=KEY_OF_CLIENT)
    world.directory.put(replace(ready, registration=registration, client_secret=None))
    return world


def test_each_connection_is_refreshed_and_revoked_at_the_host_that_it_was_granted_at():
    world = granted(issued(), facts=SHOP, parameters={"shop": "acme"})
    assert ask(world).kind is Kind.REFRESHED
    disconnect_connection(world.refreshing(), KEY, invocation=world.invocation())
    service.run(world, 120)
    urls = [request.url for request in world.transport.requests]
    assert urls == ["https://acme.provider.test/token", "https://acme.provider.test/revoke"]


@pytest.mark.parametrize("given", [{}, {"shop": "acme", "gone": "x"}, {"shop": "evil.example/#"}])
def test_parameters_that_the_entry_does_not_take_send_nothing_and_end_nothing(given):
    world = granted(issued(), facts=SHOP, parameters={"shop": "acme"})
    context = replace(world.token_set().context, parameters=given)
    binding = world.row.binding
    world.store_grant(world.row, replace(world.token_set(), context=context), binding=binding)
    world.clock.advance(2700)
    assert ask(world).kind is Kind.CLIENT_CHANGED
    assert (world.row.status, world.row.failure.code) == (ConnectionStatus.ACTIVE, "parameters_changed")
    assert (world.transport.requests, world.row.lease) == ([], None)


def test_a_grant_of_one_shop_is_not_sent_to_another():
    world = granted(issued(), facts=SHOP, parameters={"shop": "acme"})
    context = replace(world.token_set().context, parameters={"shop": "other"})
    binding = world.row.binding
    world.store_grant(world.row, replace(world.token_set(), context=context), binding=binding)
    world.clock.advance(2700)
    assert ask(world).kind is Kind.CLIENT_CHANGED
    assert (world.row.failure.code, world.transport.requests) == ("client_changed", [])


def test_every_request_carries_an_assertion_of_its_own():
    world = signing(NoAnswer(reason="timeout"), issued(), rotation=Rotation(kind=RotationClass.STATIC))
    assert ask(world).kind is Kind.REFRESHED
    first, second = world.transport.forms()
    assert first["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    assert first["client_assertion"] != second["client_assertion"]
    names = {one.claims["jti"] for one in world.signer.signed}
    assert len(names) == 2


def test_a_signer_that_cannot_be_reached_sends_nothing_and_is_tried_again():
    world = signing(issued())
    world.signer.failures = 1
    result = ask(world)
    assert (result.kind, result.requests_sent, world.transport.requests) == (Kind.FAILED, 0, [])
    assert (world.row.failure.cause, world.row.failure.code) == ("not_sent", "signer_unavailable")
    assert (world.row.status, world.row.open_attempts) == (ConnectionStatus.ACTIVE, 0)
    service.run(world, 90)
    assert world.row.generation == 2


def test_a_key_that_only_an_operator_can_put_right_pauses_the_registration():
    world = signing(issued())

    def sign(ready, unsigned):
        raise SigningKeyError("The key is not what the registration says.")

    world.signer.sign = sign
    result = ask(world)
    assert (result.kind, result.paused_registration) == (Kind.REGISTRATION_PAUSED, True)
    assert (world.row.failure.code, world.row.status) == ("signing_key_refused", ConnectionStatus.ACTIVE)
    assert world.transport.requests == []


@pytest.mark.parametrize("error", [None, SigningKeyError("The key is not what the registration says.")])
def test_a_revocation_is_signed_and_waits_for_its_signer(error):
    world = signing(issued())
    world.transport = CannedTransport(issued())
    sign, left = world.signer.sign, [1]

    def fail_once(ready, unsigned):
        if error is not None and left.pop():
            left.append(0)
            raise error
        return sign(ready, unsigned)

    world.signer.sign = fail_once
    disconnect_connection(world.refreshing(), KEY, invocation=world.invocation())
    service.run(world, 300)
    assert world.row.revocation is None
    assert [form["token"] != "" and "client_assertion" in form for form in world.transport.forms()] == [True]


def test_what_the_entry_no_longer_leaves_open_is_put_right_by_an_operator():
    world = granted(issued(), facts=SHOP, parameters={"shop": "acme"})
    know(world, parameters={}, token_endpoint="https://acme.provider.test/token")
    assert ask(world).kind is Kind.CLIENT_CHANGED
    know(world, **SHOP)
    service.run(world, 3700)
    assert world.row.generation == 2


def test_nothing_is_signed_for_a_revocation_that_the_provider_does_not_take():
    world = signing(issued(), revocation_endpoint=None)
    disconnect_connection(world.refreshing(), KEY, invocation=world.invocation())
    service.run(world, 120)
    assert (world.row.revocation, world.signer.signed, world.transport.requests) == (None, [], [])


def test_every_request_is_filled_with_a_random_word_of_its_own():
    refresh = replace(RFC_REFRESH, parameters={"nonce": "{random}"})
    facts = {"requests": RequestShapes(refresh=refresh), "rotation": Rotation(kind=RotationClass.STATIC)}
    world = granted(NoAnswer(reason="timeout"), issued(), facts=facts)
    ask(world)
    assert len({form["nonce"] for form in world.transport.forms()}) == 2


def test_a_registration_that_comes_to_say_what_a_connection_said_ends_nothing():
    world = granted(issued(), facts=SHOP, parameters={"shop": "acme"})
    ready, said = world.directory.get_ready("reg-1"), {"shop": "acme"}
    registration = replace(ready.registration, parameters=said)
    provider = ready.provider.filled(said, by_operator=True, whole=False)
    world.directory.put(replace(ready, registration=registration, provider=provider))
    assert ask(world).kind is Kind.REFRESHED
    assert world.transport.requests[0].url == "https://acme.provider.test/token"


def test_a_registration_that_says_otherwise_than_a_connection_is_another_client():
    world = granted(issued(), facts=SHOP, parameters={"shop": "acme"})
    ready, said = world.directory.get_ready("reg-1"), {"shop": "other"}
    registration = replace(ready.registration, parameters=said)
    provider = ready.provider.filled(said, by_operator=True, whole=False)
    world.directory.put(replace(ready, registration=registration, provider=provider))
    assert ask(world).kind is Kind.CLIENT_CHANGED
    assert world.transport.requests == []


def test_a_refresh_url_that_the_grant_cannot_fill_sends_nothing_and_disturbs_no_other_connection():
    url = "https://provider.test/users/{user_id}/refresh"
    facts = {"requests": RequestShapes(refresh=replace(RFC_REFRESH, url=url))}
    world = granted(issued(), facts=facts)
    assert ask(world).kind is Kind.CLIENT_CHANGED
    assert (world.row.status, world.row.failure.code) == (ConnectionStatus.ACTIVE, "request_incomplete")
    assert (world.row.lease, world.row.open_attempts, world.transport.requests) == (None, 0, [])
    assert world.directory.get_ready("reg-1").registration.paused_until is None
