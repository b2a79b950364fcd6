"""`evertoken connect`: a browser that comes back to this machine, one that ends elsewhere, another device, and what goes wrong."""

from __future__ import annotations

import json
import socket
import stat
import sys
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import pytest

from tests.client.api_world import CONNECTION, SCHEMAS, Planned, example, refusal
from tests.client.command_world import User

SESSION = "urn:evertoken:session:abc"
BROWSER = """#!{python} -IS
import http.client, sys, urllib.parse
query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(sys.argv[1]).query))
for address in query.values():
    where = urllib.parse.urlsplit(address)
    page = http.client.HTTPConnection(where.netloc, timeout=10)
    page.request("GET", where.path + "?" + where.query)
    page.getresponse().read()
"""


@pytest.fixture
def user(tmp_path, documented_api):
    made = User(tmp_path, documented_api.base_url)
    browser = tmp_path / "browser"
    browser.write_text(BROWSER.format(python=sys.executable))
    browser.chmod(browser.stat().st_mode | stat.S_IXUSR)
    made.environment["BROWSER"] = f"{browser} %s"
    return made


@pytest.fixture
def return_url():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}/connected"


def answer(document, status=200):
    return Planned(status, json.dumps(document).encode())


def started(*addresses):
    """The authorization whose browser calls *addresses* in turn, in place of a provider."""
    return answer(
        {
            "connection_id": CONNECTION,
            "authorization_url": "https://provider.example/authorize?"
            + urlencode({str(number): address for number, address in enumerate(addresses)}),
            "session_uri": SESSION,
            "expires_at": soon(),
        },
        201,
    )


def soon(seconds=600):
    moment = datetime.now(UTC) + timedelta(seconds=seconds)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def back_at(return_url, status="returned", session_uri=SESSION):
    return f"{return_url}?{urlencode({'status': status, 'session_uri': session_uri})}"


def connected(**changes):
    return answer({**example(SCHEMAS["EstablishedConnection"]), "status": "active", "notices": [], **changes})


def test_the_browser_is_opened_waited_for_and_the_connection_printed(user, documented_api, return_url):
    documented_api.plan(
        started(back_at(return_url)), connected(expires_at=soon(3599), notices=["Mind the end."])
    )
    ended = user.run_process(
        "connect",
        "corp",
        "--user",
        "u-17",
        "--return-url",
        return_url,
        "--parameter",
        "shop=acme",
        "--scope",
        "openid",
    )
    assert ended.status == 0, ended.error
    assert ended.out == f"{CONNECTION} is active; its token expires in 59m 58s.\n" or "59m" in ended.out
    assert "Mind the end." in ended.error
    start, complete = (json.loads(one.body) for one in documented_api.seen)
    assert start == {
        "provider": "corp",
        "user_id": "u-17",
        "return_url": return_url,
        "parameters": {"shop": "acme"},
        "scopes": ["openid"],
    }
    assert complete == {"session_uri": SESSION, "user_id": "u-17"}
    assert documented_api.problems == []


def test_somebody_elses_session_a_foreign_path_and_no_session_are_not_taken(user, documented_api, return_url):
    foreign = (
        back_at(return_url, session_uri="urn:evertoken:session:other"),
        back_at(return_url.replace("connected", "else")),
        return_url,
    )
    documented_api.plan(started(*foreign, back_at(return_url)), connected())
    assert user.run("connect", "corp", "--return-url", return_url, "--json").status == 0
    assert len(documented_api.seen) == 2


@pytest.mark.parametrize(
    ("status", "word"), [("denied", "said no"), ("failed", "registration"), ("expired", "in time")]
)
def test_what_came_back_without_consent_is_not_completed(user, documented_api, return_url, status, word):
    documented_api.plan(started(back_at(return_url, status)))
    ended = user.run("connect", "corp", "--return-url", return_url)
    assert (ended.status, word in ended.error) == (5, True)
    assert len(documented_api.seen) == 1


def test_where_the_browser_ends_elsewhere_the_address_is_pasted(user, documented_api):
    address = "https://app.example/connected"
    documented_api.plan(started(), connected())
    ended = user.run(
        "connect", "corp", "--no-browser", "--return-url", address, "--json", given=f"{back_at(address)}\n"
    )
    assert ended.status == 0, ended.error
    assert json.loads(ended.out)["connection_id"] == CONNECTION
    assert "https://provider.example/authorize" in ended.error
    documented_api.plan(started())
    other = back_at(address, session_uri="urn:evertoken:session:other")
    ended = user.run("connect", "corp", "--no-browser", "--return-url", address, given=f"{other}\n")
    assert (ended.status, "another authorization" in ended.error) == (1, True)


def test_where_the_port_is_taken_the_address_is_pasted(user, documented_api):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"http://127.0.0.1:{taken.getsockname()[1]}/connected"
        documented_api.plan(started(), connected())
        ended = user.run(
            "connect", "corp", "--no-browser", "--return-url", address, given=f"{back_at(address)}\n"
        )
    assert ended.status == 0, ended.error
    assert "has to be pasted" in ended.error


def test_a_device_is_shown_its_code_and_polled_at_the_pace_that_is_named(user, documented_api):
    device = {
        "connection_id": CONNECTION,
        "session_uri": "urn:evertoken:device:abc",
        "user_code": "WDJB-MJHT",
        "verification_uri": "https://provider.example/activate",
        "expires_at": soon(),
        "interval_seconds": 5,
    }
    documented_api.plan(
        answer(device, 201), answer({"status": "pending", "retry_after": 10}, 202), connected()
    )
    ended = user.run("connect", "corp", "--device", "--user", "u-17")
    assert ended.status == 0, ended.error
    assert "https://provider.example/activate and enter the code WDJB-MJHT" in ended.error
    assert [one.path for one in documented_api.seen[1:]] == ["/v1/connections/complete"] * 2
    assert user.pauses == [5, 10]


def test_without_a_browser_a_provider_that_offers_it_is_connected_by_device(user, documented_api, return_url):
    del user.environment["BROWSER"]
    user.environment["PATH"] = str(user.home / "empty")
    provider = {**example(SCHEMAS["Provider"]), "grants": ["authorization_code", "device_code"]}
    documented_api.plan(answer(provider), refusal(422, "PROVIDER_REFUSED"))
    assert user.run("connect", "corp", "--return-url", return_url).status == 1
    assert json.loads(documented_api.seen[-1].body)["grant"] == "device_code"


def test_a_refused_completion_is_told_and_not_repeated(user, documented_api, return_url):
    documented_api.plan(
        started(back_at(return_url)), refusal(503, "PROVIDER_UNAVAILABLE", retryable=True), connected()
    )
    ended = user.run("connect", "corp", "--return-url", return_url)
    assert (ended.status, "PROVIDER_UNAVAILABLE" in ended.error) == (6, True)
    assert len(documented_api.seen) == 2


def test_a_parameter_without_a_value_is_a_wrong_command_line(user, documented_api):
    assert user.run("connect", "corp", "--parameter", "shop").status == 2
    assert documented_api.seen == []


def test_nothing_of_the_session_is_printed(user, documented_api, return_url):
    documented_api.plan(started(back_at(return_url)), connected())
    ended = user.run("connect", "corp", "--return-url", return_url)
    assert ended.status == 0
    assert SESSION not in ended.out + ended.error


def test_the_return_page_is_gone_when_the_command_has_ended(user, documented_api, return_url):
    documented_api.plan(started(back_at(return_url)), connected())
    user.run("connect", "corp", "--return-url", return_url)
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(return_url, timeout=2)
