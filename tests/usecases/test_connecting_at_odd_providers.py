"""Connecting where a provider differs: its callback, its authorization URL, several exchanges, its end, what its grants do to each other."""

import json
from urllib.parse import parse_qsl, urlsplit

import pytest

from evertoken.domain.errors import InvalidInputError, ProviderRefusedError, ProviderUnavailableError
from evertoken.domain.grant import Grant
from evertoken.domain.http import NoAnswer
from tests.usecases.connecting_world import DOCUMENT, World, answer, form_of, issued

ASKED = {
    **DOCUMENT,
    "requests": {
        "authorization": {
            "url": "https://as.example/authorization-url",
            "encoding": "json",
            "client": "absent",
            "authorization_header": {"scheme": "Bearer", "credential": "user_token"},
            "url_path": "/data/redirect_url",
        }
    },
}


def test_the_code_is_taken_from_the_parameter_that_the_entry_names_without_its_suffix():
    world = World({**DOCUMENT, "callback": {"code_parameter": "auth_code", "code_suffixes": ["#_"]}})
    world.start()

    assert world.come_back(code="auth_code=canary-code%23_") == "returned"
    world.complete()
    assert form_of(world.transport.requests[0])["code"] == "canary-code"


def test_a_code_under_another_name_than_the_entrys_is_none():
    world = World({**DOCUMENT, "callback": {"code_parameter": "auth_code"}})
    world.start()

    assert world.come_back(code="code=canary-code") == "failed"


def test_a_suffix_that_the_entry_does_not_know_belongs_to_the_code():
    world = World()
    world.start()
    world.come_back(code="code=canary-code%23_")
    world.complete()

    assert form_of(world.transport.requests[0])["code"] == "canary-code#_"


def test_what_the_entry_keeps_of_a_callback_goes_with_the_token_set_and_the_rest_is_not_stored():
    world = World({**DOCUMENT, "callback": {"keeps": ["realmId"]}, "answer": {"keeps": ["instance"]}})
    world.transport.exchanges.append(issued(instance="i-1"))
    world.start()
    world.come_back("&realmId=4711&secretish=canary-more")

    (returned,) = world.authorizations.returned.values()
    assert returned.extra == (("realmId", "4711"),)
    row = world.complete().connection
    assert world.stored(row).extra == {"realmId": "4711", "instance": "i-1"}
    assert world.publisher.read(row.key)["extra"] == {"realmId": "4711", "instance": "i-1"}


def test_the_answer_is_believed_before_the_callback():
    world = World({**DOCUMENT, "callback": {"keeps": ["realm"]}, "answer": {"keeps": ["realm"]}})
    world.transport.exchanges.append(issued(realm="answered"))

    assert world.stored(world.connect("&realm=brought").connection).extra == {"realm": "answered"}


@pytest.mark.parametrize("value", ["%00", "a" * 2000, "%0d%0aX%3A1", "%C3%A9"])
def test_a_callback_value_that_is_not_short_and_printable_is_not_kept(value):
    world = World({**DOCUMENT, "callback": {"keeps": ["realm"]}})

    assert world.stored(world.connect(f"&realm={value}").connection).extra == {}


def test_the_context_says_how_the_grant_was_obtained():
    world = World()
    world.start()
    world.clock.advance(30)
    world.come_back()
    world.clock.advance(30)
    context = world.stored(world.complete().connection).context

    assert context.grant is Grant.AUTHORIZATION_CODE
    assert context.granted_at == world.clock.now()
    assert context.redirect_uri == "https://api.example/v1/oauth/callback/fake-acme"
    assert (context.parameters, context.credentials) == ({}, {})


def test_an_authorization_url_that_must_be_asked_for_is_asked_for_with_the_users_token():
    world = World(ASKED)
    url = "https://as.example/consent/4711"
    world.transport.exchanges.append(answer(data={"redirect_url": url}))

    started = world.start(user_token="canary-user-token")

    assert started.authorization_url == url
    (request,) = world.transport.requests
    assert request.url == "https://as.example/authorization-url"
    assert request.headers["Authorization"] == "Bearer canary-user-token"
    sent = json.loads(request.body)
    assert sent["redirect_uri"] == "https://api.example/v1/oauth/callback/fake-acme"
    (pending,) = world.authorizations.pending.values()
    assert "canary" not in repr((started, pending, request))


def test_what_was_asked_for_is_completed_like_any_other():
    world = World(ASKED)
    world.transport.exchanges.append(answer(data={"redirect_url": "https://as.example/consent/4711"}))
    world.start(user_token="canary-user-token")
    world.state = json.loads(world.transport.requests[0].body)["state"]

    assert world.come_back() == "returned"
    assert world.complete().connection.status == "active"


def test_without_the_users_token_nothing_is_asked_and_with_one_too_many_neither():
    asked, built = World(ASKED), World()

    with pytest.raises(InvalidInputError, match="user_token"):
        asked.start()
    with pytest.raises(InvalidInputError, match="user_token"):
        built.start(user_token="canary-user-token")
    assert asked.transport.requests == built.transport.requests == []


@pytest.mark.parametrize(
    ("exchange", "error"),
    [
        (answer(401, error="unauthorized"), ProviderRefusedError),
        (answer(data={}), ProviderRefusedError),
        (answer(data={"redirect_url": "https://evil.example/"}), ProviderRefusedError),
        (answer(data={"redirect_url": "http://as.example/"}), ProviderRefusedError),
        (answer(data={"redirect_url": "javascript:alert(1)"}), ProviderRefusedError),
        (answer(503), ProviderUnavailableError),
        (NoAnswer(reason="timeout"), ProviderUnavailableError),
    ],
    ids=["refused", "no URL", "other host", "http", "script", "503", "no answer"],
)
def test_an_authorization_url_that_is_not_given_starts_nothing(exchange, error):
    world = World(ASKED)
    world.transport.exchanges.append(exchange)

    with pytest.raises(error) as refused:
        world.start(user_token="canary-user-token")
    assert "evil" not in refused.value.message
    assert "canary" not in refused.value.message
    assert world.authorizations.pending == {}
    assert len(world.transport.requests) == 1


def test_a_provider_without_a_browsers_way_is_not_started():
    world = World({**DOCUMENT, "grants": ["client_credentials"]})

    with pytest.raises(InvalidInputError, match=r"authorization_code.*offers: client_credentials"):
        world.start()


@pytest.mark.parametrize("way", ["browser", "device", "directly"])
def test_a_retired_provider_connects_nobody_and_names_its_successor_and_the_day(way):
    lifecycle = {"stage": "retired", "ends_on": "2026-05-01", "successor": "newer"}
    endpoints = {**DOCUMENT["endpoints"], "device_authorization": "https://as.example/device"}
    grants = ["authorization_code", "client_credentials", "device_code"]
    world = World({**DOCUMENT, "endpoints": endpoints, "lifecycle": lifecycle, "grants": grants})
    walk = {
        "browser": world.start,
        "device": world.start_device,
        "directly": lambda: world.run(Grant.CLIENT_CREDENTIALS),
    }[way]

    with pytest.raises(InvalidInputError, match=r"retired on 2026-05-01.*newer"):
        walk()
    assert world.transport.requests == []


@pytest.mark.parametrize(
    ("facts", "notice"),
    [
        (
            {"lifecycle": {"stage": "retiring", "ends_on": "2027-04-01", "successor": "newer"}},
            "This provider ends on 2027-04-01. Its successor is newer.",
        ),
        (
            {"lifecycle": {"stage": "retiring"}},
            "This provider ends on a day that is not known.",
        ),
        (
            {"sharing": {"limit": 20}},
            "This provider lets 20 grants of one user live side by side; a further one ends the oldest.",
        ),
        (
            {"sharing": {"refresh_ends_others": True}},
            "At this provider a refresh of one of a user's grants ends the others.",
        ),
    ],
)
def test_what_would_surprise_later_is_said_when_connecting(facts, notice):
    assert World({**DOCUMENT, **facts}).connect().notices == (notice,)


def test_an_ordinary_provider_has_nothing_to_say():
    assert World().connect().notices == ()


def test_a_token_that_never_expires_needs_nothing_to_renew_it_with():
    world = World({**DOCUMENT, "lifetimes": {"access_token_seconds": "never"}})
    world.transport.exchanges.append(issued(expires_in=None, refresh_token=None))

    assert world.connect().notices == ()


def test_the_challenge_is_made_by_the_providers_method():
    world = World({**DOCUMENT, "pkce": {"support": "required", "method": "plain"}})
    query = dict(parse_qsl(urlsplit(world.start().authorization_url).query))
    world.come_back()
    world.complete()

    assert query["code_challenge_method"] == "plain"
    assert query["code_challenge"] == form_of(world.transport.requests[0])["code_verifier"]


def test_every_exchange_carries_an_assertion_of_its_own_and_all_are_signed_before_the_first_is_sent():
    world = World(
        {
            **DOCUMENT,
            "issuer": "https://as.example",
            "client_authentication": {"methods": ["client_secret_jwt"]},
            "requests": {
                "following_exchanges": [{"grant_type": "exchange", "token_parameter": "exchange_token"}]
            },
        }
    )
    signed_when_sent = []

    def first():
        signed_when_sent.append(len(world.signer.signed))
        return issued(access_token="canary-first")

    world.transport.exchanges.append(first)
    row = world.connect().connection

    forms = [form_of(request) for request in world.transport.requests]
    assert forms[0]["client_assertion"] != forms[1]["client_assertion"]
    assert forms[1]["exchange_token"] == "canary-first"
    assert signed_when_sent == [2]
    assert world.stored(row).access_token == "canary-access"


def test_a_user_who_must_act_at_the_provider_is_told_so():
    world = World(
        {
            **DOCUMENT,
            "errors": [
                {
                    "class": "user_action_required",
                    "path": "/error",
                    "equals": "terms",
                    "code": "terms_changed",
                }
            ],
        }
    )
    world.transport.exchanges.append(answer(400, error="terms"))

    with pytest.raises(ProviderRefusedError, match=r"user to do something.*terms_changed"):
        world.connect()
