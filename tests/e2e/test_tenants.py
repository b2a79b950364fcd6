"""Two tenants, every route of the template, the other's ids: 404 in one shape, nothing leaks, and no provider is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from local.stack import ROOT
from tests.e2e.http_api import Answer, document
from tests.e2e.installation import RETURN_URL, Installation, Team, new_name
from tests.e2e.scripted_site import ScriptedSite, open_site
from tests.support.lambda_function import load_template

pytestmark = pytest.mark.usefixtures("stories")

NOBODYS_CONNECTION = "con_" + "a" * 26
OWNERS_SESSION = {
    "user_id": "owners-user-name",
    "role": "owners-role",
    "profile": {"email": "owner@mail.example"},
}


def find_routes() -> list[str]:
    """Every route of the template, as the gateway names it."""
    resources = load_template(ROOT / "template.yaml")["Resources"].values()
    events = [event for one in resources for event in one.get("Properties", {}).get("Events", {}).values()]
    return sorted(
        f"{event['Properties']['Method']} {event['Properties']['Path']}"
        for event in events
        if event["Type"] == "HttpApi"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbours:
    """Two tenants: one that looks around, and one whose things it must not see."""

    installation: Installation
    looker: Team
    owner: Team
    site: ScriptedSite
    """The owner's alone."""
    connection: dict[str, Any]
    session_uri: str
    client_id: str
    job_id: str
    schedule_id: str
    session_id: str

    def look_at(self, kind: str, owners: str, *, own: bool, method: str = "GET", body: Any = None) -> Answer:
        """Ask for something of the owner's by its id, or for what nobody has."""
        prefix = owners.partition("_")[0]
        name = owners if own else f"{prefix}_" + "a" * 26
        return self.looker.caller.request(method, f"/v1/{kind}/{name}", body=body)

    def secrets_of_the_owner(self) -> tuple[str, ...]:
        """What no answer to the looker may hold, unless the looker said it."""
        view = self.connection
        return (
            view["user_id"],
            view["account"],
            view["name"],
            self.owner.tenant_id,
            OWNERS_SESSION["role"],
            "owner@mail.example",
            self.site.provider.token_prefix,
        )


@pytest.fixture(scope="module")
def neighbours(installation: Installation) -> Iterator[Neighbours]:
    looker, owner = installation.team(new_name("looker")), installation.team(new_name("owner"))
    with open_site(installation, owner.tenant_id) as site:
        connection = owner.connect(
            site.provider_id, user_id="owners-user-name", account="owners-account", name="owners-label"
        )
        started = document(owner.start(site.provider_id, user_id="owners-user-name"), 201)
        clients = document(installation.operator.get("/v1/clients", tenant_id=owner.tenant_id))["clients"]
        nobodys = {"connection_ids": [NOBODYS_CONNECTION], "wait_seconds": 10}
        job = document(owner.caller.post("/v1/connections/refresh", nobodys))["job"]
        schedule = document(owner.caller.post("/v1/schedules", {"interval_minutes": 600}), 201)
        session = document(owner.caller.post("/v1/sessions", OWNERS_SESSION), 201)
        installation.canaries.add(session["access_token"])
        yield Neighbours(
            installation=installation,
            looker=looker,
            owner=owner,
            site=site,
            connection=connection,
            session_uri=started["session_uri"],
            client_id=clients[0]["client_id"],
            job_id=job["job_id"],
            schedule_id=schedule["schedule_id"],
            session_id=session["session"]["session_id"],
        )


Send = Callable[[Neighbours, str], Answer]
"""Sends a request of the looker's that names the connection of this id."""
BY_CONNECTION: dict[str, Send] = {
    "GET /v1/connections/{connection_id}": lambda n, one: n.looker.caller.get(f"/v1/connections/{one}"),
    "GET /v1/connections/{connection_id}/token": lambda n, one: n.looker.read(one),
    "PATCH /v1/connections/{connection_id}": lambda n, one: n.looker.change(one, name="mine", on_hold=True),
    "DELETE /v1/connections/{connection_id}": lambda n, one: n.looker.disconnect(one),
    "POST /v1/connections/{connection_id}/refresh": lambda n, one: n.looker.refresh(one),
    "GET /v1/connections/{connection_id}/ledger": lambda n, one: n.looker.caller.get(
        f"/v1/connections/{one}/ledger"
    ),
}

Find = Callable[[Neighbours, bool], Answer]
"""Sends a request of the looker's that names something of the owner's, or (False) something that nobody has."""
BY_OTHER_IDS: dict[str, tuple[Find, int, str]] = {
    "POST /v1/connections/complete": (
        lambda n, own: n.looker.complete(
            n.session_uri if own else "urn:evertoken:session:" + "a" * 43, user_id=n.connection["user_id"]
        ),
        410,
        "CONNECT_EXPIRED",
    ),
    "POST /v1/connections": (
        lambda n, own: n.looker.start(
            n.site.provider_id, registration=n.site.registration_id if own else "nobodys"
        ),
        400,
        "UNKNOWN_REGISTRATION",
    ),
    "GET /v1/jobs/{job_id}": (lambda n, own: n.look_at("jobs", n.job_id, own=own), 404, "NOT_FOUND"),
    "GET /v1/schedules/{schedule_id}": (
        lambda n, own: n.look_at("schedules", n.schedule_id, own=own),
        404,
        "NOT_FOUND",
    ),
    "DELETE /v1/schedules/{schedule_id}": (
        lambda n, own: n.look_at("schedules", n.schedule_id, own=own, method="DELETE"),
        404,
        "NOT_FOUND",
    ),
    "GET /v1/sessions/{session_id}": (
        lambda n, own: n.look_at("sessions", n.session_id, own=own),
        404,
        "NOT_FOUND",
    ),
    "PATCH /v1/sessions/{session_id}": (
        lambda n, own: n.look_at("sessions", n.session_id, own=own, method="PATCH", body={"role": "mine"}),
        404,
        "NOT_FOUND",
    ),
    "DELETE /v1/sessions/{session_id}": (
        lambda n, own: n.look_at("sessions", n.session_id, own=own, method="DELETE"),
        404,
        "NOT_FOUND",
    ),
}

OPERATORS = {
    route: (method, path)
    for route in find_routes()
    for method, _, path in [route.partition(" ")]
    if path.startswith(("/v1/tenants", "/v1/clients", "/v1/registrations"))
    or (path.startswith("/v1/providers") and method != "GET")
}
"""A tenant may not even ask whether there is such a thing."""

LISTS: dict[str, Callable[[Any], bool]] = {
    "GET /v1/connections": lambda body: body == {"connections": [], "cursor": None},
    "GET /v1/jobs": lambda body: body["jobs"] == [] and not any(body["counts"].values()),
    "GET /v1/schedules": lambda body: body["schedules"] == [],
    "GET /v1/sessions": lambda body: body == {"sessions": [], "cursor": None},
    "GET /v1/statistics": lambda body: body["total"] == body["urgent"] == body["with_refresh_token"] == 0,
    "GET /v1/audit": lambda body: len({entry["actor"] for entry in body["entries"]}) <= 1,
}
"""A list of the looker's, and how one looks that holds nothing of the owner's."""
MAKES_OWN = {
    "POST /v1/connections/refresh",
    "POST /v1/connections/import",
    "POST /v1/schedules",
    "POST /v1/sessions",
}
"""They make something of the caller's own; what they may name of another's is tested below."""
OWN_TOKEN = {
    "POST /v1/auth/refresh-token",
    "POST /api/video/auth/refresh-token",
    "GET /api/video/sessions/{session_id}",
}
"""They take the token of one session, which names its own tenant and session."""
SHARED = {"GET /v1/providers", "GET /v1/providers/{provider_id}"}
"""Providers are no tenant's: all may see them, and nothing of tenants is in them."""
PUBLIC = {
    "POST /v1/auth/token",
    "GET /.well-known/jwks.json",
    "GET /v1/health",
    "GET /openapi.json",
    "GET /docs",
    "POST /v1/auth/role-token",
    "GET /v1/oauth/callback/{registration_id}",
    "POST /v1/oauth/callback/{registration_id}",
}
"""Nobody is a tenant here; a callback belongs to whoever holds its state."""


@pytest.fixture(autouse=True)
def nothing_happens_to_the_owner(neighbours: Neighbours) -> Iterator[None]:
    asked, connection_id = (
        len(neighbours.site.provider.ledger.requests),
        neighbours.connection["connection_id"],
    )
    before = neighbours.owner.view(connection_id)
    yield
    assert len(neighbours.site.provider.ledger.requests) == asked
    assert neighbours.owner.view(connection_id) | {"minutes_left": 0} == before | {"minutes_left": 0}


def test_every_route_of_the_template_is_in_exactly_one_of_the_tables() -> None:
    tables = [
        set(BY_CONNECTION),
        set(BY_OTHER_IDS),
        set(OPERATORS),
        set(LISTS),
        MAKES_OWN,
        OWN_TOKEN,
        SHARED,
        PUBLIC,
    ]
    named = [route for table in tables for route in table]
    assert sorted(named) == find_routes()


@pytest.mark.parametrize("route", BY_CONNECTION)
def test_a_connection_of_the_other_tenant_looks_like_one_that_nobody_has(
    neighbours: Neighbours, route: str
) -> None:
    foreign = BY_CONNECTION[route](neighbours, neighbours.connection["connection_id"])
    absent = BY_CONNECTION[route](neighbours, NOBODYS_CONNECTION)

    assert (foreign.status, foreign.code) == (404, "ACCOUNT_NOT_FOUND")
    assert shape_of(foreign) == shape_of(absent)
    assert not leaks(neighbours, foreign)


@pytest.mark.parametrize("route", BY_OTHER_IDS)
def test_anything_else_of_the_other_tenant_looks_like_what_nobody_has(
    neighbours: Neighbours, route: str
) -> None:
    find, status, code = BY_OTHER_IDS[route]
    foreign, absent = find(neighbours, True), find(neighbours, False)

    assert (foreign.status, foreign.code) == (status, code)
    assert shape_of(foreign) == shape_of(absent)
    assert not leaks(neighbours, foreign)


@pytest.mark.parametrize("route", OPERATORS)
def test_what_belongs_to_operators_is_closed_to_tenants_whether_it_exists_or_not(
    neighbours: Neighbours, route: str
) -> None:
    method, path = OPERATORS[route]
    own = {
        "{tenant_id}": neighbours.owner.tenant_id,
        "{client_id}": neighbours.client_id,
        "{registration_id}": neighbours.site.registration_id,
        "{provider_id}": neighbours.site.provider_id,
    }

    def send(ids: dict[str, str]) -> Answer:
        address = path
        for placeholder, value in ids.items():
            address = address.replace(placeholder, value)
        body = {"name": "x", "return_urls": [RETURN_URL]} if method in ("PUT", "POST") else None
        return neighbours.looker.caller.request(method, address, body=body)

    foreign, absent = send(own), send(dict.fromkeys(own, "nobodys"))

    assert (foreign.status, foreign.code) == (403, "FORBIDDEN")
    assert shape_of(foreign) == shape_of(absent)
    assert not leaks(neighbours, foreign)


@pytest.mark.parametrize(
    "query", [{}, {"user_id": "owners-user-name"}, {"account": "owners-account"}, {"status": "active"}]
)
def test_a_list_holds_nothing_of_the_other_tenant(neighbours: Neighbours, query: dict[str, str]) -> None:
    answer = neighbours.looker.caller.get("/v1/connections", **query)

    assert document(answer) == {"connections": [], "cursor": None}


@pytest.mark.parametrize("route", LISTS)
def test_every_list_of_a_tenant_holds_its_own_alone(neighbours: Neighbours, route: str) -> None:
    answer = neighbours.looker.caller.get(route.removeprefix("GET "))

    assert LISTS[route](document(answer))
    # An audit repeats the ids that the looker itself has asked for.
    assert route == "GET /v1/audit" or not leaks(neighbours, answer)


def test_a_batch_that_names_the_others_connection_says_of_it_what_it_says_of_one_that_nobody_has(
    neighbours: Neighbours,
) -> None:
    named = {
        "connection_ids": [neighbours.connection["connection_id"], NOBODYS_CONNECTION],
        "wait_seconds": 15,
    }
    answer = neighbours.looker.caller.post("/v1/connections/refresh", named)
    by_account = {
        "accounts": [
            {"provider": neighbours.site.provider_id, "account": "owners-account"},
            {"provider": neighbours.site.provider_id, "account": "nobodys"},
        ],
        "wait_seconds": 15,
    }
    accounts = neighbours.looker.caller.post("/v1/connections/refresh", by_account)

    for body, own in ((document(answer), "connection_id"), (document(accounts), "account")):
        foreign, absent = body["results"]
        assert {**foreign, own: "", "finished_at": ""} == {**absent, own: "", "finished_at": ""}
        assert (foreign["status"], foreign["code"]) == ("failed", "ACCOUNT_NOT_FOUND")


def test_a_schedule_of_the_others_connection_is_what_one_of_nobodys_is(neighbours: Neighbours) -> None:
    asked = [
        neighbours.looker.caller.post("/v1/schedules", {"connection_id": one, "delay_minutes": 600})
        for one in (neighbours.connection["connection_id"], NOBODYS_CONNECTION)
    ]

    assert asked[0].status == asked[1].status
    assert not leaks(neighbours, asked[0])
    for answer in asked:
        if answer.status == 201:
            schedule_id = answer.json["schedule_id"]
            assert neighbours.looker.caller.delete(f"/v1/schedules/{schedule_id}").status == 204


def test_an_import_cannot_use_the_others_registration(neighbours: Neighbours) -> None:
    row = {"provider": neighbours.site.provider_id, "user_id": "ann", "access_token": "a token of a test"}
    rows = [{**row, "registration": one} for one in (neighbours.site.registration_id, "nobodys")]
    answer = neighbours.looker.caller.post("/v1/connections/import", {"connections": rows})

    foreign, absent = document(answer)["results"]
    assert (foreign["status"], foreign["code"]) == ("failed", absent["code"])


def test_what_all_may_see_of_providers_holds_nothing_of_tenants(neighbours: Neighbours) -> None:
    for path in ("/v1/providers", f"/v1/providers/{neighbours.site.provider_id}"):
        answer = neighbours.looker.caller.get(path)
        assert answer.status == 200
        assert not leaks(neighbours, answer)
        assert neighbours.site.registration_id not in answer.text


def shape_of(answer: Answer) -> Any:
    """An error without what is each request's own."""
    return answer.status, {**answer.error, "correlation_id": ""}, sorted(answer.headers.keys())


def leaks(neighbours: Neighbours, answer: Answer) -> list[str]:
    return [value for value in neighbours.secrets_of_the_owner() if value in answer.text]
