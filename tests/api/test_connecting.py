"""Connecting a person's account: start, callback, complete, against a provider that speaks HTTP."""

import json
import re
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs, parse_qsl, quote, urlencode, urlsplit, urlunsplit

import boto3
import pytest

from tests.api.conftest import REDIRECT_URIS
from tests.support.aws_account import TABLE
from tests.support.control_plane import RETURN_URL, consent, result_of
from tests.support.provider_faults import answer, drop_after_commit, drop_before

CALLBACK = "/v1/oauth/callback/scripted-acme"
CALLBACK_HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
}


def query_of(url):
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def with_query(url, **changes):
    parts = urlsplit(url)
    query = {**dict(parse_qsl(parts.query)), **changes}
    return urlunsplit(parts._replace(query=urlencode({k: v for k, v in query.items() if v is not None})))


def token_posts(provider):
    return provider.ledger.find_requests(endpoint="token")


def test_a_person_connects_and_the_published_secret_holds_a_token_that_the_provider_accepts(
    plane, provider, tenant
):
    connected = plane.connect(tenant, name="work", account="ann@example")

    assert connected.status == 200
    view = connected.json
    assert view["status"] == "active"
    assert (view["user_id"], view["account"], view["name"]) == ("ann", "ann@example", "work")
    assert (view["epoch"], view["generation"], view["scope"], view["missing_scope"]) == (1, 1, "read", "")
    assert view["notices"] == []
    assert 58 <= view["minutes_left"] <= 60
    secret = boto3.client("secretsmanager").get_secret_value(SecretId=view["secret_name"])
    published = json.loads(secret["SecretString"])
    assert provider.rules.accepts(published["access_token"])
    assert "refresh_token" not in published
    assert provider.token_prefix not in connected.text


def test_the_authorization_url_carries_state_and_challenge_of_its_own_each_time(plane, tenant):
    first, second = (plane.start(tenant).json["authorization_url"] for _ in range(2))

    one, two = query_of(first), query_of(second)
    assert one["code_challenge_method"] == "S256"
    assert one["redirect_uri"] == REDIRECT_URIS[0]
    assert one["state"] != two["state"]
    assert one["code_challenge"] != two["code_challenge"]
    assert re.fullmatch(r"[A-Za-z0-9_-]{43,}", one["state"])
    assert not re.match(r"\d+:\d+:", one["state"])


def test_state_session_verifier_and_code_are_nowhere_in_the_table_in_clear(plane, tenant):
    started = plane.start(tenant).json
    state = query_of(started["authorization_url"])["state"]
    callback = consent(started["authorization_url"])
    plane.come_back(callback)

    stored = repr(boto3.client("dynamodb").scan(TableName=TABLE)["Items"])

    assert state not in stored
    assert started["session_uri"].rsplit(":", 1)[1] not in stored
    assert query_of(callback)["code"] not in stored


def test_a_second_callback_with_the_same_state_is_refused_and_the_provider_is_not_asked(
    plane, provider, tenant
):
    started = plane.start(tenant).json
    callback = consent(started["authorization_url"])
    first, second = plane.come_back(callback), plane.come_back(callback)

    assert (first.status, second.status) == (303, 400)
    assert "Location" not in second.headers
    assert token_posts(provider) == []


def test_of_twenty_parallel_callbacks_one_is_answered_and_one_code_is_posted(plane, provider, tenant):
    started = plane.start(tenant).json
    callback = consent(started["authorization_url"])

    with ThreadPoolExecutor(4) as pool:
        statuses = list(pool.map(lambda _: plane.come_back(callback).status, range(20)))
    with ThreadPoolExecutor(4) as pool:
        completed = list(pool.map(lambda _: plane.complete(tenant, started["session_uri"]).status, range(8)))

    assert sorted(statuses) == [303] + [400] * 19
    assert sorted(completed) == [200] + [410] * 7
    assert len(token_posts(provider)) == 1


def test_a_forged_state_gets_a_page_that_repeats_nothing(plane):
    forged = plane.request("GET", CALLBACK, query="state=%3Csvg+onload%3D1%3E&code=abc")

    assert forged.status == 400
    assert "svg" not in forged.text
    assert "abc" not in forged.text
    assert forged.headers["Content-Type"].startswith("text/html")


@pytest.mark.parametrize(
    "query",
    [
        "",
        "code=a",
        "state=&code=a",
        "state=a&state=b&code=c",
        "state=a&code=b&code=c",
        "%ff=1",
        "state=" + "a" * 20_000,
    ],
    ids=["nothing", "no state", "empty state", "two states", "two codes", "not UTF-8", "too long"],
)
def test_a_malformed_callback_is_refused_with_the_same_page(plane, query):
    refused = plane.request("GET", CALLBACK, query=query)

    assert refused.status == 400
    assert "Please start again" in refused.text


def test_every_branch_of_the_callback_has_the_same_protecting_headers(plane, tenant):
    returned = plane.come_back(consent(plane.start(tenant).json["authorization_url"]))
    state = query_of(plane.start(tenant).json["authorization_url"])["state"]
    denied = plane.request("GET", CALLBACK, query=f"state={state}&error=access_denied&iss=wrong")
    refused = plane.request("GET", CALLBACK, query="state=unknown&code=a")

    for result in (returned, denied, refused):
        assert {name: result.headers[name] for name in CALLBACK_HEADERS} == CALLBACK_HEADERS


def test_the_return_url_keeps_its_own_query_and_gets_nothing_but_status_and_session(plane, provider, tenant):
    started = plane.start(tenant).json
    back = plane.come_back(consent(started["authorization_url"]))

    assert back.headers["Location"].startswith(RETURN_URL + "&")
    assert result_of(back) == {"tab": "1", "status": "returned", "session_uri": started["session_uri"]}


@pytest.mark.parametrize(
    ("error", "status"),
    [("access_denied", "denied"), ("server_error", "failed"), ("<svg onload=alert(1)>", "failed")],
)
def test_an_error_of_the_provider_reaches_the_return_url_as_a_closed_status_alone(
    plane, provider, tenant, error, status
):
    state = query_of(plane.start(tenant).json["authorization_url"])["state"]
    query = urlencode(
        {"state": state, "error": error, "error_description": "x" * 5000, "iss": provider.issuer}
    )

    back = plane.request("GET", CALLBACK, query=query)

    assert back.status == 303
    assert result_of(back)["status"] == status
    assert "svg" not in back.headers["Location"]
    assert "xxx" not in back.headers["Location"]


@pytest.mark.parametrize(
    "iss", ["{}/", "{}x", "HTTP://127.0.0.1", None, ""], ids=["slash", "longer", "other", "missing", "empty"]
)
def test_an_answer_of_another_issuer_is_not_used(plane, provider, tenant, iss):
    started = plane.start(tenant).json
    callback = with_query(
        consent(started["authorization_url"]), iss=None if iss is None else iss.format(provider.issuer)
    )

    back = plane.come_back(callback)

    assert result_of(back)["status"] == "failed"
    assert plane.complete(tenant, started["session_uri"]).code == "CONNECT_EXPIRED"
    assert token_posts(provider) == []


def test_an_error_of_another_issuer_is_not_believed_either(plane, provider, tenant):
    state = query_of(plane.start(tenant).json["authorization_url"])["state"]

    back = plane.request(
        "GET", CALLBACK, query=urlencode({"state": state, "error": "access_denied", "iss": "x"})
    )

    assert result_of(back)["status"] == "failed"


def test_a_state_of_one_registration_at_the_callback_of_another_is_refused(plane, provider, tenant):
    plane.add_registration("scripted-other", client_id="client-2", client_secret="other")
    started = plane.start(tenant, registration="scripted-acme").json
    callback = consent(started["authorization_url"]).replace("scripted-acme", "scripted-other")

    assert plane.come_back(callback).status == 400
    assert plane.complete(tenant, started["session_uri"]).code == "CONNECT_EXPIRED"
    assert token_posts(provider) == []


def test_a_provider_may_post_the_browser_back_as_a_form(plane, provider, tenant):
    started = plane.start(tenant).json
    callback = urlsplit(consent(started["authorization_url"]))

    back = plane.request("POST", callback.path, form=callback.query)

    assert back.status == 303
    assert plane.complete(tenant, started["session_uri"]).status == 200


def test_a_posted_callback_with_a_query_beside_it_is_refused(plane, tenant):
    callback = urlsplit(consent(plane.start(tenant).json["authorization_url"]))

    assert plane.request("POST", callback.path, form=callback.query, query="state=other").status == 400


def test_another_user_cannot_finish_and_nothing_is_exchanged(plane, provider, tenant):
    started = plane.start(tenant, user_id="ann").json
    plane.come_back(consent(started["authorization_url"]))

    refused = plane.complete(tenant, started["session_uri"], user_id="bob")

    assert (refused.status, refused.code) == (403, "USER_MISMATCH")
    assert token_posts(provider) == []
    assert plane.complete(tenant, started["session_uri"], user_id="ann").status == 200


def test_another_tenant_cannot_finish_and_learns_nothing(plane, provider, tenant):
    started = plane.start(tenant).json
    plane.come_back(consent(started["authorization_url"]))

    refused = plane.complete(plane.tenant("other"), started["session_uri"])

    assert (refused.status, refused.code) == (410, "CONNECT_EXPIRED")
    assert token_posts(provider) == []
    assert plane.complete(tenant, started["session_uri"]).status == 200


def test_a_session_that_was_never_returned_cannot_be_completed(plane, provider, tenant):
    started = plane.start(tenant).json

    assert plane.complete(tenant, started["session_uri"]).code == "CONNECT_EXPIRED"
    assert plane.complete(tenant, "urn:other:session:1").code == "BAD_REQUEST"


def test_a_registration_that_changed_its_client_meanwhile_gets_no_code(plane, provider, tenant):
    started = plane.start(tenant).json
    back = consent(started["authorization_url"])
    plane.come_back(back)
    plane.add_registration(client_id="client-2", client_secret="other")
    plane.restart("connections_api")

    refused = plane.complete(tenant, started["session_uri"])

    assert (refused.status, refused.code) == (409, "CLIENT_CHANGED")
    assert token_posts(provider) == []


def test_reconnecting_an_account_keeps_its_connection_and_raises_epoch_and_generation(plane, tenant):
    first = plane.connect(tenant, account="main", name="mine").json
    second = plane.connect(tenant, account="main").json

    assert second["connection_id"] == first["connection_id"]
    assert (second["epoch"], second["generation"]) == (2, 2)
    assert second["name"] == "mine"


def test_two_accounts_of_one_person_live_side_by_side(plane, tenant):
    first = plane.connect(tenant, account="main").json
    second = plane.connect(tenant, account="side").json

    assert first["connection_id"] != second["connection_id"]
    listed = plane.request("GET", "/v1/connections", token=tenant, query="user_id=ann").json["connections"]
    assert {one["account"] for one in listed} == {"main", "side"}


def test_two_people_do_not_share_a_connection(plane, tenant):
    assert (
        plane.connect(tenant, user_id="ann").json["connection_id"]
        != plane.connect(tenant, user_id="bob").json["connection_id"]
    )


def test_a_disconnected_account_comes_back_with_its_old_id(plane, tenant):
    first = plane.connect(tenant).json
    path = f"/v1/connections/{first['connection_id']}"
    assert plane.request("DELETE", path, token=tenant).json["status"] == "disconnected"

    again = plane.connect(tenant).json

    assert (again["connection_id"], again["status"]) == (first["connection_id"], "active")
    assert again["epoch"] == 3


def test_an_account_that_the_provider_names_wins_over_the_label(plane, provider):
    token = plane.tenant()
    provider.rules.change_profile(extra={"user_number": "4711"})
    plane.add_provider(
        provider.issuer,
        account={"from": "answer", "member": "user_number"},
        answer={"keeps": ["user_number"]},
    )
    plane.add_registration()

    first = plane.connect(token, account="one").json
    second = plane.connect(token, account="two").json

    assert first["account"] == second["account"] == "4711"
    assert first["connection_id"] == second["connection_id"]


def test_a_refused_code_says_so_and_leaves_no_connection(plane, provider, tenant):
    provider.script.add(answer(400, b'{"error":"invalid_grant"}', {"Content-Type": "application/json"}))
    started = plane.start(tenant).json
    plane.come_back(consent(started["authorization_url"]))

    refused = plane.complete(tenant, started["session_uri"])

    assert (refused.status, refused.code) == (422, "PROVIDER_REFUSED")
    assert plane.request("GET", "/v1/connections", token=tenant).json["connections"] == []


@pytest.mark.parametrize("fault", [drop_before(), drop_after_commit()], ids=["before", "after"])
def test_a_code_whose_answer_is_lost_is_never_posted_again(plane, provider, tenant, fault):
    provider.script.add(fault, endpoint="token")
    started = plane.start(tenant).json
    plane.come_back(consent(started["authorization_url"]))

    lost = plane.complete(tenant, started["session_uri"])
    again = plane.complete(tenant, started["session_uri"])

    assert (lost.status, lost.code) == (503, "PROVIDER_UNAVAILABLE")
    assert again.code == "CONNECT_EXPIRED"
    assert len(token_posts(provider)) == 1


def test_less_scope_than_asked_is_stored_as_what_it_is(plane, provider, tenant):
    provider.rules.change_profile(extra={"scope": "read"})

    view = plane.connect(tenant, scopes=["read", "write"]).json

    assert (view["scope"], view["missing_scope"], view["status"]) == ("read", "write", "active")


def test_short_tokens_are_served_by_the_api_alone_and_refreshed_when_read(plane, provider, tenant):
    provider.rules.change_profile(access_token_seconds=300)

    view = plane.connect(tenant).json

    assert (view["publication"], view["secret_name"], view["policy"]) == ("api_only", None, "lazy")
    assert "1800 s" in view["notices"][0]


def test_an_explicit_policy_wins_over_the_default_for_short_tokens(plane, provider, tenant):
    provider.rules.change_profile(access_token_seconds=300)

    assert plane.connect(tenant, policy="scheduled").json["policy"] == "scheduled"


def test_a_publication_that_is_known_to_be_impossible_is_refused_at_the_start(plane, provider):
    token = plane.tenant()
    plane.add_provider(provider.issuer, lifetimes={"access_token_seconds": 300})
    plane.add_registration()

    refused = plane.start(token, publication="secrets_manager")

    assert refused.code == "BAD_REQUEST"
    assert "publication" in refused.json["error"]["message"]


@pytest.mark.parametrize(
    "url",
    [
        "//evil.example",
        "https://evil.example/connected?tab=1",
        RETURN_URL + "#x",
        RETURN_URL + "&x=1",
        RETURN_URL.replace("https://", "https://user@"),
        RETURN_URL.replace("https:", "javascript:"),
        RETURN_URL.upper(),
        RETURN_URL + "\r\nLocation: https://evil.example",
        quote(RETURN_URL, safe=""),
        "",
    ],
)
def test_only_an_exact_return_url_of_the_tenant_is_taken(plane, tenant, url):
    refused = plane.start(tenant, return_url=url)

    assert (refused.status, refused.code) == (400, "BAD_REQUEST")
    assert "return_url" in refused.json["error"]["message"]


def test_without_a_registration_named_the_choices_are_said(plane, tenant):
    plane.add_registration("scripted-other", client_id="client-2", client_secret="other")

    refused = plane.start(tenant)

    assert refused.code == "BAD_REQUEST"
    assert "scripted-acme, scripted-other" in refused.json["error"]["message"]


def test_a_registration_that_does_not_name_the_tenant_is_unknown_to_it(plane, provider, tenant):
    other = plane.tenant("other")

    assert plane.start(other).code == "UNKNOWN_REGISTRATION"
    assert plane.start(other, registration="scripted-acme").code == "UNKNOWN_REGISTRATION"
    assert plane.start(other, registration="nothing").code == "UNKNOWN_REGISTRATION"
    assert plane.start(other, provider="nothing").code == "UNKNOWN_PROVIDER"


def test_a_connections_own_parameter_fills_the_providers_urls_for_its_code_and_for_its_refresh(
    plane, provider
):
    token = plane.tenant()
    plane.add_provider(
        provider.issuer,
        parameters={"place": {"description": "where tokens are had", "example": "token"}},
        endpoints={
            "authorization": f"{provider.issuer}/authorize",
            "token": f"{provider.issuer}/{{place}}",
        },
    )
    plane.add_registration()
    provider.rules.change_profile(access_token_seconds=2)

    assert "place" in plane.start(token).json["error"]["message"]
    view = plane.connect(token, parameters={"place": "token"}).json
    time.sleep(0.6)  # the age from which a token of two seconds may be refreshed on demand
    refreshed = plane.request("POST", f"/v1/connections/{view['connection_id']}/refresh", token=token)

    assert (refreshed.status, refreshed.json["outcome"]) == (200, "refreshed"), refreshed.text
    assert [record.outcome for record in token_posts(provider)] == ["ok", "ok"]


def test_parameters_that_the_entry_does_not_admit_are_refused(plane, tenant):
    refused = plane.start(tenant, parameters={"redirect_uri": "https://evil.example"})

    assert refused.code == "BAD_REQUEST"
    assert "redirect_uri" in refused.json["error"]["message"]
