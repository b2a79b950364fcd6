"""Each statement of each function's role is needed: without it, the one thing that needs it fails as documented, and with it, it works."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError

from local.api import ApiError, get_access_token, read_operator_credential
from tests.e2e.hints import build_hint
from tests.e2e.http_api import Answer, document
from tests.e2e.installation import Installation, Team, follow, new_name
from tests.e2e.operating_scenarios import NEEDS_OF_OPERATING, UNENFORCED_OF_OPERATING
from tests.e2e.patience import wait_until
from tests.e2e.privilege_ground import DONE, Ground, Scenario, cold, outcome_of
from tests.e2e.roles import FUNCTIONS, Roles
from tests.e2e.scripted_site import CLIENT_ID, ScriptedSite, open_site
from tests.support.provider_faults import delay
from tests.support.provider_profile import ProviderProfile
from tests.support.stack import AwsClients

STALE_SECONDS, STALE_LIFE_SECONDS = 6.1, 8
"""A token of eight seconds is stale from six seconds on, and refreshed before it is handed out from 7.2 on."""


@contextmanager
def lifetime_of(site: ScriptedSite, seconds: int) -> Iterator[None]:
    """What the provider issues meanwhile is said to live so long; zero is over at once."""
    site.provider.rules.change_profile(expires_in=seconds)
    yield
    site.provider.rules.change_profile(expires_in="as issued")


def connect(site: ScriptedSite, team: Team, *, lives_seconds: int = 3600, **wish: Any) -> dict[str, Any]:
    with lifetime_of(site, lives_seconds):
        return team.connect(site.provider_id, user_id=new_name("user"), **wish)


def connect_expired(site: ScriptedSite, team: Team) -> dict[str, Any]:
    return connect(site, team, lives_seconds=0, policy="lazy")


# ------------------------------------------------------------------------------------------------------------ the scanner


def scan(ground: Ground) -> Generator[None, None, str]:
    with ground.open_site(ground.team) as site:
        connect(site, ground.team, lives_seconds=0, policy="scheduled")
        yield
        counts = ground.invoke("scanner", {})
        if counts is None:
            return "crashed"
        return DONE if counts["hints"] >= 1 else "no hints"


# ---------------------------------------------------------------------------------------------------------- the refresher


def refresh_by_hint(ground: Ground) -> Generator[None, None, str]:
    team = ground.new_team()
    with ground.open_site(team) as site:
        connected = connect(site, team)
        yield
        outcome = ground.attend(build_hint(team, connected))
        assert outcome != DONE or team.view(connected["connection_id"])["generation"] == 2
        return outcome


def refuse_the_client_of_a_hint(ground: Ground) -> Generator[None, None, str]:
    with ground.open_site(ground.team) as site:
        connected = connect(site, ground.team)
        site.provider.rules.change_secret(CLIENT_ID, "another secret altogether")
        yield
        outcome = ground.attend(build_hint(ground.team, connected))
        assert outcome != DONE or is_paused(ground, site)
        return outcome


def is_paused(ground: Ground, site: ScriptedSite) -> bool:
    registration = document(ground.quiet.operator.get(f"/v1/registrations/{site.registration_id}"))
    return registration["paused_until"] is not None


def rescue(
    ground: Ground, function: str, refresh: Callable[[Team, dict[str, Any]], Any], *, is_expired: bool
) -> Generator[None, None, str]:
    """While the provider answers, the function loses its right to write: the answer must end in the rescue queue, and be adopted."""
    team = ground.team
    with ground.open_site(team) as site:
        connected = connect_expired(site, team) if is_expired else connect(site, team)
        yield
        site.provider.script.add(delay(0.4, after_commit=True))
        sent = site.count_posts()
        statement = "KeepConnections" if function == "connections_api" else "RefreshConnections"
        with ThreadPoolExecutor(1) as pool:
            refreshing = pool.submit(refresh, team, connected)
            wait_until("the request is under way", lambda: site.count_posts() > sent, seconds=10, pause=0.02)
            with ground.roles.without(function, statement):
                refreshing.result()
        client, url = ground.quiet.aws.client("sqs"), ground.quiet.aws.physical_id("RescueQueue")
        messages = client.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        for message in messages:
            client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        ours = [one["Body"] for one in messages if connected["connection_id"] in one["Body"]]
        if not ours:
            return "lost"
        assert ground.attend(ours[0], "RescueQueue") == DONE
        assert team.view(connected["connection_id"])["generation"] == 2
        assert site.provider.rules.accepts(document(team.read(connected["connection_id"]))["access_token"])
        return DONE


def rescue_in_the_refresher(ground: Ground) -> Generator[None, None, str]:
    def refresh(team: Team, view: dict[str, Any]) -> str:
        return ground.attend(build_hint(team, view))

    return rescue(ground, "refresher", refresh, is_expired=False)


# ------------------------------------------------------------------------------------------------------------ the callback


def come_back(ground: Ground) -> Generator[None, None, str]:
    team = ground.new_team()
    with ground.open_site(team) as site:
        started = document(team.start(site.provider_id), 201)
        callback = follow(started["authorization_url"])
        yield
        status = httpx.get(callback, trust_env=False, timeout=35).status_code
        return DONE if status == 303 else str(status)


# -------------------------------------------------------------------------------------------------------- the token reader


def read(ground: Ground) -> Generator[None, None, str]:
    team = ground.new_team()
    with ground.open_site(team) as site:
        connected = connect(site, team)
        yield
        return outcome_of(team.read(connected["connection_id"]))


def read_expired(ground: Ground) -> Generator[None, None, str]:
    with ground.open_site(ground.team) as site:
        connected = connect_expired(site, ground.team)
        yield
        return outcome_of(ground.team.read(connected["connection_id"]))


def read_expired_and_publish(ground: Ground) -> Generator[None, None, str]:
    with ground.open_site(ground.team) as site:
        connected = connect(site, ground.team)
        assert connected["publication"] == "secrets_manager"
        with lifetime_of(site, 0):
            assert ground.attend(build_hint(ground.team, connected)) == DONE
        yield
        outcome = outcome_of(ground.team.read(connected["connection_id"]))
        assert outcome != DONE or ground.quiet.read_secret(connected["secret_name"])["generation"] == 3
        return outcome


def read_when_the_client_is_refused(ground: Ground) -> Generator[None, None, str]:
    with ground.open_site(ground.team) as site:
        connected = connect_expired(site, ground.team)
        site.provider.rules.change_secret(CLIENT_ID, "another secret altogether")
        yield
        return outcome_of(ground.team.read(connected["connection_id"]), "REGISTRATION_PAUSED")


def rescue_in_the_reader(ground: Ground) -> Generator[None, None, str]:
    def refresh(team: Team, view: dict[str, Any]) -> Answer:
        return team.read(view["connection_id"])

    return rescue(ground, "token_reader", refresh, is_expired=True)


def read_stale(ground: Ground) -> Generator[None, None, str]:
    with ground.open_site(ground.team) as site:
        connected = connect(site, ground.team, lives_seconds=STALE_LIFE_SECONDS, policy="lazy")
        stale_at = time.monotonic() + STALE_SECONDS
        yield
        time.sleep(max(0.0, stale_at - time.monotonic()))
        answer = ground.team.read(connected["connection_id"])
        if answer.status != 200:
            return answer.code
        assert answer.json["generation"] == 1
        hinted = lambda: ground.team.view(connected["connection_id"])["generation"] == 2  # noqa: E731
        wait_until("the hint was attended to", hinted, seconds=20)
        return DONE


NOBODYS = "/v1/connections/con_" + "a" * 26


def read_nobodys(ground: Ground) -> str:
    return outcome_of(ground.team.caller.get(f"{NOBODYS}/token"), "ACCOUNT_NOT_FOUND")


# ---------------------------------------------------------------------------------------------------- the connections API


def inspect_one(ground: Ground) -> Generator[None, None, str]:
    yield
    return outcome_of(ground.team.caller.get(NOBODYS), "ACCOUNT_NOT_FOUND")


def list_all(ground: Ground) -> Generator[None, None, str]:
    yield
    return outcome_of(ground.team.caller.get("/v1/connections"))


def start(ground: Ground) -> Generator[None, None, str]:
    team = ground.new_team()
    with ground.open_site(team) as site:
        yield
        return outcome_of(team.start(site.provider_id), "201")


def complete(ground: Ground) -> Generator[None, None, str]:
    with ground.open_site(ground.team) as site:
        started = document(ground.team.start(site.provider_id), 201)
        follow(follow(started["authorization_url"]))
        yield
        return outcome_of(ground.team.complete(started["session_uri"]))


def refresh_when_the_client_is_refused(ground: Ground) -> Generator[None, None, str]:
    with ground.open_site(ground.team) as site:
        connected = connect_expired(site, ground.team)
        site.provider.rules.change_secret(CLIENT_ID, "another secret altogether")
        yield
        return outcome_of(ground.team.refresh(connected["connection_id"]), "REGISTRATION_PAUSED")


def rescue_in_the_connections_api(ground: Ground) -> Generator[None, None, str]:
    def refresh(team: Team, view: dict[str, Any]) -> Answer:
        return team.refresh(view["connection_id"])

    return rescue(ground, "connections_api", refresh, is_expired=True)


def inspect_nobodys(ground: Ground) -> str:
    return outcome_of(ground.team.caller.get(NOBODYS), "ACCOUNT_NOT_FOUND")


# --------------------------------------------------------------------------- the registrations API and the auth API


def list_providers(ground: Ground) -> Generator[None, None, str]:
    yield
    return outcome_of(ground.quiet.operator.get("/v1/providers"))


def register(ground: Ground) -> Generator[None, None, str]:
    registration_id = new_name("reg")
    yield
    body = {
        "provider": "github",
        "client_id": registration_id,
        "client_secret": "a secret of a test",
        "tenants": [ground.team.tenant_id],
    }
    return outcome_of(ground.quiet.operator.put(f"/v1/registrations/{registration_id}", body))


def get_nobodys_registration(ground: Ground) -> str:
    return outcome_of(ground.quiet.operator.get("/v1/registrations/nobodys"), "NOT_FOUND")


def list_tenants(ground: Ground) -> Generator[None, None, str]:
    yield
    return outcome_of(ground.quiet.operator.get("/v1/tenants"))


def issue(ground: Ground) -> str:
    operator_id, secret = read_operator_credential(
        ground.quiet.stack, ground.quiet.outputs["OperatorSecretName"]
    )
    try:
        ground.quiet.canaries.add(get_access_token(ground.quiet.base_url, operator_id, secret))
    except ApiError as error:
        return error.code
    return DONE


def issue_to_the_operator(ground: Ground) -> Generator[None, None, str]:
    yield
    return issue(ground)


# ---------------------------------------------------------------------------------------------------------------------------

NEEDS: dict[str, dict[str, tuple[Scenario, str]]] = {
    "scanner": {
        "FindDueConnections": (scan, "crashed"),
        "KeepTheCursor": (scan, "crashed"),
        "SendHints": (scan, "crashed"),
    },
    "refresher": {
        "RefreshConnections": (refresh_by_hint, "left"),
        "ReadCatalogue": (refresh_by_hint, "left"),
        "PauseRegistrations": (refuse_the_client_of_a_hint, "left"),
        "UseTenantDataKeys": (refresh_by_hint, "left"),
        "PublishAndRetire": (refresh_by_hint, "left"),
        "ReadClientSecrets": (refresh_by_hint, "left"),
        "RescueAnswers": (rescue_in_the_refresher, "lost"),
    },
    "oauth_callback": {
        "ConsumeStates": (come_back, "500"),
        "ReadAndMakeDataKeys": (come_back, "503"),
        "ReadCatalogue": (come_back, "500"),
        "UseTenantDataKeys": (come_back, "503"),
    },
    "token_reader": {
        "RefreshConnections": (read, "INTERNAL"),
        "ReadCatalogue": (read_expired, "INTERNAL"),
        "PauseRegistrations": (read_when_the_client_is_refused, "INTERNAL"),
        "UseTenantDataKeys": (read, "VAULT_SEALED"),
        "Publish": (read_expired_and_publish, "INTERNAL"),
        "ReadClientSecrets": (read_expired, "INTERNAL"),
        "RescueAnswers": (rescue_in_the_reader, "lost"),
        "SendHints": (read_stale, "INTERNAL"),
        "ReadSigningKeys": (cold("token_reader", read_nobodys), "INTERNAL"),
    },
    "connections_api": {
        "KeepConnections": (inspect_one, "INTERNAL"),
        "ListConnections": (list_all, "INTERNAL"),
        "KeepStates": (start, "INTERNAL"),
        "ReadCatalogue": (start, "INTERNAL"),
        "ReadTenants": (start, "INTERNAL"),
        "PauseRegistrations": (refresh_when_the_client_is_refused, "INTERNAL"),
        "UseTenantDataKeys": (start, "VAULT_SEALED"),
        "PublishAndRetire": (complete, "INTERNAL"),
        "ReadClientSecrets": (start, "INTERNAL"),
        "RescueAnswers": (rescue_in_the_connections_api, "lost"),
        "ReadSigningKeys": (cold("connections_api", inspect_nobodys), "INTERNAL"),
    },
    "registrations_api": {
        "KeepCatalogue": (list_providers, "INTERNAL"),
        "ReadTenants": (register, "INTERNAL"),
        "WriteClientSecrets": (register, "INTERNAL"),
        "ReadSigningKeys": (cold("registrations_api", get_nobodys_registration), "INTERNAL"),
    },
    "auth_api": {
        "KeepTenantsAndClients": (list_tenants, "INTERNAL"),
        "SignAccessTokens": (issue_to_the_operator, "INTERNAL"),
        "ReadTheOperator": (cold("auth_api", issue), "INTERNAL"),
    },
}
UNENFORCED = (
    {(function, "WriteLogs") for function in FUNCTIONS}
    | {
        ("refresher", "TakeHints"),
        ("refresher", "TakeRescuedAnswers"),
    }
    | UNENFORCED_OF_OPERATING
)
"""The emulator writes the functions' logs and takes messages for their mappings by itself, whatever the role may do. What AWS needs
for it is compared with the deployed policies instead."""

for _function, _needs in NEEDS_OF_OPERATING.items():
    NEEDS.setdefault(_function, {}).update(_needs)

CASES = [
    pytest.param(function, sid, id=f"{function}-{sid}") for function, needs in NEEDS.items() for sid in needs
]


@pytest.fixture(scope="module")
def ground(quiet: Installation) -> Iterator[Ground]:
    client = quiet.aws.client("lambda")
    queue = arn_of_queue(quiet, "RescueQueue")
    (mapping,) = client.list_event_source_mappings(EventSourceArn=queue)["EventSourceMappings"]
    # The tests adopt rescued answers by hand: a failed adoption would come again after five minutes only.
    client.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    yield Ground(quiet=quiet, roles=Roles(quiet), team=quiet.team(new_name("privileged")))
    client.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)


def arn_of_queue(quiet: Installation, queue: str) -> str:
    name = quiet.aws.physical_id(queue).rpartition("/")[2]
    return f"arn:aws:sqs:us-east-1:000000000000:{name}"


def test_every_statement_of_every_function_has_a_scenario_and_every_scenario_a_statement(
    ground: Ground,
) -> None:
    deployed = {(function, sid) for function in FUNCTIONS for sid in ground.roles.statements(function)}
    named = {(function, sid) for function, needs in NEEDS.items() for sid in needs}
    assert named.isdisjoint(UNENFORCED)
    assert named | UNENFORCED == deployed


@pytest.mark.parametrize(("function", "sid"), CASES)
def test_without_the_statement_the_function_fails_as_documented_and_with_it_it_works(
    ground: Ground, function: str, sid: str
) -> None:
    scenario, refusal = NEEDS[function][sid]
    without, with_it = scenario(ground), scenario(ground)
    next(without)
    next(with_it)
    with ground.roles.without(function, sid):
        assert finish(without) == refusal
    assert finish(with_it) == DONE


def finish(scenario: Generator[None, None, str]) -> str:
    try:
        next(scenario)
    except StopIteration as end:
        outcome: str = end.value
        return outcome
    raise AssertionError("a scenario yields once")


def test_what_the_emulator_does_not_enforce_is_what_aws_asks_for(ground: Ground) -> None:
    refresher = ground.roles.statements("refresher")
    client = ground.quiet.aws.client("lambda")
    mappings = client.list_event_source_mappings(
        FunctionName=ground.quiet.aws.physical_id("RefresherFunction")
    )["EventSourceMappings"]
    taken = [refresher["TakeHints"], refresher["TakeRescuedAnswers"], refresher["TakeJobs"]]
    assert {one["Resource"] for one in taken} == {mapping["EventSourceArn"] for mapping in mappings}
    for one in taken:
        # docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html (read 2026-11-21)
        asked = {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"}
        # A step that has to wait makes its own message invisible for so long.
        asked |= {"sqs:ChangeMessageVisibility"} if one["Sid"] == "TakeJobs" else set()
        assert set(one["Action"]) == asked
    for function in FUNCTIONS:
        group = f"arn:aws:logs:us-east-1:000000000000:log-group:/evertoken/local/{function}"
        statement = ground.roles.statements(function)["WriteLogs"]
        assert statement["Resource"].rstrip("*").rstrip(":") == group
        assert set(statement["Action"]) == {"logs:CreateLogStream", "logs:PutLogEvents"}


def test_the_policy_for_readers_lets_them_read_published_tokens_and_nothing_else(ground: Ground) -> None:
    quiet = ground.quiet
    iam, sts = quiet.aws.client("iam"), quiet.aws.client("sts")
    trust = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}],
    }
    role = new_name("reader")
    arn = iam.create_role(RoleName=role, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    iam.attach_role_policy(RoleName=role, PolicyArn=quiet.outputs["TokenReaderPolicyArn"])
    session = AwsClients.session_of(sts.assume_role(RoleArn=arn, RoleSessionName="reader")["Credentials"])
    secrets = quiet.aws.client("secretsmanager", session)
    with open_site(quiet, ground.team.tenant_id, profile=ProviderProfile()) as site:
        connected = connect(site, ground.team)
        content = json.loads(secrets.get_secret_value(SecretId=connected["secret_name"])["SecretString"])
        assert site.provider.rules.accepts(content["access_token"])
        assert "refresh_token" not in content
        for forbidden in (
            lambda: secrets.put_secret_value(SecretId=connected["secret_name"], SecretString="{}"),
            lambda: secrets.get_secret_value(SecretId=quiet.outputs["OperatorSecretName"]),
            lambda: secrets.get_secret_value(
                SecretId=f"evertoken/local/private/registrations/{site.registration_id}"
            ),
            lambda: quiet.aws.client("dynamodb", session).scan(TableName=quiet.outputs["TableName"]),
            lambda: quiet.aws.client("sqs", session).receive_message(QueueUrl=quiet.outputs["HintQueueUrl"]),
        ):
            with pytest.raises(ClientError, match="AccessDenied"):
                forbidden()
