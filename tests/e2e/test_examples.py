"""Every example as its user runs it: from the wheel, without the repository, on the deployed stack, against a provider that refuses stale tokens."""

from __future__ import annotations

import itertools
import json
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from local.deploy import build_session
from local.environments import ROOT
from tests.client.socketio_server import serving_sockets
from tests.e2e.installation import RETURN_URL, Installation, Team, follow, new_name
from tests.e2e.scripted_site import ScriptedSite, open_site
from tests.support.client_wheel import UserEnvironment, build_wheel, install_wheel
from tests.support.provider_profile import STRICT, ProviderProfile
from tests.support.scripted_provider import ScriptedProvider

EXAMPLES = ROOT / "examples"
CLIENT = ("client-1", "secret: % + & é")


@pytest.fixture(scope="module")
def users(tmp_path_factory: pytest.TempPathFactory) -> UserEnvironment:
    """Where a user has installed the wheel, and copied the examples to."""
    directory = tmp_path_factory.mktemp("users")
    environment = install_wheel(
        build_wheel(directory / "wheel"), directory / "environment", ("aws", "http2", "socketio")
    )
    for example in EXAMPLES.glob("*.py"):
        shutil.copy(example, environment.directory)
    return environment


class BrokerApi(ThreadingHTTPServer):
    """A provider's API that answers a token which is not live as IG's does; `answers` is (token, status) of each request."""

    daemon_threads = True

    def __init__(self, site: ScriptedSite) -> None:
        super().__init__(("127.0.0.1", 0), _BrokerHandler)
        self.site = site
        self.answers: list[tuple[str, int]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/gateway/deal/marketnavigation"


class _BrokerHandler(BaseHTTPRequestHandler):
    server: BrokerApi

    def do_GET(self) -> None:
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        is_live = bool(token) and self.server.site.provider.rules.accepts(token)
        answer = {"nodes": []} if is_live else {"errorCode": "error.security.oauth-token-invalid"}
        body = json.dumps(answer).encode()
        self.server.answers.append((token, 200 if is_live else 401))
        self.send_response(200 if is_live else 401)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def broker_of(site: ScriptedSite) -> Iterator[BrokerApi]:
    broker = BrokerApi(site)
    thread = threading.Thread(target=broker.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield broker
    finally:
        broker.shutdown()
        broker.server_close()
        thread.join(5)


def environment_of(installation: Installation, team: Team) -> dict[str, str]:
    return {"EVERTOKEN_API": installation.base_url, "EVERTOKEN_TOKEN": team.caller.token}


def oauth_environment(provider: ScriptedProvider, **more: str) -> dict[str, str]:
    client_id, client_secret = CLIENT
    return {
        "OAUTH_TOKEN_URL": provider.token_endpoint,
        "OAUTH_CLIENT_ID": client_id,
        "OAUTH_CLIENT_SECRET": client_secret,
    } | more


class Run:
    """A running example: what it says is read line by line, what it asks is answered."""

    def __init__(
        self, users: UserEnvironment, program: str, *arguments: str, environment: Mapping[str, str]
    ) -> None:
        self._process: subprocess.Popen[str] = users.open(program, *arguments, environment=environment)
        self.lines: list[str] = []

    def read_until(self, text: str) -> str:
        """Return the first line that holds a text."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.lines.append(line.rstrip("\n"))
            if text in line:
                return self.lines[-1]
        raise AssertionError(f"it never said {text!r}: {self.finish()}")

    def answer(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()

    def finish(self) -> str:
        """Return all that it has said, once it has ended well."""
        said, errors = self._process.communicate(timeout=60)
        self.lines += said.splitlines()
        text = "\n".join(self.lines)
        assert self._process.returncode == 0, f"{text}\n{errors}"
        assert errors == ""
        return text


def connect(team: Team, site: ScriptedSite, **wish: Any) -> str:
    return str(team.connect(site.provider_id, user_id=new_name("user"), **wish)["connection_id"])


def test_every_example_is_run_by_a_test_of_this_file() -> None:
    text = Path(__file__).read_text()
    names = {example.stem for example in EXAMPLES.glob("*.py")}
    assert len(names) >= 8
    assert [
        name for name in sorted(names) if f'"{name}.py"' not in text and f"from {name} import" not in text
    ] == []


def test_a_broker_session_outlives_an_expired_and_a_revoked_token(
    installation: Installation, users: UserEnvironment
) -> None:
    team = installation.team(new_name("broker"))
    with open_site(installation, team.tenant_id) as site, broker_of(site) as broker:
        site.provider.rules.change_profile(access_token_seconds=6)
        connection_id = connect(team, site, policy="lazy", publication="api_only")
        running = Run(
            users,
            "broker_session.py",
            connection_id,
            broker.url,
            "12",
            environment=environment_of(installation, team),
        )
        # A token that was used once is still in the program's memory when it is revoked.
        used = None
        while used != broker.answers[-1:]:
            used = broker.answers[-1:]
            running.read_until("nodes")
        site.provider.rules.kill_access_token(broker.answers[-1][0])
        said = running.finish()
        assert said.count("{'nodes': []}") == 12
        statuses = [status for _, status in broker.answers]
        assert statuses.count(200) == 12
        # The revoked token was refused, and no request was refused twice.
        assert statuses.count(401) >= 1
        assert (401, 401) not in itertools.pairwise(statuses)
        assert len({token for token, _ in broker.answers}) >= 3


def test_a_lambda_function_reads_secrets_manager_alone(
    installation: Installation, users: UserEnvironment
) -> None:
    team = installation.team(new_name("lambda"))
    credentials = build_session().get_credentials()
    assert credentials is not None
    with open_site(installation, team.tenant_id) as site, broker_of(site) as broker:
        connection_id = connect(team, site)
        program = (
            "import json, sys; from lambda_handler import handler\n"
            "print(json.dumps([handler({'connection_id': sys.argv[1]}, None) for _ in range(3)]))"
        )
        answer = users.start(
            *("-c", program, connection_id),
            environment={
                "PROVIDER_API": broker.url,
                "EVERTOKEN_SECRET_PREFIX": f"evertoken/local/tokens/{team.tenant_id}",
                "AWS_ENDPOINT_URL": installation.stack.endpoint,
                "AWS_REGION": "us-east-1",
                "AWS_DEFAULT_REGION": "us-east-1",
                "AWS_ACCESS_KEY_ID": credentials.access_key,
                "AWS_SECRET_ACCESS_KEY": credentials.secret_key,
            },
        )
        assert answer.returncode == 0, answer.stderr
        assert [one["status"] for one in json.loads(answer.stdout)] == [200] * 3


def test_integrations_from_connecting_to_disconnecting(
    installation: Installation, users: UserEnvironment
) -> None:
    team = installation.team(new_name("integrations"))
    with open_site(installation, team.tenant_id) as site, broker_of(site) as broker:
        running = Run(
            users,
            *("integrations.py", site.provider_id, "user-137", RETURN_URL, broker.url),
            environment=environment_of(installation, team),
        )
        url = running.read_until("Send the browser to").rpartition(" ")[2]
        returned = follow(follow(url))
        running.answer(returned)
        said = running.finish()
        assert f"{site.provider_id}: active, " in said
        assert "the provider answers 200" in said
        assert "refresh: not_needed" in said
        assert "after disconnecting: DISCONNECTED, please connect again" in said
        assert "[connections.complete]" in said
        assert "success: True" in said


def test_channels_are_refreshed_by_a_job_and_a_schedule(
    installation: Installation, users: UserEnvironment
) -> None:
    team = installation.team(new_name("channels"))
    with open_site(installation, team.tenant_id) as site:
        site.provider.rules.change_profile(access_token_seconds=1)
        for _ in range(2):
            connect(team, site, policy="lazy", publication="api_only", display_name="Shop é")
        site.provider.rules.change_profile(access_token_seconds=7200)
        time.sleep(0.3)
        running = Run(users, "channel_refresh.py", environment=environment_of(installation, team))
        said = running.finish()
        assert said.count("Shop é expires in") == 2
        assert "2/2 refreshed" in said
        assert "refreshes every 120 minutes from now on: sch_" in said
        assert "2 channels, 0 due" in said
        assert said.endswith("cancelled")


def test_a_session_is_refreshed_polled_and_ended(
    installation: Installation, users: UserEnvironment, tmp_path: Path
) -> None:
    team = installation.team(new_name("clinic"))
    file = tmp_path / "session"
    running = Run(users, "session_refresh.py", str(file), "3", environment=environment_of(installation, team))
    said = running.finish()
    assert "User Name is PATIENT" in said
    assert said.count("session active until ") == 3
    assert said.count("session ended") == 1
    assert said.endswith("logged out")
    assert file.stat().st_mode & 0o777 == 0o600
    installation.canaries.add(json.loads(file.read_text())["tokens"]["access_token"])


def test_a_call_outlives_what_the_socketio_server_takes_for_the_tokens_life(
    installation: Installation, users: UserEnvironment
) -> None:
    team = installation.team(new_name("video"))
    ends: dict[str, datetime] = {}

    def find_end(token: str) -> datetime:
        installation.canaries.add(token)
        return ends.setdefault(token, datetime.now(UTC) + timedelta(seconds=2))

    with serving_sockets(find_end) as (server, address):
        running = Run(
            users, "video_call.py", address, "room-1", "3.5", environment=environment_of(installation, team)
        )
        said = running.finish()
    assert said.splitlines() == ["connected", "joined room-1"] * 2 + ["hung up"]
    assert server.kicked == 1
    assert len(ends) == 2


def test_a_machine_calls_an_api_with_client_credentials(users: UserEnvironment) -> None:
    with ScriptedProvider() as provider:
        url = f"{provider.issuer}/resource"
        running = Run(users, "oauth_machine.py", url, environment=oauth_environment(provider))
        assert running.finish().count("{'sub': ") == 2
        assert len(provider.ledger.find_requests("token")) == 1


def test_a_user_needs_the_browser_once_and_the_file_has_the_tokens(
    users: UserEnvironment, tmp_path: Path
) -> None:
    profile = ProviderProfile(rotation=STRICT, access_token_seconds=1)
    with ScriptedProvider(profile) as provider:
        redirect_uri = profile.redirect_uris[0]
        environment = oauth_environment(
            provider,
            OAUTH_AUTHORIZATION_URL=f"{provider.issuer}/authorize",
            OAUTH_USERINFO_URL=f"{provider.issuer}/resource",
            OAUTH_REDIRECT_URI=redirect_uri,
        )
        file, url = tmp_path / "tokens", f"{provider.issuer}/resource"
        running = Run(users, "oauth_user.py", str(file), url, environment=environment)
        running.answer(follow(running.read_until("Open ").partition(" ")[2]))
        assert running.finish().endswith("acting as user-1\n{'sub': 'user-1'}")
        assert file.stat().st_mode & 0o777 == 0o600

        time.sleep(1)
        again = Run(users, "oauth_user.py", str(file), url, environment=environment)
        assert again.finish() == "acting as user-1\n{'sub': 'user-1'}"
        grants = [record.grant_type for record in provider.ledger.find_requests("token")]
        assert grants[0] == "authorization_code"
        assert set(grants[1:]) == {"refresh_token"}
        assert provider.ledger.violations == []
