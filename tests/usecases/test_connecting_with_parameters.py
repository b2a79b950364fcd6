"""Parameters of one connection: a shop, a data centre. No value leads to a host that the provider's entry does not admit."""

from contextlib import suppress
from dataclasses import replace

import pytest

from evertoken.domain.errors import (
    ClientChangedError,
    EvertokenError,
    InvalidInputError,
    ProviderRefusedError,
)
from evertoken.domain.grant import Grant
from evertoken.domain.registration import client_binding
from tests.usecases.connecting_world import DOCUMENT, World, form_of, issued

SHOP = {
    **DOCUMENT,
    "parameters": {"shop": {"description": "the shop's name", "example": "acme"}},
    "endpoints": {
        "authorization": "https://{shop}.shops.example/authorize",
        "token": "https://{shop}.shops.example/token",
    },
    "authorization": {"accepts": ["login_hint"]},
}
REGION = {
    **DOCUMENT,
    "parameters": {
        "region": {
            "description": "the data centre",
            "default": "com",
            "example": "eu",
            "choices": ["com", "eu"],
            "from_callback": "location",
        }
    },
    "endpoints": {
        "authorization": "https://accounts.example.com/authorize",
        "token": "https://accounts.example.{region}/token",
    },
}
DOMAIN = {
    **DOCUMENT,
    "parameters": {
        "api_host": {
            "description": "the company's host",
            "example": "acme.api.example",
            "suffixes": [".api.example"],
            "from_answer": "api_domain",
        }
    },
    "endpoints": {
        "authorization": "https://as.example/authorize",
        "token": "https://{api_host}/token",
    },
    "requests": {"code_exchange": {"url": "https://as.example/token"}},
    "answer": {"keeps": ["api_domain"]},
}


def test_a_template_parameter_leads_the_browser_and_the_code_to_its_host():
    world = World(SHOP)
    started = world.start(parameters={"shop": "blue"})
    world.come_back()
    row = world.complete().connection

    assert started.authorization_url.startswith("https://blue.shops.example/authorize?")
    assert world.transport.requests[0].url == "https://blue.shops.example/token"
    assert world.stored(row).context.parameters == {"shop": "blue"}
    assert row.binding == client_binding("https://blue.shops.example/token", "c")


def test_an_authorization_parameter_goes_into_the_url_and_is_not_kept():
    world = World(SHOP)
    started = world.start(parameters={"shop": "blue", "login_hint": "ann@example"})
    world.come_back()
    row = world.complete().connection

    assert "login_hint=ann%40example" in started.authorization_url
    assert "shop=" not in started.authorization_url
    assert world.stored(row).context.parameters == {"shop": "blue"}


@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        ({}, "shop"),
        ({"shop": "blue", "redirect_uri": "https://evil.example"}, "redirect_uri"),
        ({"shop": "blue", "tenant": "x"}, "tenant"),
        ({"shop": "evil.example/x"}, "shop"),
        ({"shop": "a.b"}, "shop"),
        ({"shop": "blue@evil"}, "shop"),
        ({"shop": "BLUE"}, "shop"),
        ({"shop": "-blue"}, "shop"),
        ({"shop": ""}, "shop"),
        ({"shop": "bl\u00fce"}, "shop"),
        ({"shop": "a" * 64}, "shop"),
    ],
    ids=[
        "missing",
        "not admitted",
        "unknown",
        "a path",
        "two labels",
        "user info",
        "upper case",
        "hyphen first",
        "empty",
        "not ASCII",
        "too long",
    ],
)
@pytest.mark.parametrize("way", ["browser", "device", "directly"])
def test_a_parameter_that_cannot_be_is_refused_by_its_name_before_anything_happens(way, parameters, named):
    endpoints = {**SHOP["endpoints"], "device_authorization": "https://{shop}.shops.example/device"}
    grants = ["authorization_code", "device_code", "client_credentials"]
    world = World({**SHOP, "endpoints": endpoints, "grants": grants})
    walk = {
        "browser": lambda: world.start(parameters=parameters),
        "device": lambda: world.start_device(parameters=parameters),
        "directly": lambda: world.run(Grant.CLIENT_CREDENTIALS, parameters=parameters),
    }[way]

    with pytest.raises(InvalidInputError, match=named):
        walk()
    assert world.transport.requests == []
    assert world.store.history == []
    assert world.authorizations.pending == {}


def test_what_goes_into_an_authorization_url_is_refused_where_there_is_none():
    world = World({**SHOP, "grants": ["client_credentials"]})

    with pytest.raises(InvalidInputError, match="login_hint"):
        world.run(Grant.CLIENT_CREDENTIALS, parameters={"shop": "blue", "login_hint": "ann"})


def test_a_grant_without_a_browser_fills_and_keeps_its_parameters():
    world = World({**SHOP, "grants": ["client_credentials"]})
    row = world.run(Grant.CLIENT_CREDENTIALS, parameters={"shop": "blue"}).connection

    assert world.transport.requests[0].url == "https://blue.shops.example/token"
    assert world.stored(row).context.parameters == {"shop": "blue"}
    assert row.binding == client_binding("https://blue.shops.example/token", "c")


def test_a_name_that_is_both_kinds_of_parameter_is_refused():
    world = World({**SHOP, "authorization": {"accepts": ["shop"]}})

    with pytest.raises(InvalidInputError, match=r"shop.*both"):
        world.start(parameters={"shop": "blue"})


def test_what_the_registration_fills_no_connection_can_change():
    world = World(SHOP, parameters={"shop": "fixed"})

    with pytest.raises(InvalidInputError, match="shop"):
        world.start(parameters={"shop": "blue"})
    world.connect()
    assert world.transport.requests[0].url == "https://fixed.shops.example/token"


def test_a_host_that_only_an_operator_may_name_is_refused_from_a_tenant():
    entry = {
        **DOCUMENT,
        "parameters": {
            "host": {"description": "the host", "example": "git.corp.example", "operator_host": True}
        },
        "endpoints": {"authorization": "https://{host}/authorize", "token": "https://{host}/token"},
    }
    world = World(entry)

    with pytest.raises(InvalidInputError, match="host"):
        world.start(parameters={"host": "evil.example"})
    with pytest.raises(InvalidInputError, match="host"):
        world.start()
    assert World(entry, parameters={"host": "git.corp.example"}).connect()


def test_a_default_counts_and_is_kept_with_the_grant():
    world = World(REGION)
    row = world.connect().connection

    assert world.transport.requests[0].url == "https://accounts.example.com/token"
    assert world.stored(row).context.parameters == {"region": "com"}


@pytest.mark.parametrize("given", [{}, {"region": "com"}], ids=["default", "given"])
def test_the_callbacks_word_goes_before_what_was_known(given):
    world = World(REGION)
    row = world.connect("&location=eu", parameters=given).connection

    assert world.transport.requests[0].url == "https://accounts.example.eu/token"
    assert world.stored(row).context.parameters == {"region": "eu"}
    assert row.binding == client_binding("https://accounts.example.eu/token", "c")


@pytest.mark.parametrize(
    "word", ["evil", "eu.evil.example", "https%3A%2F%2Fevil.example", "EU", "", "eu%2F..", "%00"]
)
def test_a_callback_that_names_another_host_gets_nothing_sent(word):
    world = World(REGION)
    world.start()

    assert world.come_back(f"&location={word}") in ("failed", "returned")
    # Whatever it is called: what counts is where nothing went.
    with suppress(EvertokenError):
        world.complete()
    assert all(request.url == "https://accounts.example.com/token" for request in world.transport.requests)


def test_a_value_that_is_no_longer_admitted_when_the_code_is_redeemed_refuses_the_connection():
    world = World(REGION)
    world.start()
    assert world.come_back("&location=eu") == "returned"
    narrower = {**REGION["parameters"]["region"], "choices": ["com"]}
    world.put_provider({**REGION, "parameters": {"region": {**narrower, "example": "com"}}})

    with pytest.raises(ProviderRefusedError, match="region"):
        world.complete()
    assert world.transport.requests == []


def test_a_host_of_a_url_in_the_callback_counts():
    world = World(
        {
            **DOCUMENT,
            "parameters": {
                "server": {
                    "description": "the accounts server",
                    "default": "accounts.as-a.example",
                    "example": "accounts.as-b.example",
                    "choices": ["accounts.as-a.example", "accounts.as-b.example"],
                    "from_callback": "accounts-server",
                }
            },
            "endpoints": {
                "authorization": "https://accounts.as-a.example/authorize",
                "token": "https://{server}/token",
            },
        }
    )

    world.connect("&accounts-server=https%3A%2F%2Faccounts.as-b.example")

    assert world.transport.requests[0].url == "https://accounts.as-b.example/token"


def test_the_answers_word_decides_where_later_requests_go():
    world = World(DOMAIN)
    world.transport.exchanges.append(issued(api_domain="https://blue.api.example"))
    row = world.connect().connection

    assert world.transport.requests[0].url == "https://as.example/token"
    assert world.stored(row).context.parameters == {"api_host": "blue.api.example"}
    assert row.binding == client_binding("https://blue.api.example/token", "c")


def test_the_answers_word_goes_before_what_was_given():
    world = World(DOMAIN)
    world.transport.exchanges.append(issued(api_domain="blue.api.example"))
    row = world.connect(parameters={"api_host": "red.api.example"}).connection

    assert world.stored(row).context.parameters == {"api_host": "blue.api.example"}


def test_what_the_answer_leaves_out_may_have_been_given():
    row = (world := World(DOMAIN)).connect(parameters={"api_host": "red.api.example"}).connection

    assert world.stored(row).context.parameters == {"api_host": "red.api.example"}


def test_a_browser_is_never_sent_to_a_url_that_only_the_callback_could_fill():
    parameter = {key: value for key, value in REGION["parameters"]["region"].items() if key != "default"}
    world = World(
        {
            **REGION,
            "parameters": {"region": parameter},
            "endpoints": {
                "authorization": "https://accounts.example.{region}/authorize",
                "token": "https://accounts.example.{region}/token",
            },
        }
    )

    with pytest.raises(InvalidInputError, match="region"):
        world.start()
    assert world.start(parameters={"region": "eu"}).authorization_url.startswith(
        "https://accounts.example.eu/"
    )


def test_a_code_is_not_sent_to_a_url_that_the_callback_left_open():
    parameter = {key: value for key, value in REGION["parameters"]["region"].items() if key != "default"}
    world = World({**REGION, "parameters": {"region": parameter}})

    with pytest.raises(InvalidInputError, match="region"):
        world.connect()
    assert world.transport.requests == []
    world.connect("&location=eu")
    assert world.transport.requests[0].url == "https://accounts.example.eu/token"


@pytest.mark.parametrize(
    "word", ["https://evil.example", "evil.example", "a.b.api.example", ".api.example", None]
)
def test_an_answer_that_names_another_host_or_none_refuses_the_connection(word):
    world = World(DOMAIN)
    world.transport.exchanges.append(issued(api_domain=word))

    with pytest.raises(ProviderRefusedError, match="api_host"):
        world.connect()
    assert all(row.sealed is None for row in world.store.history)


def test_the_answers_word_counts_without_a_browser_as_well():
    requests = {"client_credentials": {"url": "https://as.example/token"}}
    world = World({**DOMAIN, "grants": ["client_credentials"], "requests": requests})
    world.transport.exchanges.append(issued(api_domain="blue.api.example"))

    row = world.run(Grant.CLIENT_CREDENTIALS).connection

    assert world.stored(row).context.parameters == {"api_host": "blue.api.example"}


def test_a_url_that_nothing_fills_yet_is_never_asked():
    world = World({**DOMAIN, "grants": ["client_credentials"], "requests": {}})

    with pytest.raises(InvalidInputError, match="api_host"):
        world.run(Grant.CLIENT_CREDENTIALS)
    assert world.transport.requests == []


def test_a_parameter_that_may_be_the_account_makes_accounts_of_its_own():
    world = World({**SHOP, "account": {"from": "parameter", "member": "shop"}})

    blue = world.connect(parameters={"shop": "blue"}, account="one").connection
    red = world.connect(parameters={"shop": "red"}, account="one").connection
    again = world.connect(parameters={"shop": "blue"}, account="two").connection

    assert (blue.account, red.account) == ("blue", "red")
    assert blue.connection_id != red.connection_id
    assert (again.connection_id, again.epoch) == (blue.connection_id, 2)
    assert len({row.connection_id for row in world.store.history}) == 2


def test_a_parameter_of_the_registration_may_be_the_account():
    world = World({**SHOP, "account": {"from": "parameter", "member": "shop"}}, parameters={"shop": "fixed"})

    assert world.connect(account="label").connection.account == "fixed"


def test_the_callback_may_name_the_account():
    world = World(
        {**DOCUMENT, "callback": {"keeps": ["realm"]}, "account": {"from": "callback", "member": "realm"}}
    )

    first = world.connect("&realm=4711", account="one").connection
    again = world.connect("&realm=4711", account="two").connection

    assert first.account == "4711"
    assert again.connection_id == first.connection_id
    assert len({row.connection_id for row in world.store.history}) == 1


def test_the_client_must_be_that_of_the_start_whatever_the_callback_says():
    world = World(REGION)
    world.start()
    world.come_back("&location=eu")
    endpoints = {**REGION["endpoints"], "token": "https://other.example.{region}/token"}
    world.put_provider({**REGION, "endpoints": endpoints})

    with pytest.raises(ClientChangedError):
        world.complete()
    assert world.transport.requests == []


def test_a_callback_of_a_client_that_changed_meanwhile_leaves_no_code():
    world = World(SHOP)
    world.start(parameters={"shop": "blue"})
    endpoints = {**SHOP["endpoints"], "token": "https://{shop}.other.example/token"}
    world.put_provider({**SHOP, "endpoints": endpoints})

    assert world.come_back() == "failed"
    assert world.authorizations.returned == {}


def test_a_registration_that_no_longer_admits_the_tenant_gets_no_code():
    world = World()
    world.start()
    world.come_back()
    world.registration = replace(world.registration, tenants=("other",))
    world.put_provider(DOCUMENT)

    with pytest.raises(ClientChangedError):
        world.complete()
    assert world.transport.requests == []


def test_the_parameters_fill_what_the_request_holds():
    requests = {"code_exchange": {"parameters": {"store": "{shop}", "state": "{state}"}}}
    world = World({**SHOP, "requests": requests})
    world.start(parameters={"shop": "blue"})
    state = world.state
    world.come_back()
    world.complete()

    form = form_of(world.transport.requests[0])
    assert (form["store"], form["state"]) == ("blue", state)
