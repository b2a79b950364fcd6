"""What the template promises about permissions, queues, keys and alarms, read from the template itself."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

import pytest

from evertoken import settings
from evertoken.domain.audit import AuditEntry
from evertoken.domain.authorization import Caller
from evertoken.domain.connection import ConnectionKey
from evertoken.domain.errors import StoreUnavailableError, VaultSealedError
from evertoken.entrypoints.audit_log import write_audit
from evertoken.entrypoints.http_answer import Answer
from evertoken.entrypoints.http_event import read_event
from evertoken.entrypoints.telemetry import Telemetry
from evertoken.usecases.refresh_attempt import RefreshResult, RefreshResultKind
from local.stack import ROOT
from tests.support.lambda_function import load_template

TEMPLATE = load_template(ROOT / "template.yaml")
RESOURCES: dict[str, Any] = TEMPLATE["Resources"]
READ_PATH_SECONDS = 30
SETTINGS: dict[str, type[settings.Settings]] = {
    "ScannerFunction": settings.ScannerSettings,
    "RefresherFunction": settings.RefresherSettings,
    "OauthCallbackFunction": settings.OAuthCallbackSettings,
    "TokenReaderFunction": settings.TokenReaderSettings,
    "ConnectionsApiFunction": settings.ConnectionsApiSettings,
    "RegistrationsApiFunction": settings.RegistrationsApiSettings,
    "AuthApiFunction": settings.AuthApiSettings,
    "OperationsApiFunction": settings.OperationsApiSettings,
    "EventRelayFunction": settings.EventRelaySettings,
}


def of_type(kind: str) -> dict[str, Any]:
    return {name: item["Properties"] for name, item in RESOURCES.items() if item["Type"] == kind}


FUNCTIONS = of_type("AWS::Serverless::Function")
QUEUES = of_type("AWS::SQS::Queue")
ALARMS = of_type("AWS::CloudWatch::Alarm")


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def statements() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every statement that the template grants, with its policy's resource."""
    for name, role in of_type("AWS::IAM::Role").items():
        for policy in role["Policies"]:
            for statement in policy["PolicyDocument"]["Statement"]:
                # One under a condition stands first, before what there is without it.
                yield name, statement["Fn::If"][1] if "Fn::If" in statement else statement
    for name, policy in of_type("AWS::IAM::ManagedPolicy").items():
        for statement in policy["PolicyDocument"]["Statement"]:
            yield name, statement


STATEMENTS = [pytest.param(name, item, id=f"{name}-{item['Sid']}") for name, item in statements()]
BY_FUNCTION = [pytest.param(name, item, id=name) for name, item in FUNCTIONS.items()]


class _BrokenTrail:
    def write(self, entry: AuditEntry) -> None:
        raise StoreUnavailableError("down")


LOST = RefreshResult(
    kind=RefreshResultKind.REAUTHORIZATION_REQUIRED,
    lost_in_window=True,
    paused_registration=True,
    requests_sent=1,
)


@pytest.mark.parametrize(("name", "function"), BY_FUNCTION)
def test_every_function_has_a_role_and_a_log_group_of_its_own(name: str, function: dict[str, Any]) -> None:
    stem = name.removesuffix("Function")
    assert function["Role"] == {"Fn::GetAtt": [f"{stem}Role", "Arn"]}
    assert function["LoggingConfig"]["LogGroup"] == {"Ref": f"{stem}Log"}
    assert RESOURCES[f"{stem}Log"]["Properties"]["RetentionInDays"] == {"Ref": "LogRetentionDays"}


@pytest.mark.parametrize(("name", "function"), BY_FUNCTION)
def test_a_function_that_asks_for_its_timeout_is_told_the_right_one(
    name: str, function: dict[str, Any]
) -> None:
    told = function["Environment"]["Variables"].get("FUNCTION_TIMEOUT_SECONDS", str(function["Timeout"]))
    assert told == str(function["Timeout"])


@pytest.mark.parametrize(("name", "function"), BY_FUNCTION)
def test_a_function_is_told_exactly_what_its_settings_ask_for(name: str, function: dict[str, Any]) -> None:
    told = set(function["Environment"]["Variables"]) | set(
        TEMPLATE["Globals"]["Function"]["Environment"]["Variables"]
    )
    asked = {field.name.upper() for field in fields(SETTINGS[name])}
    assert told - {"LOG_LEVEL"} == asked


@pytest.mark.parametrize(("name", "function"), BY_FUNCTION)
def test_every_function_is_built_from_the_folder_that_it_names(name: str, function: dict[str, Any]) -> None:
    folder = function["CodeUri"].strip("/").removeprefix("functions/")
    assert f"build-{name}: NAME = {folder}\n" in (ROOT / "functions" / "Makefile").read_text()


def test_functions_behind_the_api_end_before_api_gateway_gives_up() -> None:
    for name, function in FUNCTIONS.items():
        if any(event["Type"] == "HttpApi" for event in function.get("Events", {}).values()):
            assert function["Timeout"] < READ_PATH_SECONDS, name


@pytest.mark.parametrize(("role", "statement"), STATEMENTS)
def test_every_statement_names_its_actions_one_by_one(role: str, statement: dict[str, Any]) -> None:
    assert statement["Effect"] == "Allow"
    for action in as_list(statement["Action"]):
        assert re.fullmatch(r"[a-z0-9-]+:[A-Za-z0-9]+", action), action


@pytest.mark.parametrize(("role", "statement"), STATEMENTS)
def test_every_statement_is_confined_to_resources_of_this_stack(role: str, statement: dict[str, Any]) -> None:
    for resource in as_list(statement["Resource"]):
        rendered = json.dumps(resource)
        assert resource != "*"
        ours = re.search(
            r"secret:evertoken/\$\{Stage\}/(tokens|private/registrations)/\*\""
            r"|:schedule/evertoken-\$\{Stage\}-tenants/\*\""
            r"|\$\{Table.Arn\}/stream/\*\"",
            rendered,
        )
        assert ours or "*" not in rendered, rendered


@pytest.mark.parametrize(("role", "statement"), STATEMENTS)
def test_every_statement_on_the_table_is_confined_to_partitions(role: str, statement: dict[str, Any]) -> None:
    if statement["Resource"] != {"Fn::GetAtt": ["Table", "Arn"]}:
        return
    (condition,) = statement["Condition"].values()
    assert condition["dynamodb:LeadingKeys"], "a statement on the table must name partitions"
    assert "dynamodb:Scan" not in as_list(statement["Action"])


@pytest.mark.parametrize(("role", "statement"), STATEMENTS)
def test_data_keys_are_used_with_a_tenant_as_context_and_nothing_else(
    role: str, statement: dict[str, Any]
) -> None:
    if statement["Resource"] != {"Fn::GetAtt": ["DataKey", "Arn"]}:
        return
    # These two seal cursors, and open no tenant's token sets.
    whose = (
        {"StringEquals": {"kms:EncryptionContext:tenant": "-cursors"}}
        if role in ("OperationsApiRole", "AuthApiRole")
        else {"Null": {"kms:EncryptionContext:tenant": "false"}}
    )
    assert statement["Condition"] == {
        "ForAllValues:StringEquals": {"kms:EncryptionContextKeys": ["tenant"]},
        **whose,
    }


def test_those_that_read_client_secrets_may_sign_with_the_keys_that_the_operator_names_and_with_no_other() -> (
    None
):
    signers = {name: item for name, item in statements() if item["Sid"] == "SignAssertions"}
    assert set(signers) == {name for name, item in statements() if item["Sid"] == "ReadClientSecrets"}
    for item in signers.values():
        assert (item["Action"], item["Resource"]) == (
            "kms:Sign",
            {"Fn::Split": [",", {"Ref": "AssertionKeyArns"}]},
        )
    for role, item in signers.items():
        (granted,) = (
            one
            for policy in RESOURCES[role]["Properties"]["Policies"]
            for one in policy["PolicyDocument"]["Statement"]
            if "Fn::If" in one and one["Fn::If"][1].get("Sid") == "SignAssertions"
        )
        assert granted["Fn::If"] == ["HasAssertionKeys", item, {"Ref": "AWS::NoValue"}]


def test_statement_names_are_unique_within_a_role() -> None:
    names = [(name, statement["Sid"]) for name, statement in statements()]
    assert len(names) == len(set(names))


def test_only_functions_that_use_a_client_secret_may_read_one_and_none_that_writes_them() -> None:
    readers = {name for name, item in statements() if item["Sid"] == "ReadClientSecrets"}
    writers = {name for name, item in statements() if item["Sid"] == "WriteClientSecrets"}
    assert readers
    assert writers
    assert not readers & writers
    for name, item in statements():
        reads = "secretsmanager:GetSecretValue" in as_list(item["Action"])
        assert not (reads and name == "RegistrationsApiRole")


def test_no_role_may_read_published_tokens_but_the_policy_for_readers() -> None:
    granted = [
        name
        for name, item in statements()
        if "secretsmanager:GetSecretValue" in as_list(item["Action"])
        and "/tokens/" in json.dumps(item["Resource"])
    ]
    assert granted == ["TokenReaderPolicy"]


def test_only_lambda_and_this_accounts_schedules_and_rules_may_take_a_role() -> None:
    for name, role in of_type("AWS::IAM::Role").items():
        (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
        taker = {"ScheduleRole": "scheduler", "TenantScheduleRole": "scheduler", "WebhookRole": "events"}.get(
            name
        )
        if taker is not None:
            assert trust["Principal"] == {"Service": f"{taker}.amazonaws.com"}
            assert trust["Condition"]["StringEquals"] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
        else:
            assert trust["Principal"] == {"Service": "lambda.amazonaws.com"}
        assert "ManagedPolicyArns" not in role


def test_every_queue_that_is_worked_on_has_a_dead_letter_queue_that_keeps_longer() -> None:
    for name, queue in QUEUES.items():
        assert queue["SqsManagedSseEnabled"] is True
        if "DeadLetter" in name:
            assert queue["MessageRetentionPeriod"] == 14 * 86400
            continue
        dead, _ = queue["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"]
        assert dead in QUEUES
        assert dead in json.dumps(ALARMS)
        assert queue["MessageRetentionPeriod"] <= QUEUES[dead]["MessageRetentionPeriod"]


def test_a_hint_in_work_is_not_handed_out_again() -> None:
    events = FUNCTIONS["RefresherFunction"]["Events"]
    assert set(events) == {"Hints", "Jobs", "RescuedAnswers"}
    for event in events.values():
        queue, _ = event["Properties"]["Queue"]["Fn::GetAtt"]
        assert QUEUES[queue]["VisibilityTimeout"] >= 6 * FUNCTIONS["RefresherFunction"]["Timeout"]
        assert event["Properties"]["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def test_what_holds_grants_outlives_the_stack() -> None:
    for name in ("Table", "DataKey", "RescueQueue", "RescueDeadLetterQueue"):
        assert RESOURCES[name]["DeletionPolicy"] == RESOURCES[name]["UpdateReplacePolicy"] == "Retain"
    table = RESOURCES["Table"]["Properties"]
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["DeletionProtectionEnabled"] == {"Fn::If": ["IsLocal", False, True]}
    assert table["SSESpecification"]["KMSMasterKeyId"] == {"Fn::GetAtt": ["DataKey", "Arn"]}
    assert table["TimeToLiveSpecification"] == {"Enabled": True, "AttributeName": "ttl"}


def test_indexes_project_no_more_than_dynamodb_takes_and_no_ciphertext() -> None:
    for index in RESOURCES["Table"]["Properties"]["GlobalSecondaryIndexes"]:
        projected = index["Projection"]["NonKeyAttributes"]
        assert len(projected) == len(set(projected)) <= 20
        assert not {"sealed", "revocation_sealed", "wrapped"} & set(projected)


def test_every_alarm_says_what_to_do_and_tells_the_topic() -> None:
    assert len(ALARMS) >= 10
    for name, alarm in ALARMS.items():
        assert len(alarm["AlarmDescription"].split(". ")) >= 2, name
        assert alarm["AlarmActions"]["Fn::If"][0] == "HasAlarmTopic"
        if alarm["Namespace"] == "Evertoken":
            assert alarm["Dimensions"] == [{"Name": "stage", "Value": {"Ref": "Stage"}}]


def test_access_logs_hold_no_path_and_no_query() -> None:
    text = RESOURCES["Api"]["Properties"]["AccessLogSettings"]["Format"]
    assert json.loads(text)["route"] == "$context.routeKey"
    assert "$context.path" not in text
    assert "query" not in text


def test_leniency_is_confined_to_the_local_stage() -> None:
    rule = TEMPLATE["Rules"]["OnlyTheLocalStageIsLenient"]
    assert rule["RuleCondition"] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "Stage"}, "local"]}]}
    asserted = json.dumps(rule["Assertions"])
    for parameter in (
        "AllowLoopbackProviders",
        "MinimumPublishedLifetimeSeconds",
        "AccessTokenLifetimeSeconds",
    ):
        assert parameter in asserted
    allowed = rule["Assertions"][1]["Assert"]["Fn::Contains"][0]
    assert min(map(int, allowed)) == 1800


def test_every_parameter_is_described_and_used() -> None:
    used = json.dumps(
        {name: TEMPLATE[name] for name in ("Conditions", "Globals", "Resources", "Outputs", "Rules")}
    )
    for name, parameter in TEMPLATE["Parameters"].items():
        assert parameter["Description"]
        assert f'{{"Ref": "{name}"}}' in used or f"${{{name}}}" in used, name


def test_outputs_say_how_they_are_used() -> None:
    wanted = {
        "ApiUrl",
        "OperatorSecretName",
        "LayerArn",
        "TokenReaderPolicyArn",
        "TableName",
        "HintQueueUrl",
        "DataKeyArn",
        "EventBusName",
        "EventBusArn",
    }
    assert wanted <= set(TEMPLATE["Outputs"])
    for output in TEMPLATE["Outputs"].values():
        assert len(output["Description"].split()) >= 8


def test_every_alarm_of_our_own_watches_a_metric_that_the_code_emits_with_these_dimensions(
    capsys: Any,
) -> None:
    telemetry = Telemetry(stage="local", service="refresher")
    telemetry.refresh(LOST, ConnectionKey(tenant_id="t", connection_id="c"), trigger="schedule")
    telemetry.error(VaultSealedError("sealed"))
    telemetry.defect(ValueError("odd"))
    write_audit(
        _BrokenTrail(),
        telemetry,
        read_event({}),
        Answer(),
        action="connection.start",
        caller=Caller(
            client_id="cli", tenant_id="t", scopes=frozenset(), issued_at=datetime(2026, 11, 21, tzinfo=UTC)
        ),
        target="con",
        now=datetime(2026, 11, 21, tzinfo=UTC),
    )
    telemetry.flush()
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    emitted = {
        metric["Name"]: directive["Dimensions"]
        for line in lines
        for directive in line.get("_aws", {}).get("CloudWatchMetrics", [])
        for metric in directive["Metrics"]
    }
    alarms = [
        resource["Properties"]
        for resource in RESOURCES.values()
        if resource["Type"] == "AWS::CloudWatch::Alarm" and resource["Properties"]["Namespace"] == "Evertoken"
    ]
    assert len(alarms) == 5
    for alarm in alarms:
        names = [dimension["Name"] for dimension in alarm["Dimensions"]]
        assert emitted[alarm["MetricName"]] == [names], alarm["MetricName"]
