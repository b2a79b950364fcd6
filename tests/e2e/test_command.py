"""The command on the deployed stack: log in, connect through a real provider, list, read, refresh, explain, disconnect."""

from __future__ import annotations

import json
import socket

import httpx
import pytest

from local.demo_provider.browser import ScriptedBrowser
from local.outputs import read_outputs
from tests.client.command_world import User
from tests.e2e.http_api import document
from tests.e2e.installation import new_name
from tests.support.third_party_server import ThirdPartyServer

SCOPES = ["connections:read", "connections:write", "tokens:read"]


@pytest.fixture
def return_url():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}/connected"


def test_a_new_user_gets_a_first_token_through_the_command_and_takes_it_away_again(
    installation, tmp_path, return_url
):
    api = read_outputs(installation.stack)["ApiUrl"]
    tenant_id, provider_id = new_name("command"), new_name("command")
    with ThirdPartyServer(access_token_seconds=3600) as server:
        operator = installation.operator
        document(operator.put(f"/v1/tenants/{tenant_id}", {"name": "Command", "return_urls": [return_url]}))
        client = document(
            operator.post("/v1/clients", {"tenant_id": tenant_id, "name": "shell", "scopes": SCOPES}), 201
        )
        installation.canaries.add_client(client["client_id"], client["client_secret"])
        document(operator.put(f"/v1/providers/{provider_id}", {"issuer": server.issuer}))
        registered = server.register_client(f"{api}/v1/oauth/callback/{provider_id}")
        installation.canaries.add_client(registered.client_id, registered.client_secret)
        registration = {
            "provider": provider_id,
            "client_id": registered.client_id,
            "client_secret": registered.client_secret,
            "tenants": [tenant_id],
            "scopes": ["openid", "profile"],
        }
        document(operator.put(f"/v1/registrations/{provider_id}", registration))

        user = User(tmp_path, api).without_environment()
        logged_in = user.run_process(
            "login",
            "--api",
            api,
            "--client-id",
            client["client_id"],
            "--secret-stdin",
            given=client["client_secret"],
        )
        assert logged_in.status == 0, logged_in.error
        assert provider_id in user.run_process("providers", provider_id).out

        connected = connect(user, provider_id, return_url, server)
        connection_id = connected["connection_id"]
        assert connected["status"] == "active"
        assert connection_id in user.run_process("ls").out
        token = user.run_process("token", connection_id).out.strip()
        installation.canaries.add(token)
        assert json.loads(user.run_process("token", connection_id, "--json").out)["access_token"] == token
        refreshed = user.run_process("refresh", connection_id, "--json")
        assert refreshed.status == 0, refreshed.error
        assert user.run_process("explain", connection_id).status == 0
        assert user.run_process("disconnect", connection_id, "--yes").status == 0
        gone = user.run_process("token", connection_id)
        assert (gone.status, "DISCONNECTED" in gone.error) == (5, True)


def connect(user, provider_id, return_url, server):
    """Run `connect` with a person's browser: it is told the address, logs in, consents, and comes back to the command's own page."""
    process = user.start(
        "connect", provider_id, "--user", "ada", "--return-url", return_url, "--no-browser", "--json"
    )
    try:
        address = next(line.strip() for line in process.stderr if line.strip().startswith("http"))
        with ScriptedBrowser() as browser:
            arrival = browser.authorize(
                address, username=server.username, password=server.password, stop_at=return_url
            )
        assert httpx.get(arrival.location, trust_env=False).status_code == 200
        out, error = process.communicate(timeout=60)
        assert process.returncode == 0, error
        return json.loads(out)
    finally:
        process.kill()
        process.wait()
