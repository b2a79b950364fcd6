"""The emulator refuses, keeps and repeats what AWS would: one test for each thing that the strict start changes."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from local.stack import ROOT, LocalStack
from tests.support.lambda_function import load_template
from tests.support.stack import AwsClients

DENIED = ("AccessDenied", "AccessDeniedException")
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": ["sts:AssumeRole", "sts:TagSession"]}
    ],
}

MakeSession = Callable[..., boto3.Session]


@pytest.fixture
def make_session(aws: AwsClients) -> MakeSession:
    """A function that makes a role with the given statements and returns a session that has taken it."""

    def make(*statements: dict[str, Any], tags: dict[str, str] | None = None) -> boto3.Session:
        name = f"strict-{uuid.uuid4().hex[:12]}"
        iam = aws.client("iam")
        arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
        document = {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", **item} for item in statements],
        }
        iam.put_role_policy(RoleName=name, PolicyName="only", PolicyDocument=json.dumps(document))
        named = [{"Key": key, "Value": value} for key, value in (tags or {}).items()]
        given = aws.client("sts").assume_role(RoleArn=arn, RoleSessionName="strict", Tags=named)[
            "Credentials"
        ]
        return boto3.Session(
            given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"], "us-east-1"
        )

    return make


def is_denied(call: Callable[..., Any], **arguments: Any) -> bool:
    """Make a call; True when it was denied, False when it was done. Any other error is the test's failure."""
    try:
        call(**arguments)
    except ClientError as error:
        if error.response["Error"]["Code"] in DENIED:
            return True
        raise
    return False


@pytest.fixture(scope="module")
def table(aws: AwsClients) -> str:
    return aws.physical_id("Table")


def row(tenant: str) -> dict[str, Any]:
    return {"pk": {"S": f"TENANT#{tenant}"}, "sk": {"S": f"STRICT#{uuid.uuid4().hex}"}}


def test_a_role_reaches_only_the_partitions_that_its_leading_keys_name(
    aws: AwsClients, table: str, make_session: MakeSession
) -> None:
    session = make_session(
        {
            "Action": ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:BatchGetItem"],
            "Resource": "*",
            "Condition": {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["TENANT#mine"]}},
        }
    )
    client = aws.client("dynamodb", session)
    query = {
        "TableName": table,
        "KeyConditionExpression": "#p = :p",
        "ExpressionAttributeNames": {"#p": "pk"},
    }
    for tenant, denied in (("mine", False), ("theirs", True)):
        partition = {":p": {"S": f"TENANT#{tenant}"}}
        assert is_denied(client.get_item, TableName=table, Key=row(tenant)) is denied
        assert is_denied(client.put_item, TableName=table, Item=row(tenant)) is denied
        assert is_denied(client.query, **query, ExpressionAttributeValues=partition) is denied
        assert (
            is_denied(client.batch_get_item, RequestItems={table: {"Keys": [row("mine"), row(tenant)]}})
            is denied
        )


def test_each_part_of_a_transaction_is_judged_by_its_own_partition(
    aws: AwsClients, table: str, make_session: MakeSession
) -> None:
    def partition(name: str) -> dict[str, Any]:
        return {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": [name]}}

    session = make_session(
        {"Action": "dynamodb:PutItem", "Resource": "*", "Condition": partition("TENANT#mine")},
        {"Action": "dynamodb:DeleteItem", "Resource": "*", "Condition": partition("TENANT#other")},
    )
    client = aws.client("dynamodb", session)

    def write(put: str, delete: str) -> list[dict[str, Any]]:
        return [
            {"Put": {"TableName": table, "Item": row(put)}},
            {"Delete": {"TableName": table, "Key": row(delete)}},
        ]

    assert not is_denied(client.transact_write_items, TransactItems=write("mine", "other"))
    assert is_denied(client.transact_write_items, TransactItems=write("mine", "mine"))
    assert is_denied(client.transact_write_items, TransactItems=write("other", "other"))


def test_a_data_key_is_made_only_under_the_encryption_context_that_the_policy_names(
    aws: AwsClients, make_session: MakeSession
) -> None:
    key_id = aws.physical_id("DataKey")
    session = make_session(
        {
            "Action": ["kms:GenerateDataKey", "kms:Decrypt"],
            "Resource": aws.client("kms").describe_key(KeyId=key_id)["KeyMetadata"]["Arn"],
            "Condition": {
                "ForAllValues:StringEquals": {"kms:EncryptionContextKeys": ["tenant"]},
                "Null": {"kms:EncryptionContext:tenant": "false"},
            },
        }
    )
    generate = aws.client("kms", session).generate_data_key
    for name in (key_id, "alias/evertoken-local-data"):
        call = {"KeyId": name, "KeySpec": "AES_256"}
        assert not is_denied(generate, **call, EncryptionContext={"tenant": "acme"})
        assert is_denied(generate, **call)
        assert is_denied(generate, **call, EncryptionContext={"other": "acme"})
        assert is_denied(generate, **call, EncryptionContext={"tenant": "acme", "other": "x"})


def test_a_batch_of_messages_needs_the_right_to_send_one(aws: AwsClients, make_session: MakeSession) -> None:
    url = aws.client("sqs").create_queue(QueueName=f"strict-{uuid.uuid4().hex[:8]}")["QueueUrl"]
    entries = [{"Id": "1", "MessageBody": "x"}]
    sender = aws.client("sqs", make_session({"Action": "sqs:SendMessage", "Resource": "*"}))
    reader = aws.client("sqs", make_session({"Action": "sqs:ReceiveMessage", "Resource": "*"}))
    assert not is_denied(sender.send_message_batch, QueueUrl=url, Entries=entries)
    assert is_denied(reader.send_message_batch, QueueUrl=url, Entries=entries)


def test_a_policy_on_one_schedule_group_allows_that_group_and_no_other(
    aws: AwsClients, make_session: MakeSession
) -> None:
    group = f"strict-{uuid.uuid4().hex[:8]}"
    aws.client("scheduler").create_schedule_group(Name=group)
    client = aws.client(
        "scheduler",
        make_session(
            {
                "Action": "scheduler:CreateSchedule",
                "Resource": f"arn:aws:scheduler:us-east-1:000000000000:schedule/{group}/*",
            }
        ),
    )
    schedule = {
        "Name": "one",
        "ScheduleExpression": "at(2099-01-01T00:00:00)",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": {
            "Arn": "arn:aws:sqs:us-east-1:000000000000:none",
            "RoleArn": "arn:aws:iam::000000000000:role/none",
        },
    }
    assert not is_denied(client.create_schedule, **schedule, GroupName=group)
    assert is_denied(client.create_schedule, **schedule)


def test_a_policy_variable_stands_for_the_sessions_tag(aws: AwsClients, make_session: MakeSession) -> None:
    secrets = aws.client("secretsmanager")
    run = uuid.uuid4().hex[:8]
    for tenant in ("one", "two"):
        secrets.create_secret(Name=f"strict/{run}/{tenant}/x", SecretString="{}")
    statement = {
        "Action": "secretsmanager:GetSecretValue",
        "Resource": f"arn:aws:secretsmanager:*:*:secret:strict/{run}/${{aws:PrincipalTag/tenant}}/*",
    }
    tagged = aws.client("secretsmanager", make_session(statement, tags={"tenant": "one"}))
    untagged = aws.client("secretsmanager", make_session(statement))
    assert not is_denied(tagged.get_secret_value, SecretId=f"strict/{run}/one/x")
    assert is_denied(tagged.get_secret_value, SecretId=f"strict/{run}/two/x")
    assert is_denied(untagged.get_secret_value, SecretId=f"strict/{run}/one/x")


def test_a_version_of_a_secret_is_written_once(aws: AwsClients) -> None:
    client = aws.client("secretsmanager")
    name, first, second = f"strict/{uuid.uuid4().hex}", str(uuid.uuid4()), str(uuid.uuid4())
    created = client.create_secret(Name=name, SecretString="1", ClientRequestToken=first)
    assert created["VersionId"] == first
    assert client.create_secret(Name=name, SecretString="1", ClientRequestToken=first)["VersionId"] == first
    client.put_secret_value(SecretId=name, SecretString="2", ClientRequestToken=second)
    again = client.put_secret_value(SecretId=name, SecretString="2", ClientRequestToken=second)
    assert again["VersionStages"] == ["AWSCURRENT"]
    with pytest.raises(client.exceptions.ResourceExistsException):
        client.put_secret_value(SecretId=name, SecretString="3", ClientRequestToken=second)
    assert client.get_secret_value(SecretId=name)["SecretString"] == "2"
    assert client.get_secret_value(SecretId=name, VersionStage="AWSPREVIOUS")["SecretString"] == "1"


def test_a_label_of_ones_own_moves_and_leaves_the_current_version_where_it_is(aws: AwsClients) -> None:
    client = aws.client("secretsmanager")
    name = f"strict/{uuid.uuid4().hex}"
    client.create_secret(Name=name, SecretString="1")
    for content in ("spent 1", "spent 2"):
        client.put_secret_value(SecretId=name, SecretString=content, VersionStages=["EVERTOKEN_SPENT"])
    labels = client.list_secret_version_ids(SecretId=name, IncludeDeprecated=True)["Versions"]
    assert sorted(len(version.get("VersionStages", [])) for version in labels) == [0, 1, 1]
    assert client.get_secret_value(SecretId=name)["SecretString"] == "1"
    assert client.get_secret_value(SecretId=name, VersionStage="EVERTOKEN_SPENT")["SecretString"] == "spent 2"


def test_a_secret_longer_than_64_kilobytes_is_refused(aws: AwsClients) -> None:
    client = aws.client("secretsmanager")
    name = f"strict/{uuid.uuid4().hex}"
    client.create_secret(Name=name, SecretString="x")
    client.put_secret_value(SecretId=name, SecretString="x" * 65_536)
    with pytest.raises(ClientError, match="65536"):
        client.put_secret_value(SecretId=name, SecretString="x" * 65_537)


def test_the_deployed_table_has_its_time_to_live_and_its_recovery(aws: AwsClients, table: str) -> None:
    client = aws.client("dynamodb")
    assert (
        client.describe_time_to_live(TableName=table)["TimeToLiveDescription"]["TimeToLiveStatus"]
        == "ENABLED"
    )
    backups = client.describe_continuous_backups(TableName=table)["ContinuousBackupsDescription"]
    assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"


def test_a_mapping_whose_concurrency_is_a_parameter_takes_messages(aws: AwsClients) -> None:
    client, url = aws.client("sqs"), aws.physical_id("HintQueue")
    client.send_message(QueueUrl=url, MessageBody="no hint at all")
    names = ["ApproximateNumberOfMessages"]
    deadline = time.monotonic() + 20
    while client.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"][names[0]] != "0":
        assert time.monotonic() < deadline, "nobody takes messages from the hint queue"
        time.sleep(0.1)


def test_the_api_has_every_route_of_the_template(aws: AwsClients) -> None:
    wanted = {
        f"{event['Properties']['Method']} {event['Properties']['Path']}"
        for resource in load_template(ROOT / "template.yaml")["Resources"].values()
        for event in resource.get("Properties", {}).get("Events", {}).values()
        if event["Type"] == "HttpApi"
    }
    gateway = aws.client("apigatewayv2")
    routes = gateway.get_routes(ApiId=aws.physical_id("Api"), MaxResults="200")["Items"]
    assert {route["RouteKey"] for route in routes} == wanted


def test_environments_share_one_unpacked_layer(aws: AwsClients, stack: LocalStack) -> None:
    for function in ("AuthApiFunction", "ScannerFunction"):
        aws.client("lambda").invoke(FunctionName=aws.physical_id(function), Payload=b"{}")
    layers = list(stack.temporary.glob("ministack-lambda-*/layer_0"))
    assert len(layers) >= 2
    assert all(layer.is_symlink() for layer in layers)
    (tree,) = {layer.resolve() for layer in layers}
    assert (tree / "python" / "evertoken").is_dir()
