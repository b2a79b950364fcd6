"""A deployed stack as its operator and its tenants use it: the Outputs, the API, and what an account's team may read."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from local.api import get_access_token, read_operator_credential
from local.outputs import read_outputs
from local.stack import LocalStack
from tests.e2e.canaries import Canaries
from tests.e2e.http_api import Answer, Caller, document
from tests.e2e.patience import wait_until
from tests.support.stack import AwsClients

RETURN_URL = "https://app.example/connected?tab=1"
ALL_SCOPES = (
    "connections:read",
    "connections:write",
    "tokens:read",
    "audit:read",
    "sessions:read",
    "sessions:write",
)


def new_name(stem: str) -> str:
    """A name that no other test of the run has."""
    return f"{stem}-{uuid.uuid4().hex[:8]}"


@dataclass(frozen=True, slots=True)
class Team:
    """One tenant's backend: its access token, and what it does with connections."""

    tenant_id: str
    caller: Caller
    canaries: Canaries

    def start(self, provider_id: str, *, user_id: str = "ann", **wish: Any) -> Answer:
        body = {"provider": provider_id, "user_id": user_id, "return_url": RETURN_URL, **wish}
        answer = self.caller.post("/v1/connections", body)
        if answer.status == 201 and "session_uri" in answer.json:
            state = parse_qs(urlsplit(answer.json["authorization_url"]).query)["state"][0]
            self.canaries.add(answer.json["session_uri"].rpartition(":")[2], state)
        return answer

    def run_grant(self, provider_id: str, grant: str, *, user_id: str = "ann", **given: Any) -> Answer:
        """Ask for a connection without a browser."""
        body = {"provider": provider_id, "grant": grant, "user_id": user_id, **given}
        answer = self.caller.post("/v1/connections", body)
        if answer.status == 201 and "session_uri" in answer.json:
            self.canaries.add(answer.json["session_uri"].rpartition(":")[2])
        return answer

    def complete(self, session_uri: str, *, user_id: str = "ann") -> Answer:
        return self.caller.post("/v1/connections/complete", {"session_uri": session_uri, "user_id": user_id})

    def connect(self, provider_id: str, *, user_id: str = "ann", **wish: Any) -> dict[str, Any]:
        """Walk from start to completion at a provider that consents at once; returns the connection."""
        started = document(self.start(provider_id, user_id=user_id, **wish), 201)
        returned = follow(follow(started["authorization_url"]))
        assert "status=returned" in returned, returned.partition("?")[0]
        connected: dict[str, Any] = document(self.complete(started["session_uri"], user_id=user_id))
        return connected

    def view(self, connection_id: str) -> dict[str, Any]:
        """The connection as the API shows it."""
        view: dict[str, Any] = document(self.caller.get(f"/v1/connections/{connection_id}"))
        return view

    def read(self, connection_id: str, **query: Any) -> Answer:
        """Read the token once."""
        answer = self.caller.get(f"/v1/connections/{connection_id}/token", **query)
        if answer.status == 200:
            self.canaries.add(answer.json["access_token"])
        return answer

    def read_patiently(self, connection_id: str, *, seconds: float = 30, **query: Any) -> dict[str, Any]:
        """Read the token as a client does: what is answered as retryable is asked again."""

        def ask() -> dict[str, Any] | None:
            answer = self.read(connection_id, **query)
            # Without an envelope it is not the API that speaks: Lambda had no environment free.
            if answer.status in (429, 503) and ("error" not in answer.json or answer.error["retryable"]):
                return None
            token: dict[str, Any] = document(answer)
            return token

        token = wait_until("a token", ask, seconds=seconds, pause=0.3)
        assert token is not None
        return token

    def refresh(self, connection_id: str) -> Answer:
        return self.caller.post(f"/v1/connections/{connection_id}/refresh")

    def change(self, connection_id: str, **changes: Any) -> Answer:
        return self.caller.request("PATCH", f"/v1/connections/{connection_id}", body=changes)

    def disconnect(self, connection_id: str) -> Answer:
        return self.caller.delete(f"/v1/connections/{connection_id}")


def follow(url: str) -> str:
    """Go where a browser is sent, and return where it is sent next."""
    response = httpx.get(url, follow_redirects=False, trust_env=False, timeout=35)
    assert response.status_code in (302, 303), f"{response.status_code} at {url.partition('?')[0]}"
    return str(response.headers["Location"])


@dataclass(slots=True)
class Installation:
    """One deployed stack. Everything in it was learned from its Outputs."""

    stack: LocalStack
    outputs: dict[str, str]
    operator: Caller
    aws: AwsClients
    canaries: Canaries
    teams: dict[str, Team] = field(default_factory=dict)

    @property
    def base_url(self) -> str:
        return self.outputs["ApiUrl"]

    def team(self, tenant_id: str, scopes: tuple[str, ...] = ALL_SCOPES) -> Team:
        """The tenant's backend; made when it is asked for the first time."""
        name = f"{tenant_id} {scopes}"
        if name not in self.teams:
            tenant = {"name": tenant_id, "return_urls": [RETURN_URL]}
            document(self.operator.put(f"/v1/tenants/{tenant_id}", tenant))
            body = {"tenant_id": tenant_id, "name": "backend", "scopes": list(scopes)}
            client = document(self.operator.post("/v1/clients", body), 201)
            self.canaries.add_client(client["client_id"], client["client_secret"])
            token = get_access_token(self.base_url, client["client_id"], client["client_secret"])
            self.canaries.add(token)
            self.teams[name] = Team(tenant_id, Caller(self.base_url, token), self.canaries)
        return self.teams[name]

    def redirect_uri(self, registration_id: str) -> str:
        """Where a registration's callback will be; the API says the same in its answer."""
        return f"{self.base_url}/v1/oauth/callback/{registration_id}"

    def read_secret(self, name: str, **version: str) -> dict[str, Any]:
        """What a reader of Secrets Manager sees."""
        answer = self.aws.client("secretsmanager").get_secret_value(SecretId=name, **version)
        content: dict[str, Any] = json.loads(answer["SecretString"])
        return content

    def make_cold(self, function: str) -> None:
        """Have Lambda begin a function's environments anew, as it does when a configuration is written."""
        client, name = self.aws.client("lambda"), self.aws.physical_id(function)
        memory = client.get_function_configuration(FunctionName=name)["MemorySize"]
        client.update_function_configuration(FunctionName=name, MemorySize=memory)

    def find_log_lines(self, service: str, text: str) -> list[str]:
        """The lines of a function's log group that hold a text."""
        pages = self.aws.client("logs").get_paginator("filter_log_events")
        group = f"/evertoken/local/{service}"
        return [
            event["message"]
            for page in pages.paginate(logGroupName=group, filterPattern=f'"{text}"')
            for event in page["events"]
        ]

    def close(self) -> None:
        self.operator.close()
        for team in self.teams.values():
            team.caller.close()


def open_installation(stack: LocalStack, aws: AwsClients) -> Installation:
    """Begin as a newcomer does: Outputs, operator credential, access token."""
    outputs = read_outputs(stack)
    canaries = Canaries(stack.directory / "canaries.txt")
    operator_id, secret = read_operator_credential(stack, outputs["OperatorSecretName"])
    token = get_access_token(outputs["ApiUrl"], operator_id, secret)
    canaries.add_client(operator_id, secret)
    canaries.add(token)
    return Installation(stack, outputs, Caller(outputs["ApiUrl"], token), aws, canaries)
