"""Connecting without a browser: what each grant sends, what is kept of it, and what a refusal leaves."""

import json
from datetime import timedelta

import pytest

from evertoken.domain.assertion import SigningAlgorithm, SigningKey
from evertoken.domain.connection import ConnectionStatus
from evertoken.domain.errors import (
    InvalidInputError,
    ProviderRefusedError,
    ProviderUnavailableError,
    PublisherUnavailableError,
    SignerUnavailableError,
)
from evertoken.domain.grant import Grant
from evertoken.domain.http import NoAnswer, NotSent
from tests.usecases.connecting_world import DOCUMENT, World, answer, form_of, issued

EXCHANGE_TYPE = "urn:ietf:params:oauth:token-type:access_token"
GRANTS = {
    Grant.CLIENT_CREDENTIALS: {},
    Grant.USER_TOKEN: {"user_token": "canary-user-token"},
    Grant.SESSION_LOGIN: {"username": "canary-name", "password": "canary-pass"},
    Grant.TOKEN_EXCHANGE: {"subject_token": "canary-subject", "subject_token_type": EXCHANGE_TYPE},
    Grant.JWT_BEARER: {"subject": "canary-user@example"},
}


def document(*grants, **changes):
    return {
        **DOCUMENT,
        "issuer": "https://as.example",
        "grants": [*(str(grant) for grant in grants), "refresh_token"],
        **changes,
    }


def world_of(grant, **changes):
    key = SigningKey(algorithm=SigningAlgorithm.RS256, key_id="k1")
    return World(document(grant, **changes), signing_key=key, private_key="canary-key")


@pytest.mark.parametrize("grant", GRANTS)
def test_a_grant_without_a_browser_makes_a_connection_at_once(grant):
    world = world_of(grant)

    established = world.run(grant, GRANTS[grant], account="main")

    row = established.connection
    assert (row.status, row.user_id, row.account) == (ConnectionStatus.ACTIVE, "ann", "main")
    assert len(world.transport.requests) == 1
    context = world.stored(row).context
    assert (context.grant, context.granted_at) == (grant, world.clock.now())


def test_client_credentials_send_the_client_and_the_scope():
    world = world_of(Grant.CLIENT_CREDENTIALS)
    world.run(Grant.CLIENT_CREDENTIALS, scopes=("a", "b"))

    (request,) = world.transport.requests
    assert form_of(request) == {"grant_type": "client_credentials", "scope": "a b"}
    assert world.basic(request) == "c:s"


def test_a_users_token_goes_beside_the_client_and_is_not_kept():
    world = world_of(Grant.USER_TOKEN)
    established = world.run(Grant.USER_TOKEN, GRANTS[Grant.USER_TOKEN])

    (request,) = world.transport.requests
    assert form_of(request)["user_access_token"] == "canary-user-token"
    assert world.stored(established.connection).context.credentials == {}


def test_a_login_sends_user_name_and_password_and_keeps_them_sealed_to_run_again():
    world = world_of(Grant.SESSION_LOGIN)
    established = world.run(Grant.SESSION_LOGIN, GRANTS[Grant.SESSION_LOGIN])

    (request,) = world.transport.requests
    assert json.loads(request.body) == {"username": "canary-name", "password": "canary-pass"}
    assert world.stored(established.connection).context.credentials == GRANTS[Grant.SESSION_LOGIN]


def test_a_token_is_exchanged_as_rfc_8693_says_and_not_kept():
    world = world_of(Grant.TOKEN_EXCHANGE)
    world.transport.exchanges.append(issued(issued_token_type=EXCHANGE_TYPE))
    established = world.run(Grant.TOKEN_EXCHANGE, GRANTS[Grant.TOKEN_EXCHANGE])

    form = form_of(world.transport.requests[0])
    assert form["grant_type"] == "urn:ietf:params:oauth:grant-type:token-exchange"
    assert (form["subject_token"], form["subject_token_type"]) == ("canary-subject", EXCHANGE_TYPE)
    assert world.stored(established.connection).context.credentials == {}


def test_a_jwt_bearer_grant_asserts_the_subject_and_keeps_it_to_assert_again():
    world = world_of(Grant.JWT_BEARER)
    established = world.run(Grant.JWT_BEARER, GRANTS[Grant.JWT_BEARER])

    form = form_of(world.transport.requests[0])
    assert form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
    (signed,) = world.signer.signed
    assert signed.claims["sub"] == "canary-user@example"
    assert form["assertion"].endswith(".fake-acme")
    assert world.stored(established.connection).context.credentials == {"subject": "canary-user@example"}


def test_a_client_that_signs_sends_an_assertion_of_its_own_each_time():
    world = world_of(Grant.CLIENT_CREDENTIALS, client_authentication={"methods": ["client_secret_jwt"]})
    world.run(Grant.CLIENT_CREDENTIALS)
    world.run(Grant.CLIENT_CREDENTIALS)

    forms = [form_of(request) for request in world.transport.requests]
    assert all(form["client_assertion_type"].endswith("jwt-bearer") for form in forms)
    assert forms[0]["client_assertion"] != forms[1]["client_assertion"]
    assert len({signed.claims["jti"] for signed in world.signer.signed}) == 2


@pytest.mark.parametrize("grant", GRANTS)
def test_a_grant_that_the_entry_does_not_offer_is_refused_and_those_that_it_does_are_named(grant):
    others = [one for one in GRANTS if one is not grant]
    world = World(document(*others))

    with pytest.raises(InvalidInputError) as refused:
        world.run(grant, GRANTS[grant])

    message = refused.value.message
    assert message.startswith("grant: ")
    assert all(str(one) in message for one in others)
    assert f"offers: {grant}" not in message
    assert world.transport.requests == []


@pytest.mark.parametrize("grant", GRANTS)
def test_a_refused_grant_stores_nothing_and_says_the_providers_code(grant):
    world = world_of(grant)
    world.transport.exchanges.append(answer(400, error="invalid_grant"))

    with pytest.raises(ProviderRefusedError) as refused:
        world.run(grant, GRANTS[grant])

    if grant is not Grant.CLIENT_CREDENTIALS:
        assert "invalid_grant" in refused.value.message
    assert "canary" not in refused.value.message
    assert {row.status for row in world.store.history} <= {ConnectionStatus.CONNECTING}
    assert all(row.sealed is None for row in world.store.history)


@pytest.mark.parametrize("grant", GRANTS)
def test_an_answer_that_is_lost_is_never_asked_for_again(grant):
    world = world_of(grant)
    world.transport.exchanges.append(NoAnswer(reason="timeout"))

    with pytest.raises(ProviderUnavailableError):
        world.run(grant, GRANTS[grant])
    assert len(world.transport.requests) == 1


def test_a_request_that_never_left_is_made_again_once():
    world = world_of(Grant.SESSION_LOGIN)
    world.transport.exchanges.append(NotSent(reason="connect_refused"))

    world.run(Grant.SESSION_LOGIN, GRANTS[Grant.SESSION_LOGIN])

    assert len(world.transport.requests) == 2


def test_without_the_signer_nothing_is_sent_and_nothing_is_stored():
    world = world_of(Grant.JWT_BEARER)
    world.signer.failures = 1

    with pytest.raises(SignerUnavailableError):
        world.run(Grant.JWT_BEARER, GRANTS[Grant.JWT_BEARER])
    assert (world.transport.requests, world.store.history) == ([], [])


def test_without_secrets_manager_nothing_is_sent():
    world = world_of(Grant.SESSION_LOGIN)
    world.publisher.delay_next()

    with pytest.raises(PublisherUnavailableError):
        world.run(Grant.SESSION_LOGIN, GRANTS[Grant.SESSION_LOGIN])
    assert world.transport.requests == []


@pytest.mark.parametrize("grant", GRANTS)
def test_the_same_account_comes_back_with_its_id_whatever_the_grant(grant):
    world = world_of(grant)

    first = world.run(grant, GRANTS[grant]).connection
    second = world.run(grant, GRANTS[grant]).connection

    assert first.connection_id == second.connection_id
    assert (second.epoch, second.generation) == (2, 2)


@pytest.mark.parametrize("grant", [Grant.USER_TOKEN, Grant.TOKEN_EXCHANGE])
def test_what_cannot_be_renewed_is_said_so_and_a_refresh_token_makes_it_renewable(grant):
    world = world_of(grant)
    world.transport.exchanges.append(issued(refresh_token=None))

    alone = world.run(grant, GRANTS[grant])
    renewable = world.run(grant, GRANTS[grant])

    assert "connect again" in alone.notices[-1]
    assert renewable.notices == ()
    assert (alone.connection.has_refresh_token, renewable.connection.has_refresh_token) == (False, True)


@pytest.mark.parametrize("grant", [Grant.CLIENT_CREDENTIALS, Grant.SESSION_LOGIN, Grant.JWT_BEARER])
def test_a_grant_that_can_run_again_needs_no_refresh_token_to_be_planned(grant):
    world = world_of(grant)
    world.transport.exchanges.append(issued(refresh_token=None))

    established = world.run(grant, GRANTS[grant])

    assert established.notices == ()
    row = established.connection
    assert row.refresh_at is not None
    assert row.refresh_at < row.expires_at


def test_the_end_of_a_grant_is_known_from_when_it_was_given():
    world = world_of(Grant.TOKEN_EXCHANGE, lifetimes={"grant_seconds": 86_400})

    row = world.run(Grant.TOKEN_EXCHANGE, GRANTS[Grant.TOKEN_EXCHANGE]).connection

    assert row.refresh_token_expires_at == world.clock.now() + timedelta(days=1)


@pytest.mark.parametrize("grant", GRANTS)
def test_no_value_of_the_walk_shows_what_was_given_in_its_repr(grant):
    from evertoken.usecases.connect_directly import DirectGrant

    world = world_of(grant)
    established = world.run(grant, GRANTS[grant])

    given = DirectGrant(grant=grant, given=GRANTS[grant])
    token_set = world.stored(established.connection)
    shown = repr((given, established, token_set, world.transport.requests))
    assert "canary" not in shown


@pytest.mark.parametrize("grant", GRANTS)
def test_nothing_that_was_given_lies_in_the_store_or_is_published(grant):
    world = world_of(grant)
    row = world.run(grant, GRANTS[grant]).connection

    published = world.publisher.read(row.key)
    assert published["access_token"] == "canary-access"
    for value in GRANTS[grant].values():
        assert value not in json.dumps(published)
        assert value.encode() not in row.sealed.ciphertext
        assert value not in repr(world.store.history)


@pytest.mark.parametrize(
    ("grant", "kept"),
    [(Grant.CLIENT_CREDENTIALS, ("a", "b")), (Grant.JWT_BEARER, ("a", "b")), (Grant.TOKEN_EXCHANGE, None)],
)
def test_a_grant_that_can_run_again_keeps_the_scopes_that_it_asked_for(grant, kept):
    world = world_of(grant)
    world.transport.exchanges.append(issued(scope="all:of:it", issued_token_type=EXCHANGE_TYPE))
    established = world.run(grant, GRANTS[grant], scopes=("a", "b"))
    stored = world.stored(established.connection)
    assert (stored.scope, stored.context.scopes) == ("all:of:it", kept)
