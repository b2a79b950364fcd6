"""The demonstration's accounts, connected as a tenant would connect them: through the API and a browser, never past them."""

from __future__ import annotations

import json
from typing import Any, Final

import httpx

from local.api import Api, ApiError, get_access_token, read_operator_credential
from local.demo import PORT
from local.demo_provider.browser import ScriptedBrowser
from local.demo_provider.seeds import DEMO_CLIENTS, DEMO_USERS
from local.outputs import read_outputs
from local.stack import LOCAL, LocalStack

TENANT: Final = "demo"
PROVIDER_URL: Final = f"http://127.0.0.1:{PORT}"
RETURN_URL: Final = f"{PROVIDER_URL}/connected"
COMMAND_URL: Final = "http://127.0.0.1:8976/connected"
"""Where the command `evertoken connect` waits for the browser."""
CONNECTIONS: Final = (("demo", "alice"), ("demo", "bob"), ("demo-short", "alice"))
"""Registration and user: two accounts with tokens of two minutes, one with tokens of a minute."""


def seed(stack: LocalStack, provider_url: str = PROVIDER_URL) -> dict[str, str]:
    """Have tenant, client, provider, registrations and connections, and return the variables for .local/env.

    What is there already stays as it is, so that a second run keeps its state.
    """
    operator_id, operator_secret = read_operator_credential(stack, read_outputs(stack)["OperatorSecretName"])
    operator_token = get_access_token(stack.base_url, operator_id, operator_secret)
    operator = Api(stack.base_url, operator_token)
    operator.call(
        "PUT", f"/v1/tenants/{TENANT}", {"name": "Demonstration", "return_urls": [RETURN_URL, COMMAND_URL]}
    )
    client_id, client_secret = _have_client(stack, operator)
    _have_registrations(operator, provider_url)
    tenant = Api.of_client(stack.base_url, client_id, client_secret)
    connected = {
        (row["registration"], row["user_id"])
        for row in tenant.call("GET", "/v1/connections")["connections"]
        if row["status"] == "active"
    }
    for registration, user in CONNECTIONS:
        if (registration, user) not in connected:
            connect(tenant, registration=registration, username=user)
    return {"EVERTOKEN_TOKEN": tenant.token, "EVERTOKEN_OPERATOR_TOKEN": operator_token}


def connect(tenant: Api, *, registration: str, username: str) -> dict[str, Any]:
    """Walk one authorization from start to completion with a scripted browser, and return the connection."""
    user = next(one for one in DEMO_USERS if one.username == username)
    wish = {
        "provider": "demo",
        "registration": registration,
        "user_id": username,
        "return_url": RETURN_URL,
        "name": f"{username} at {registration}",
    }
    if registration == "demo":
        wish["policy"] = "scheduled"  # tokens of two minutes would be lazy by default
    started = tenant.call("POST", "/v1/connections", wish)
    with ScriptedBrowser() as browser:
        browser.authorize(
            started["authorization_url"], username=user.username, password=user.password, stop_at=RETURN_URL
        )
    return tenant.call(
        "POST", "/v1/connections/complete", {"session_uri": started["session_uri"], "user_id": username}
    )


def _have_client(stack: LocalStack, operator: Api) -> tuple[str, str]:
    """Return the tenant's client; its secret is shown once, so it is kept beside the state of the stack."""
    path = stack.directory / "demo_client.json"
    if path.exists():
        kept = json.loads(path.read_text())
        try:
            get_access_token(stack.base_url, kept["client_id"], kept["client_secret"])
        except ApiError:
            path.unlink()
        else:
            return kept["client_id"], kept["client_secret"]
    scopes = [
        "connections:read",
        "connections:write",
        "tokens:read",
        "audit:read",
        "sessions:read",
        "sessions:write",
    ]
    made = operator.call(
        "POST", "/v1/clients", {"tenant_id": TENANT, "name": "demonstration", "scopes": scopes}
    )
    path.touch(mode=0o600)
    path.write_text(json.dumps({"client_id": made["client_id"], "client_secret": made["client_secret"]}))
    return made["client_id"], made["client_secret"]


def _have_registrations(operator: Api, provider_url: str) -> None:
    kept = operator.call("GET", "/v1/registrations")["registrations"]
    redirect_uris = {row["registration_id"]: row["redirect_uri"] for row in kept}
    if not any(row["provider_id"] == "demo" for row in operator.call("GET", "/v1/providers")["providers"]):
        operator.call("PUT", "/v1/providers/demo", {"issuer": provider_url})
    for client in DEMO_CLIENTS:
        if client.client_id not in redirect_uris:
            wish = {
                "provider": "demo",
                "client_id": client.client_id,
                "client_secret": client.client_secret,
                "tenants": [TENANT],
                "scopes": ["profile"],
            }
            made = operator.call("PUT", f"/v1/registrations/{client.client_id}", wish)
            redirect_uris[client.client_id] = made["redirect_uri"]
        registered = {"client_id": client.client_id, "redirect_uris": [redirect_uris[client.client_id]]}
        httpx.post(f"{provider_url}/clients", json=registered, timeout=10, trust_env=False).raise_for_status()


if __name__ == "__main__":
    from local.stack import get_stack

    print(f"{len(seed(get_stack()))} variables for {LOCAL.name}/env")
