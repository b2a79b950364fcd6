"""The command as people and programs use it: processes, pipes and terminals, against the documented API."""

from __future__ import annotations

import json
import re
import stat
from datetime import UTC, datetime, timedelta

import pytest

from tests.client.api_world import CLIENT_ID, CLIENT_SECRET, CONNECTION, SCHEMAS, Planned, example, refusal
from tests.client.command_world import User


@pytest.fixture
def user(tmp_path, documented_api):
    return User(tmp_path, documented_api.base_url)


def answer(document, status=200):
    return Planned(status, json.dumps(document).encode())


def in_(**time_left):
    return (
        (datetime.now(UTC) + timedelta(**time_left)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    )


def listed(**changes):
    row = {**example(SCHEMAS["ListedConnection"]), "status": "active", "on_hold": False, "failure": None}
    return {**row, "expires_at": in_(minutes=90, seconds=30), "refresh_at": in_(minutes=75), **changes}


def a_list(*rows):
    return answer({"connections": rows, "cursor": None})


def test_a_piped_token_is_the_token_and_nothing_else(user, documented_api):
    documented_api.plan(answer({**example(SCHEMAS["AccessToken"]), "access_token": "at-1"}))
    ended = user.run_process("token", CONNECTION, "--min-ttl", "60")
    assert (ended.status, ended.out, ended.error) == (0, "at-1\n", "")
    assert documented_api.seen[-1].query == {"min_ttl": "60"}


def test_at_a_terminal_a_token_comes_with_what_is_known_of_it(user, documented_api):
    token = {
        **example(SCHEMAS["AccessToken"]),
        "access_token": "at-1",
        "expires_at": in_(minutes=5, seconds=5),
    }
    documented_api.plan(answer(token))
    shown = user.run_at_terminal("token", CONNECTION).out
    assert "at-1" in shown
    assert "expires in 5m" in shown


def test_connections_are_listed_with_the_time_that_is_left(user, documented_api):
    documented_api.plan(
        a_list(
            listed(name="Ada's", expires_at=in_(minutes=90, seconds=30)),
            listed(status="reauthorization_required", expires_at=in_(minutes=-1), refresh_at=None),
            listed(on_hold=True),
            listed(expires_at=None, refresh_at=None, policy="lazy"),
        )
    )
    ended = user.run("ls", "--provider", "corp")
    heading, first, *rest = ended.out.splitlines()
    assert heading.split()[:3] == ["connection", "provider", "account"]
    assert CONNECTION in first
    assert "1h 30m" in first
    assert "in 1h 14m" in first
    assert "reauthorization_required" in rest[0]
    assert "expired" not in rest[0]
    assert "on hold" in rest[1]
    assert "never" in rest[2]
    assert "when read" in rest[2]
    assert documented_api.seen[-1].query == {"provider": "corp"}


def test_a_list_for_programs_is_json_with_all_pages_and_unknown_fields(user, documented_api):
    documented_api.plan(
        answer({"connections": [listed(colour="red")], "cursor": "2"}), a_list(listed(account="second"))
    )
    first, second = json.loads(user.run("ls", "--json").out)["connections"]
    assert (first["colour"], second["account"]) == ("red", "second")
    assert first["created_at"] == "2026-11-21T12:00:00.000Z"


def test_a_watched_list_counts_down_until_it_is_interrupted(user, documented_api):
    documented_api.plan(a_list(listed(expires_at=in_(seconds=50))))

    def lefts(shown):
        return list(dict.fromkeys(re.findall(r"\b(\d\d)s\b", shown)))

    ended = user.run_at_terminal("ls", "--watch", interrupted_when=lambda shown: len(lefts(shown)) >= 2)
    assert ended.status == 0
    assert lefts(ended.out) == sorted(lefts(ended.out), reverse=True)
    assert user.run("ls", "--watch").status == 2


def test_what_names_hold_cannot_steer_a_terminal(user, documented_api):
    documented_api.plan(a_list(listed(name="\x1b]0;owned\x07[red]bold")))
    out = user.run("ls").out
    assert "\x1b" not in out
    assert "[red]bold" in out
    documented_api.plan(refusal(400, "BAD_REQUEST", message="a\x1b[2Jb\nc"))
    error = user.run("ls").error
    assert error.count("\n") == 1
    assert "\x1b" not in error


@pytest.mark.parametrize(
    ("planned", "status"),
    [
        (refusal(400, "BAD_REQUEST"), 1),
        (refusal(401, "UNAUTHORIZED"), 3),
        (refusal(403, "FORBIDDEN"), 3),
        (refusal(404, "ACCOUNT_NOT_FOUND"), 4),
        (refusal(409, "REAUTH_REQUIRED"), 5),
        (refusal(503, "REGISTRATION_PAUSED", retryable=True, retry_after=600), 6),
    ],
)
def test_an_error_is_one_line_with_its_mend_and_id_and_the_status_tells_its_kind(
    user, documented_api, planned, status
):
    documented_api.plan(planned)
    ended = user.run("token", CONNECTION)
    code = json.loads(planned.body)["error"]["code"]
    assert (ended.status, ended.out) == (status, "")
    expected = f"evertoken: {code}: It cannot be done. Do something else. [correlation id theirs]\n"
    assert ended.error == expected


def test_nobody_there_and_nobody_logged_in_are_told_apart(user):
    user.environment["EVERTOKEN_API"] = "http://127.0.0.1:9"
    ended = user.run("ls")
    assert (ended.status, "TRANSPORT" in ended.error) == (6, True)
    ended = user.without_environment().run("ls")
    assert (ended.status, "evertoken login" in ended.error) == (1, True)
    assert user.run("no-such-command").status == 2


def test_a_login_is_checked_kept_for_this_user_alone_and_used(user, documented_api):
    user.without_environment()
    ended = user.run(
        "login",
        "--api",
        documented_api.base_url,
        "--client-id",
        CLIENT_ID,
        "--secret-stdin",
        given=f"{CLIENT_SECRET}\n",
    )
    assert (ended.status, ended.out) == (0, "")
    assert stat.S_IMODE(user.login_file.stat().st_mode) == 0o600
    assert stat.S_IMODE(user.login_file.parent.stat().st_mode) == 0o700
    assert CLIENT_SECRET not in ended.error
    documented_api.plan(a_list())
    ended = user.run("ls")
    assert (ended.status, ended.out) == (0, "")
    assert "evertoken connect" in ended.error
    assert documented_api.seen[-1].headers["authorization"].startswith("Bearer bearer-")
    assert user.run("logout").status == 0
    assert not user.login_file.exists()
    assert "Nobody was logged in" in user.run("logout").error


def test_a_secret_is_asked_for_without_echo(user, documented_api):
    user.without_environment()
    shown = user.run_at_terminal(
        "login", "--api", documented_api.base_url, "--client-id", CLIENT_ID, typed=f"{CLIENT_SECRET}\n"
    )
    assert shown.status == 0, shown.out
    assert "Client secret" in shown.out
    kept = json.loads(user.login_file.read_text())
    assert kept == {"api": documented_api.base_url, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}


def test_no_option_takes_a_secret(user):
    words = user.run("login", "--help").out
    assert "--secret-stdin" in words
    assert not [word for word in words.split() if word in {"--secret", "--client-secret", "--token"}]


def test_a_login_that_is_refused_keeps_what_was_there(user, documented_api):
    user.without_environment()
    user.run("login", "--api", documented_api.base_url, "--token-stdin", given="first\n")
    documented_api.plan(refusal(401, "UNAUTHORIZED"))
    ended = user.run("login", "--api", documented_api.base_url, "--token-stdin", given="second\n")
    assert ended.status == 3
    assert json.loads(user.login_file.read_text())["token"] == "first"
    assert user.run("login", "--api", documented_api.base_url, "--token-stdin", given="").status == 1


def test_a_token_that_lacks_a_scope_is_a_login_all_the_same(user, documented_api):
    documented_api.plan(refusal(403, "FORBIDDEN"))
    ended = user.run("login", "--token-stdin", given="narrow\n")
    assert ended.status == 0
    assert json.loads(user.login_file.read_text())["token"] == "narrow"


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"api": 1}', '{"api": "https://x", "token": 1}', "[" * 9999]
)
def test_a_file_that_is_no_login_says_to_log_in(user, content):
    user.without_environment()
    user.login_file.parent.mkdir(parents=True)
    user.login_file.write_text(content)
    user.login_file.chmod(0o600)
    ended = user.run("ls")
    assert (ended.status, ended.error.count("\n")) == (1, 1)
    assert "evertoken login" in ended.error or "EVERTOKEN_CLIENT_ID" in ended.error


def test_a_login_that_others_can_read_is_not_used(user, documented_api):
    user.without_environment()
    user.run("login", "--api", documented_api.base_url, "--token-stdin", given="t\n")
    user.login_file.chmod(0o644)
    ended = user.run("ls")
    assert (ended.status, "chmod 600" in ended.error) == (1, True)


def test_disconnecting_asks_a_person_and_a_program_has_to_say_yes(user, documented_api):
    ended = user.run("disconnect", CONNECTION)
    assert (ended.status, "--yes" in ended.error) == (2, True)
    shown = user.run_at_terminal("disconnect", CONNECTION, typed="n\n")
    assert "Disconnect" in shown.out
    assert [one.method for one in documented_api.seen] == ["GET", "GET"]
    assert user.run_at_terminal("disconnect", CONNECTION, typed="y\n").status == 0
    assert user.run("disconnect", CONNECTION, "--yes").status == 0
    assert [one.method for one in documented_api.seen].count("DELETE") == 2


def test_a_connection_is_explained_with_its_mend_and_its_history(user, documented_api):
    ledger = example(SCHEMAS["LedgerView"])
    ledger["explanation"] = {
        "summary": "The provider ended the grant.",
        "cause": "grant_dead",
        "since": in_(),
        "mend": "The user connects again.",
    }
    documented_api.plan(answer(ledger), answer(ledger))
    out = user.run("explain", CONNECTION).out
    assert out.startswith("The provider ended the grant.\nWhat to do: The user connects again.\n")
    assert ledger["entries"][0]["type"] in out
    assert json.loads(user.run("explain", CONNECTION, "--json").out)["explanation"]["cause"] == "grant_dead"


def test_a_refresh_says_how_it_ended(user, documented_api):
    refreshed = {
        "outcome": "refreshed",
        "connection": {**example(SCHEMAS["Connection"]), "expires_at": in_(minutes=59, seconds=30)},
    }
    job = {"job": example(SCHEMAS["JobView"])}
    documented_api.plan(answer(refreshed), answer(job, 202))
    assert user.run("refresh", CONNECTION).out.startswith("refreshed; the token expires in 59m")
    assert "evertoken jobs" in user.run("refresh", CONNECTION).error


def test_jobs_are_listed_shown_and_waited_for(user, documented_api):
    assert "completed" in user.run("jobs").out or "waiting" in user.run("jobs").out
    progress = example(SCHEMAS["JobProgress"])
    going = {**progress, "job": {**progress["job"], "status": "active"}}
    failed = {**progress, "job": {**progress["job"], "status": "failed"}}
    documented_api.plan(answer(going), answer(failed), answer(failed))
    assert user.run("jobs", "job_1", "--wait").status == 1
    assert user.pauses == [2]
    assert json.loads(user.run("jobs", "job_1", "--json").out)["job"]["status"] == "failed"
    assert user.run("jobs", "--wait").status == 2


def test_providers_are_searched_and_shown(user, documented_api):
    provider = {**example(SCHEMAS["ListedProvider"]), "provider_id": "corp-sso"}
    unreadable = {**example(SCHEMAS["UnreadableProvider"]), "provider_id": "broken"}
    documented_api.plan(*[answer({"providers": [provider, unreadable]})] * 2)
    out = user.run("providers", "corp").out
    assert "corp-sso" in out
    assert "unreadable" in out
    assert documented_api.seen[-1].query == {"search": "corp"}
    assert len(json.loads(user.run("providers", "--json").out)["providers"]) == 2
    assert json.loads(user.run("providers", "show", "corp").out)["provider_id"]


def test_a_provider_document_is_checked_where_the_package_is_whole(user, tmp_path):
    good = tmp_path / "corp.json"
    good.write_text('{"name": "Corp", "issuer": "https://sso.corp.example"}')
    assert user.run("providers", "check", str(good)).out == f"{good}: nothing is wrong.\n"
    wrong = tmp_path / "wrong.json"
    wrong.write_text('{"name": "Corp", "issuer": "https://sso.corp.example", "colour": "red"}')
    ended = user.run("providers", "check", str(wrong), "--json")
    assert ended.status == 1
    assert "colour" in json.loads(ended.out)["problems"][0]
    wrong.write_text("{")
    ended = user.run("providers", "check", str(wrong))
    assert (ended.status, "is not JSON" in ended.error) == (1, True)


def test_where_only_the_client_is_installed_the_check_says_where_it_is(user, tmp_path):
    package = tmp_path / "wheel" / "evertoken"
    package.mkdir(parents=True)
    layer = user.environment["PYTHONPATH"]
    (package / "__init__.py").touch()
    (package / "client").symlink_to(f"{layer}/evertoken/client")
    user.environment["PYTHONPATH"] = str(tmp_path / "wheel")
    document = tmp_path / "corp.json"
    document.write_text("{}")
    ended = user.run_process("providers", "check", str(document))
    assert ended.status == 1
    assert "make check-provider" in ended.error
    assert user.run_process("--help").status == 0


def test_without_its_libraries_the_command_says_what_to_install(user, tmp_path):
    (tmp_path / "hidden").mkdir()
    (tmp_path / "hidden" / "click.py").write_text(
        "raise ModuleNotFoundError(\"No module named 'click'\", name='click')"
    )
    user.environment["PYTHONPATH"] = f"{tmp_path / 'hidden'}:{user.environment['PYTHONPATH']}"
    ended = user.run_process("ls")
    assert ended.status == 1
    assert "pip install 'evertoken[cli]'" in ended.error
