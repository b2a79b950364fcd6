"""API clients without a secret of ours on the deployed stack, by HTTP alone: an IAM role, an external issuer's token; and how fast a client is shut out."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from local.stack import REGION
from tests.e2e.http_api import Answer, Caller, document
from tests.e2e.installation import Installation, Team, new_name
from tests.e2e.scripted_site import open_site
from tests.e2e.stories import Stories
from tests.support.oauth_client import Person, PlainClient
from tests.support.third_party_server import ThirdPartyServer

ROLE_TOKEN = "/v1/auth/role-token"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
REFUSED_WITHIN_SECONDS = 60
ANYONE = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}],
}
MAY_INVOKE = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": f"arn:aws:execute-api:{REGION}:*:*/$default/POST{ROLE_TOKEN}"}
    ],
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbours:
    """Two tenants with a connection each."""

    installation: Installation
    one: Team
    other: Team
    connection_id: str
    others_connection_id: str

    def bind(self, tenant_id: str, **proof: Any) -> dict[str, Any]:
        """Have the operator make a client that reads tokens and has no secret."""
        body = {"tenant_id": tenant_id, "name": "n", "scopes": ["tokens:read", "connections:read"], **proof}
        created: dict[str, Any] = document(self.installation.operator.post("/v1/clients", body), 201)
        assert "client_secret" not in created
        return created

    def reads_its_own_alone(self, token: str) -> None:
        """Hold a token of the first tenant to what it may: its own connection, and nothing of the other's."""
        self.installation.canaries.add(token)
        caller = Caller(self.installation.base_url, token)
        own = caller.get(f"/v1/connections/{self.connection_id}/token")
        foreign = caller.get(f"/v1/connections/{self.others_connection_id}/token")
        listed = document(caller.get("/v1/connections"))["connections"]
        beyond = caller.get("/v1/tenants")
        caller.close()
        self.installation.canaries.add(document(own)["access_token"])
        assert own.json["connection_id"] == self.connection_id
        assert (foreign.status, foreign.code) == (404, "ACCOUNT_NOT_FOUND")
        assert [one["connection_id"] for one in listed] == [self.connection_id]
        assert beyond.code == "FORBIDDEN"


@contextmanager
def open_neighbours(installation: Installation) -> Iterator[Neighbours]:
    one, other = installation.team(new_name("one")), installation.team(new_name("other"))
    with open_site(installation, one.tenant_id, other.tenant_id) as site:
        yield Neighbours(
            installation=installation,
            one=one,
            other=other,
            connection_id=one.connect(site.provider_id)["connection_id"],
            others_connection_id=other.connect(site.provider_id)["connection_id"],
        )


def make_role(installation: Installation, name: str) -> tuple[str, Credentials]:
    """A role of the account that may invoke the route, and a session of it: what a Lambda function has."""
    iam = installation.aws.client("iam")
    arn = iam.create_role(RoleName=name, Path="/jobs/", AssumeRolePolicyDocument=json.dumps(ANYONE))["Role"][
        "Arn"
    ]
    iam.put_role_policy(RoleName=name, PolicyName="invoke", PolicyDocument=json.dumps(MAY_INVOKE))
    given = installation.aws.client("sts").assume_role(RoleArn=arn, RoleSessionName="job-7")["Credentials"]
    return arn, Credentials(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])


def ask_as_role(
    installation: Installation, credentials: Credentials, *, service: str = "execute-api"
) -> Answer:
    """Ask for a token as botocore signs it."""
    request = AWSRequest(method="POST", url=installation.base_url + ROLE_TOKEN, data=b"")
    SigV4Auth(credentials, service, REGION).add_auth(request)
    caller = Caller(installation.base_url)
    answer = caller.request("POST", ROLE_TOKEN, headers=dict(request.headers.items()))
    caller.close()
    return answer


def test_a_role_gets_a_token_of_its_tenant_and_reads_that_tenants_connections_alone(
    installation: Installation,
) -> None:
    with open_neighbours(installation) as neighbours:
        arn, credentials = make_role(installation, new_name("Reports"))
        unbound = ask_as_role(installation, credentials)
        neighbours.bind(neighbours.one.tenant_id, role_arn=arn)

        neighbours.reads_its_own_alone(document(ask_as_role(installation, credentials))["access_token"])
        forged = Credentials(credentials.access_key, "not the secret", credentials.token)
        unsigned = Caller(installation.base_url)
        refused = [
            ask_as_role(installation, forged),
            ask_as_role(installation, credentials, service="sts"),
            unsigned.post(ROLE_TOKEN),
            neighbours.one.caller.post(ROLE_TOKEN),
        ]
        unsigned.close()
    assert (unbound.status, unbound.code) == (403, "FORBIDDEN")
    assert [(answer.status, answer.json) for answer in refused] == [(403, {"message": "Forbidden"})] * 4


def exchange_a_real_issuers_token(installation: Installation) -> None:
    """Log in at a server that other people wrote, and go on with what it signed; a story because that server takes seconds to start."""
    with ThirdPartyServer(access_token_seconds=60) as server, open_neighbours(installation) as neighbours:
        registered = server.register_client("http://127.0.0.1:9/callback")
        client = PlainClient(
            authorization_endpoint=server.authorization_endpoint,
            token_endpoint=server.token_endpoint,
            revocation_endpoint=server.revocation_endpoint,
            client_id=registered.client_id,
            client_secret=registered.client_secret,
            redirect_uri=registered.redirect_uri,
        )
        assertion = client.connect(Person(server.username, server.password), scope="openid")["id_token"]
        installation.canaries.add(assertion)
        exchange = {"grant_type": JWT_BEARER, "assertion": assertion}
        public = Caller(installation.base_url)
        unbound = public.post("/v1/auth/token", exchange)
        neighbours.bind(
            neighbours.one.tenant_id, oidc={"issuer": server.issuer, "audience": registered.client_id}
        )
        exchanged = public.post("/v1/auth/token", exchange)
        public.close()
        assert (unbound.status, unbound.code) == (401, "UNAUTHORIZED")
        neighbours.reads_its_own_alone(document(exchanged)["access_token"])


@pytest.mark.story.with_args(exchange_a_real_issuers_token)
def test_a_real_issuers_token_becomes_a_token_of_the_tenant_that_it_is_bound_to(stories: Stories) -> None:
    stories.wait_for(exchange_a_real_issuers_token)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShutOut:
    """When each token still passed, in seconds after its client was deleted or its tenant suspended; and how it was answered at the end."""

    passed_at: dict[str, list[float]]
    at_the_end: dict[str, Answer]


def shut_out_two_tenants(installation: Installation) -> ShutOut:
    """Delete the client of one tenant, suspend the other tenant, and go on asking with their live tokens for a minute."""
    deleted, suspended = installation.team(new_name("deleted")), installation.team(new_name("suspended"))
    routes = ("/v1/connections", "/v1/connections/con_" + "a" * 26 + "/token", "/v1/jobs")
    callers = {
        f"{team.tenant_id} {path}": (team.caller, path) for team in (deleted, suspended) for path in routes
    }
    assert {ask.get(path).status for ask, path in callers.values()} == {200, 404}
    (client,) = document(installation.operator.get("/v1/clients", tenant_id=deleted.tenant_id))["clients"]
    assert installation.operator.delete(f"/v1/clients/{client['client_id']}").status == 204
    body = {"name": "suspended", "suspended": True}
    assert document(installation.operator.put(f"/v1/tenants/{suspended.tenant_id}", body))["suspended"]
    began = time.monotonic()
    passed_at: dict[str, list[float]] = {name: [] for name in callers}
    at_the_end: dict[str, Answer] = {}
    while (elapsed := time.monotonic() - began) < REFUSED_WITHIN_SECONDS + 3:
        for name, (ask, path) in callers.items():
            asked_at = time.monotonic() - began
            answer = ask.get(path)
            at_the_end[name] = answer
            if answer.status in (200, 404):
                passed_at[name].append(asked_at)
        time.sleep(1 if elapsed > REFUSED_WITHIN_SECONDS - 3 else 4)
    return ShutOut(passed_at=passed_at, at_the_end=at_the_end)


@pytest.mark.story.with_args(shut_out_two_tenants)
def test_a_deleted_client_and_a_suspended_tenant_are_refused_everywhere_within_a_minute(
    stories: Stories,
) -> None:
    seen = stories.wait_for(shut_out_two_tenants)

    assert max(max(times, default=0.0) for times in seen.passed_at.values()) < REFUSED_WITHIN_SECONDS
    assert {(answer.status, answer.code) for answer in seen.at_the_end.values()} == {(401, "UNAUTHORIZED")}
