"""Every grant and every way to prove a client, on the deployed stack, against providers that take nothing but what their documents say."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import load_der_public_key

from tests.conformance.authorization_server import SUBJECT
from tests.conformance.calls import json_reply
from tests.conformance.simulated_client import SIGNING
from tests.conformance.wanted_parameters import PASSWORD, SUBJECT_TOKEN, USER_TOKEN, USERNAME
from tests.e2e.http_api import document
from tests.e2e.installation import Installation, new_name
from tests.e2e.patience import wait_until
from tests.e2e.plain_provider import provider_of, read, refresh_by_hand
from tests.e2e.simulated_site import ORIGIN, open_simulated_site
from tests.e2e.stories import Stories
from tests.support.rendered_roles import statements_of

SIGN_ASSERTIONS = "SignAssertions"


@dataclass(frozen=True, eq=False, kw_only=True)
class WithoutABrowser:
    """A grant that needs no more than one request: how it is run, and by which kind of request it is renewed."""

    grant: str
    method: str
    renewal: str
    algorithm: str = ""
    given: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def name(self) -> str:
        return f"{self.grant} by {self.method}"

    @property
    def provider(self) -> dict[str, Any]:
        assertion = {"algorithms": [self.algorithm]}
        if self.method in SIGNING:
            authentication = {"methods": [self.method], "assertion": assertion}
            return provider_of(self.grant, client_authentication=authentication)
        if self.algorithm:
            return provider_of(self.grant, self.method, requests={"jwt_bearer": {"assertion": assertion}})
        return provider_of(self.grant, self.method)


WITHOUT_A_BROWSER = (
    WithoutABrowser(grant="client_credentials", method="client_secret_basic", renewal="client_credentials"),
    WithoutABrowser(
        grant="client_credentials",
        method="signed_client_secret",
        algorithm="ES256",
        renewal="client_credentials",
    ),
    WithoutABrowser(
        grant="user_token",
        method="private_key_jwt",
        algorithm="EdDSA",
        given={"user_token": USER_TOKEN},
        renewal="refresh",
    ),
    WithoutABrowser(
        grant="token_exchange",
        method="client_secret_jwt",
        algorithm="HS256",
        given={"subject_token": SUBJECT_TOKEN},
        renewal="refresh",
    ),
    WithoutABrowser(
        grant="jwt_bearer", method="none", algorithm="ES256", given={"subject": SUBJECT}, renewal="jwt_bearer"
    ),
)


def run_every_grant(installation: Installation) -> dict[str, dict[str, Any]]:
    """Connect by all, so that all tokens become old enough together; then renew and disconnect each."""
    team = installation.team(new_name("direct"))
    facts: dict[str, dict[str, Any]] = {}
    with ExitStack() as opened:
        sites = {}
        for case in WITHOUT_A_BROWSER:
            site = opened.enter_context(open_simulated_site(installation, team.tenant_id, case.provider))
            connected = document(team.run_grant(site.provider_id, case.grant, **case.given), 201)
            first = read(site, team, connected["connection_id"])
            sites[case.name], facts[case.name] = site, {"connected": connected, "first": first}
        for name, site in sites.items():
            connection_id = facts[name]["connected"]["connection_id"]
            renewed, second = refresh_by_hand(team, connection_id), read(site, team, connection_id)
            document(team.disconnect(connection_id))
            wait_until("the provider is told", lambda at=site: "revocation" in at.operations, seconds=30)
            facts[name] |= {
                "renewed": renewed,
                "second": second,
                "operations": site.operations,
                "is_over": not site.accepts(second["access_token"]),
                "registration": installation.operator.get(f"/v1/registrations/{site.registration_id}").text,
                "read_afterwards": team.read(connection_id).code,
            }
    return facts


@pytest.mark.story.with_args(run_every_grant)
@pytest.mark.parametrize("case", WITHOUT_A_BROWSER, ids=[case.name for case in WITHOUT_A_BROWSER])
def test_a_grant_without_a_browser_is_connected_renewed_and_revoked(
    stories: Stories, case: WithoutABrowser
) -> None:
    facts = stories.wait_for(run_every_grant)[case.name]

    assert (facts["connected"]["status"], facts["connected"]["generation"]) == ("active", 1)
    assert facts["connected"]["has_refresh_token"] is (case.renewal == "refresh")
    assert facts["renewed"]["generation"] > 1
    assert facts["first"]["is_valid"]
    assert facts["second"]["is_valid"]
    assert facts["second"]["access_token"] != facts["first"]["access_token"]
    begun, *renewals, ended = facts["operations"]
    assert (begun, set(renewals), ended) == (case.grant, {case.renewal}, "revocation")
    assert facts["is_over"]
    assert facts["read_afterwards"] == "DISCONNECTED"
    assert "PRIVATE KEY" not in facts["registration"]


SESSIONS = provider_of(
    "session_login",
    endpoints={"token": f"{ORIGIN}/session"},
    rotation={"kind": "unknown", "new_token": "always"},
    requests={
        "headers": {"X-API-KEY": "{client_id}"},
        "session_login": {"names": {"username": "identifier"}, "headers": {"VERSION": "3"}},
        "refresh": {
            "url": f"{ORIGIN}/session/refresh-token",
            "encoding": "json",
            "client": "absent",
            "grant_type": None,
            "headers": {"VERSION": "1"},
        },
    },
    answer={"token_paths": ["/oauthToken", ""], "keeps": ["/accountId"]},
    errors=[
        {
            "class": "grant_dead",
            "operations": ["refresh"],
            "statuses": [401],
            "path": "/errorCode",
            "equals": "error.security.oauth-token-invalid",
            "code": "session_over",
        }
    ],
    account={"from": "answer", "member": "/accountId"},
)
"""Nested at the login and flat at the refresh, as the simulation takes its answers' places in turn."""


def keep_a_session(installation: Installation) -> dict[str, Any]:
    team = installation.team(new_name("session"))
    credentials = {"username": USERNAME, "password": PASSWORD}
    with open_simulated_site(installation, team.tenant_id, SESSIONS) as site:
        login = team.run_grant(site.provider_id, "session_login", credentials=credentials)
        connection_id = document(login, 201)["connection_id"]
        first = read(site, team, connection_id)
        refreshed = refresh_by_hand(team, connection_id)
        second = read(site, team, connection_id)
        before = list(site.operations)

        # The refresh token is dead at the provider; whoever reads notices nothing.
        site.end_grant()
        third = read(site, team, connection_id, rejected_generation=second["generation"])
        after = site.operations[len(before) :]

        site.server.planted["session_login"] = lambda _: json_reply({"errorCode": "no"}, 401)
        refused = team.run_grant(
            site.provider_id, "session_login", user_id="ben", account="ben", credentials=credentials
        )
        listed = team.caller.get("/v1/connections")
        return {
            "tokens": [first, second, third],
            "refreshed": refreshed,
            "before": before,
            "after": after,
            "view": team.view(connection_id),
            "refused": refused.code,
            "listed": document(listed)["connections"],
            "said": [login.text, listed.text, refused.text],
        }


@pytest.mark.story.with_args(keep_a_session)
def test_a_session_whose_refresh_token_is_dead_is_logged_in_anew_and_its_reader_sees_a_valid_token(
    stories: Stories,
) -> None:
    facts = stories.wait_for(keep_a_session)

    assert facts["before"][:2] == ["session_login", "refresh"]
    assert facts["after"][:2] == ["refresh", "session_login"]
    assert all(token["is_valid"] for token in facts["tokens"])
    assert len({token["access_token"] for token in facts["tokens"]}) == 3
    assert (facts["view"]["status"], facts["view"]["failure"]) == ("active", None)
    # A login that is refused leaves nothing behind.
    assert facts["refused"] == "PROVIDER_REFUSED"
    assert [row["user_id"] for row in facts["listed"]] == ["ann"]
    for text in facts["said"]:
        assert USERNAME not in text
        assert PASSWORD.rstrip("é") not in text


@contextmanager
def with_statement(installation: Installation, role: str, key_arn: str) -> Iterator[None]:
    """Give a role for a while what the template gives it when `AssertionKeyArns` names the key."""
    iam, name = installation.aws.client("iam"), installation.aws.physical_id(role)
    statements = [
        one for one in statements_of(role, AssertionKeyArns=key_arn) if one["Sid"] == SIGN_ASSERTIONS
    ]
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    iam.put_role_policy(RoleName=name, PolicyName=SIGN_ASSERTIONS, PolicyDocument=policy)
    try:
        yield
    finally:
        iam.delete_role_policy(RoleName=name, PolicyName=SIGN_ASSERTIONS)


def test_a_key_in_kms_signs_only_when_the_stack_was_told_of_it(installation: Installation) -> None:
    team = installation.team(new_name("kms"))
    kms = installation.aws.client("kms")
    key = kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["Arn"]
    provider = provider_of("client_credentials", "private_key_jwt")
    provider["client_authentication"]["assertion"] = {"algorithms": ["ES256"]}
    signing_key = {"algorithm": "ES256", "key_id": "key-1", "kms_key_id": key}
    with open_simulated_site(
        installation, team.tenant_id, provider, signing_key=signing_key, private_key=None
    ) as site:
        refused = team.run_grant(site.provider_id, "client_credentials")

        assert (refused.status, refused.code) == (422, "SIGNING_KEY_REFUSED")
        assert "AssertionKeyArns" in refused.error["message"]
        assert site.operations == []

        public_key = kms.get_public_key(KeyId=key)["PublicKey"]
        site.client.own_public_key = load_der_public_key(public_key)
        with with_statement(installation, "ConnectionsApiRole", key):
            connected = document(team.run_grant(site.provider_id, "client_credentials"), 201)
        assert read(site, team, connected["connection_id"])["is_valid"]
