"""Whatever is sent, there is a closed code, a message that names the mend, and nothing is lost by it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from local.stack import ROOT
from tests.e2e.http_api import Answer, Caller, document
from tests.e2e.installation import RETURN_URL, Installation, Team, follow, new_name
from tests.e2e.scripted_site import ScriptedSite, open_site
from tests.support.lambda_function import BuiltFunction
from tests.support.lambda_sandbox import LambdaSandbox
from tests.support.provider_faults import drop_before
from tests.support.provider_profile import ProviderProfile

pytestmark = pytest.mark.usefixtures("stories")

KILL_SWITCH = Path(__file__).with_name("kill_switch")
PLEASE_START_AGAIN = "Please start again"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """One good connection, and what a careless or hostile caller may do around it."""

    installation: Installation
    team: Team
    other: Team
    site: ScriptedSite
    connection_id: str

    @property
    def one(self) -> str:
        return f"/v1/connections/{self.connection_id}"

    def start_with(self, **changes: Any) -> Answer:
        return self.team.start(self.site.provider_id, **changes)

    def send(self, content: str | bytes, **headers: str) -> Answer:
        """Send these bytes where a start is expected."""
        return self.team.caller.request("POST", "/v1/connections", content=content, headers=headers)

    def as_holder_of(self, token: str) -> Answer:
        return self.team.caller.request("GET", self.one, headers={"Authorization": f"Bearer {token}".strip()})


@pytest.fixture(scope="module")
def ground(installation: Installation) -> Iterator[Ground]:
    team, other = installation.team(new_name("careless")), installation.team(new_name("other"))
    with open_site(installation, team.tenant_id, other.tenant_id) as site:
        connected = team.connect(site.provider_id)
        yield Ground(
            installation=installation,
            team=team,
            other=other,
            site=site,
            connection_id=connected["connection_id"],
        )


@pytest.fixture
def unharmed(ground: Ground) -> Iterator[None]:
    """Whatever the test does: afterwards the token is what it was, the provider takes it, and was not asked for anything."""
    before, asked = ground.team.view(ground.connection_id), len(ground.site.provider.ledger.requests)
    yield
    token = document(ground.team.read(ground.connection_id))
    assert ground.site.provider.rules.accepts(token["access_token"])
    assert ground.team.view(ground.connection_id)["updated_at"] == before["updated_at"]
    assert len(ground.site.provider.ledger.requests) == asked


def forge(ground: Ground, **changes: Any) -> str:
    """An access token like ours, signed by a key of somebody else's under the name of ours."""
    claims = jwt.decode(ground.team.caller.token, options={"verify_signature": False}) | changes
    headers = jwt.get_unverified_header(ground.team.caller.token)
    return jwt.encode(claims, ec.generate_private_key(ec.SECP256R1()), "ES256", headers=headers)


def unsigned(ground: Ground) -> str:
    claims = jwt.decode(ground.team.caller.token, options={"verify_signature": False})
    return jwt.encode(claims, None, "none", headers={"typ": "at+jwt"})


def with_scopes(ground: Ground, *scopes: str) -> Caller:
    return ground.installation.team(ground.team.tenant_id, scopes).caller


def body(**changes: Any) -> str:
    return json.dumps({"provider": "p", "user_id": "u", "return_url": RETURN_URL, **changes})


Case = tuple[str, Callable[[Ground], Answer], str, str]
CASES: list[Case] = [
    ("unknown provider", lambda g: g.team.start("nobody"), "UNKNOWN_PROVIDER", "GET /v1/providers"),
    ("unknown registration", lambda g: g.start_with(registration="nobodys"), "UNKNOWN_REGISTRATION", "PUT /v1/registrations"),
    ("return URL of somebody else", lambda g: g.start_with(return_url="https://evil.example/"), "BAD_REQUEST", "PUT /v1/tenants"),
    ("malformed JSON", lambda g: g.send('{"provider": '), "BAD_REQUEST", "not valid JSON"),
    ("duplicate member", lambda g: g.send('{"provider": "p", "provider": "q"}'), "BAD_REQUEST", "Send each once"),
    ("duplicate member inside", lambda g: g.send('{"parameters": {"a": "1", "a": "2"}}'), "BAD_REQUEST", "Send each once"),
    ("no JSON number", lambda g: g.send('{"provider": NaN}'), "BAD_REQUEST", "not valid JSON"),
    ("half a character", lambda g: g.send('{"provider": "\\ud800"}'), "BAD_REQUEST", "not valid JSON"),
    ("not UTF-8", lambda g: g.send(b'{"provider": "\xff"}'), "BAD_REQUEST", ""),
    ("a list", lambda g: g.send("[]"), "BAD_REQUEST", "one JSON object"),
    ("nothing", lambda g: g.send(""), "BAD_REQUEST", ""),
    ("too deep", lambda g: g.send('{"a":' * 30 + "1" + "}" * 30), "BAD_REQUEST", "nested deeper than 10"),
    ("very deep", lambda g: g.send("[" * 8000 + "]" * 8000), "BAD_REQUEST", ""),
    ("too long", lambda g: g.send(body(name="x" * 17_000)), "BAD_REQUEST", "longer than 16384"),
    ("not said to be JSON", lambda g: g.send(body(), **{"Content-Type": "text/plain"}), "BAD_REQUEST", "application/json"),
    ("unknown field", lambda g: g.start_with(colour="red"), "BAD_REQUEST", "colour: no such field"),
    ("missing field", lambda g: g.send('{"provider": "p"}'), "BAD_REQUEST", "user_id: is missing"),
    ("number for a text", lambda g: g.start_with(name=7), "BAD_REQUEST", "name"),
    ("line break in a name", lambda g: g.start_with(name="a\nb"), "BAD_REQUEST", "name"),
    ("unknown policy", lambda g: g.start_with(policy="often"), "BAD_REQUEST", "policy"),
    ("parameter that the provider has not", lambda g: g.start_with(parameters={"evil": "1"}), "BAD_REQUEST", "evil"),
    ("connection of another tenant", lambda g: g.other.caller.get(g.one), "ACCOUNT_NOT_FOUND", "GET /v1/connections"),
    ("token of another tenant", lambda g: g.other.read(g.connection_id), "ACCOUNT_NOT_FOUND", "GET /v1/connections"),
    ("connection id that is none", lambda g: g.team.caller.get("/v1/connections/con_short"), "ACCOUNT_NOT_FOUND", "GET /v1/connections"),
    ("cursor that is none", lambda g: g.team.caller.get("/v1/connections", cursor="AAAA"), "BAD_REQUEST", "cursor"),
    ("limit of zero", lambda g: g.team.caller.get("/v1/connections", limit=0), "BAD_REQUEST", "limit"),
    ("limit of words", lambda g: g.team.caller.get("/v1/connections", limit="many"), "BAD_REQUEST", "limit"),
    ("unknown status", lambda g: g.team.caller.get("/v1/connections", status="fine"), "BAD_REQUEST", "status"),
    ("unknown parameter", lambda g: g.team.caller.get("/v1/connections", page=2), "BAD_REQUEST", "page"),
    ("repeated parameter", lambda g: g.team.caller.request("GET", "/v1/connections", query="limit=1&limit=2"), "BAD_REQUEST", "Send each once"),
    ("min_ttl below zero", lambda g: g.team.read(g.connection_id, min_ttl=-1), "BAD_REQUEST", "min_ttl must be a whole number"),
    ("min_ttl of half a second", lambda g: g.team.read(g.connection_id, min_ttl="0.5"), "BAD_REQUEST", "min_ttl"),
    ("min_ttl of years", lambda g: g.team.read(g.connection_id, min_ttl=10**8), "BAD_REQUEST", "86400"),
    ("min_ttl in other digits", lambda g: g.team.read(g.connection_id, min_ttl="٣"), "BAD_REQUEST", "min_ttl"),
    ("empty min_ttl", lambda g: g.team.read(g.connection_id, min_ttl=""), "BAD_REQUEST", "min_ttl"),
    ("odd generation", lambda g: g.team.read(g.connection_id, rejected_generation="last"), "BAD_REQUEST", "rejected_generation"),
    ("misspelt parameter", lambda g: g.team.read(g.connection_id, minttl=1), "BAD_REQUEST", "min_ttl"),
    ("scope for writing", lambda g: with_scopes(g, "connections:read").delete(g.one), "FORBIDDEN", "connections:write"),
    ("scope for tokens", lambda g: with_scopes(g, "connections:read").get(f"{g.one}/token"), "FORBIDDEN", "tokens:read"),
    ("scope of operators", lambda g: g.team.caller.get("/v1/tenants"), "FORBIDDEN", "operator"),
    ("operator at a tenant's own", lambda g: g.installation.operator.get(f"{g.one}/token"), "FORBIDDEN", ""),
    ("no access token", lambda g: g.as_holder_of(""), "UNAUTHORIZED", "POST /v1/auth/token"),
    ("garbage for an access token", lambda g: g.as_holder_of("x.y.z"), "UNAUTHORIZED", "POST /v1/auth/token"),
    ("access token of a stranger", lambda g: g.as_holder_of(forge(g)), "UNAUTHORIZED", "POST /v1/auth/token"),
    ("access token without a signature", lambda g: g.as_holder_of(unsigned(g)), "UNAUTHORIZED", "POST /v1/auth/token"),
    ("access token with a changed end", lambda g: g.as_holder_of(g.team.caller.token[:-4] + "AAAA"), "UNAUTHORIZED", "POST /v1/auth/token"),
    ("session that is none", lambda g: g.team.complete("urn:other:1"), "BAD_REQUEST", "session_uri"),
    ("session that nobody began", lambda g: g.team.complete("urn:evertoken:session:" + "a" * 43), "CONNECT_EXPIRED", "Start again"),
    ("odd tenant id", lambda g: g.installation.operator.put("/v1/tenants/UP", {"name": "x"}), "BAD_REQUEST", "tenant_id"),
    ("http for a return URL", lambda g: g.installation.operator.put(f"/v1/tenants/{g.team.tenant_id}", {"name": "x", "return_urls": ["http://app.example/"]}), "BAD_REQUEST", "return_urls"),
    ("client of a tenant that is not", lambda g: g.installation.operator.post("/v1/clients", {"tenant_id": "nobody", "name": "x", "scopes": ["tokens:read"]}), "BAD_REQUEST", "tenant_id"),
    ("provider without endpoints", lambda g: g.installation.operator.put("/v1/providers/odd", {"name": "Odd"}), "BAD_REQUEST", "endpoints"),
    ("provider that is shipped", lambda g: g.installation.operator.put("/v1/providers/google", {"issuer": g.site.provider.issuer}), "CONFLICT", "Choose another id"),
    ("provider whose issuer is not there", lambda g: g.installation.operator.put("/v1/providers/gone", {"issuer": "http://127.0.0.1:9"}), "PROVIDER_UNAVAILABLE", "Check the issuer"),
    ("registration of no provider", lambda g: g.installation.operator.put("/v1/registrations/odd", {"provider": "nobody", "client_id": "c", "tenants": ["*"]}), "UNKNOWN_PROVIDER", "GET /v1/providers"),
]  # fmt: skip


@pytest.mark.parametrize(("send", "code", "mend"), [pytest.param(*case[1:], id=case[0]) for case in CASES])
@pytest.mark.usefixtures("unharmed")
def test_what_cannot_be_is_refused_with_its_code_and_the_mend(
    ground: Ground, send: Callable[[Ground], Answer], code: str, mend: str
) -> None:
    answer = send(ground)

    assert answer.code == code, answer.text
    assert mend in answer.error["message"]
    assert answer.error["message"].endswith(".")
    assert answer.headers["X-Correlation-Id"] == answer.error["correlation_id"]
    assert answer.headers["Cache-Control"] == "no-store"
    for secret in (ground.site.client_secret, ground.team.caller.token, ground.site.provider.token_prefix):
        assert secret not in answer.text


@pytest.mark.usefixtures("unharmed")
def test_a_cursor_of_another_tenant_is_refused(ground: Ground) -> None:
    for user in ("one", "two"):
        ground.other.start(ground.site.provider_id, user_id=user)
    with open_site(ground.installation, ground.other.tenant_id) as site:
        for user in ("one", "two"):
            ground.other.connect(site.provider_id, user_id=user)
    page = document(ground.other.caller.get("/v1/connections", limit=1))
    assert page["cursor"]
    assert document(ground.other.caller.get("/v1/connections", limit=1, cursor=page["cursor"]))["connections"]

    refused = ground.team.caller.get("/v1/connections", limit=1, cursor=page["cursor"])

    assert refused.code == "BAD_REQUEST"
    assert "cursor" in refused.error["message"]


def test_a_callback_that_comes_twice_is_refused_and_its_code_is_posted_once(ground: Ground) -> None:
    before = ground.site.count_posts("authorization_code")
    started = document(ground.start_with(user_id="twice"), 201)
    callback = follow(started["authorization_url"])
    first = follow(callback)
    again = httpx.get(callback, trust_env=False)

    assert "status=returned" in first
    assert (again.status_code, "Location" in again.headers) == (400, False)
    assert PLEASE_START_AGAIN in again.text
    assert document(ground.team.complete(started["session_uri"], user_id="twice"))["status"] == "active"
    assert ground.team.complete(started["session_uri"], user_id="twice").code == "CONNECT_EXPIRED"
    assert ground.site.count_posts("authorization_code") == before + 1


@pytest.mark.parametrize(
    "query", ["state=forged&code=a", "code=a", "", "state=a&state=b&code=c", "state=%ff"]
)
@pytest.mark.usefixtures("unharmed")
def test_a_forged_callback_gets_a_page_that_repeats_nothing(ground: Ground, query: str) -> None:
    address = ground.installation.redirect_uri(ground.site.registration_id)
    forged = httpx.get(f"{address}?{query}", trust_env=False)

    assert forged.status_code == 400
    assert PLEASE_START_AGAIN in forged.text
    assert "forged" not in forged.text


def test_a_browser_that_took_longer_than_ten_minutes_is_sent_back_as_expired(
    ground: Ground, built_functions: dict[str, BuiltFunction]
) -> None:
    before = ground.site.count_posts("authorization_code")
    started = document(ground.start_with(user_id="slow"), 201)
    callback = urlsplit(follow(started["authorization_url"]))
    event = json.loads((ROOT / "events" / "oauth_callback.json").read_text())
    event |= {
        "rawPath": callback.path.partition("/app")[2],
        "rawQueryString": callback.query,
        "pathParameters": {"registration_id": ground.site.registration_id},
    }
    function = built_functions["oauth_callback"]
    path = f"{KILL_SWITCH}:{function.code}:{function.layer / 'python'}"
    later = {**function.environment, "TEST_CLOCK_AHEAD": "601", "PYTHONPATH": path}
    with LambdaSandbox(replace(function, environment=later)) as sandbox:
        answer = sandbox.invoke(event).payload

    assert answer["statusCode"] == 303
    assert parse_qs(urlsplit(answer["headers"]["Location"]).query)["status"] == ["expired"]
    assert ground.team.complete(started["session_uri"], user_id="slow").code == "CONNECT_EXPIRED"
    assert ground.site.count_posts("authorization_code") == before


def test_another_user_cannot_finish_what_one_began_and_the_one_still_can(ground: Ground) -> None:
    before = ground.site.count_posts("authorization_code")
    started = document(ground.start_with(user_id="ann"), 201)
    follow(follow(started["authorization_url"]))

    swapped = ground.team.complete(started["session_uri"], user_id="mallory")
    foreign = ground.other.complete(started["session_uri"], user_id="ann")

    assert (swapped.status, swapped.code) == (403, "USER_MISMATCH")
    assert "user_id" in swapped.error["message"]
    assert foreign.code == "CONNECT_EXPIRED"
    assert ground.site.count_posts("authorization_code") == before
    assert document(ground.team.complete(started["session_uri"], user_id="ann"))["status"] == "active"


def test_a_provider_that_cannot_be_reached_while_connecting_is_said_so_and_a_new_start_works(
    ground: Ground,
) -> None:
    started = document(ground.start_with(user_id="unlucky"), 201)
    follow(follow(started["authorization_url"]))
    ground.site.provider.script.add(drop_before(), times=2)

    failed = ground.team.complete(started["session_uri"], user_id="unlucky")
    ground.site.provider.script.clear()

    assert (failed.status, failed.code) == (503, "PROVIDER_UNAVAILABLE")
    assert "Start again" in failed.error["message"]
    again = ground.team.connect(ground.site.provider_id, user_id="unlucky")
    assert again["status"] == "active"


def test_a_provider_that_is_gone_costs_no_connection_its_live_token(ground: Ground) -> None:
    profile = ProviderProfile(access_token_seconds=12)
    with open_site(ground.installation, ground.team.tenant_id, profile=profile) as site:
        connection_id = ground.team.connect(site.provider_id, user_id=new_name("left"))["connection_id"]
        site.provider.script.add(drop_before(reset=True), times=10)
        time.sleep(3.1)  # a token younger than a quarter of its life is not refreshed on demand
        refused = ground.team.refresh(connection_id)
        served = document(ground.team.read(connection_id))

        assert (refused.status, refused.code) == (503, "PROVIDER_UNAVAILABLE")
        assert "later" in refused.error["message"]
        assert 1 <= refused.error["retry_after"] <= 60
        assert refused.headers["Retry-After"] == str(refused.error["retry_after"])
        assert site.provider.rules.accepts(served["access_token"])
        view = ground.team.view(connection_id)
        assert (view["status"], view["failure"]["cause"]) == ("active", "outcome_unknown")


ODD_LIFETIMES = {
    "missing": None,
    "a text": "3600",
    "a text with a fraction": "3599.9",
    "a fraction": 3599.5,
    "zero": 0,
    "negative": -1,
    "no number": "soon",
    "empty": "",
    "true": True,
    "a list": [3600],
    "an object": {"seconds": 3600},
    "milliseconds": 3_600_000,
    "an instant": int(time.time()) + 3600,
    "beyond counting": 10**30,
    "a power of ten": 1e300,
}


@pytest.mark.parametrize("expires_in", ODD_LIFETIMES.values(), ids=ODD_LIFETIMES.keys())
def test_an_odd_expires_in_loses_nothing(ground: Ground, odd_site: ScriptedSite, expires_in: Any) -> None:
    odd_site.provider.rules.change_profile(expires_in=expires_in)
    connected = ground.team.connect(odd_site.provider_id, user_id=new_name("odd"))
    first = document(ground.team.read(connected["connection_id"]))
    assert odd_site.provider.rules.accepts(first["access_token"])

    # And as the answer to a refresh: asked for a day, it is tried once at least.
    again = ground.team.read(connected["connection_id"], min_ttl=86_400)
    assert again.code in ("200", "TOKEN_REFRESH_ERROR", "TOKEN_EXPIRED"), again.text
    last = document(ground.team.read(connected["connection_id"]))
    assert odd_site.provider.rules.accepts(last["access_token"])
    assert odd_site.provider.rules.is_refreshable(odd_site.newest_refresh_token(last["access_token"]).value)
    assert ground.team.view(connected["connection_id"])["status"] == "active"


@pytest.fixture(scope="module")
def odd_site(ground: Ground) -> Iterator[ScriptedSite]:
    with open_site(ground.installation, ground.team.tenant_id, profile=ProviderProfile()) as opened:
        yield opened
