"""The purge, on a small stack of the same kinds in moto; on the emulator it is run by hand, because it ends what it runs on."""

import json
from functools import cache

import boto3
import pytest
from moto import mock_aws

from tools.purge import PurgeError, list_secrets, purge

TEMPLATE = {
    "Parameters": {"Stage": {"Type": "String"}},
    "Resources": {
        "Table": {
            "Type": "AWS::DynamoDB::Table",
            "Properties": {
                "BillingMode": "PAY_PER_REQUEST",
                "DeletionProtectionEnabled": True,
                "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
                "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
            },
        },
        "RescueQueue": {"Type": "AWS::SQS::Queue", "Properties": {}},
        "DataKey": {
            "Type": "AWS::KMS::Key",
            "Properties": {"KeyPolicy": {"Version": "2012-10-17", "Statement": []}},
        },
    },
}


@pytest.fixture
def clients(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with mock_aws():
        yield cache(boto3.Session(region_name="us-east-1").client)


def deploy(clients, *, stage: str = "prod") -> None:
    clients("cloudformation").create_stack(
        StackName="evertoken",
        TemplateBody=json.dumps(TEMPLATE),
        Parameters=[{"ParameterKey": "Stage", "ParameterValue": stage}],
    )
    for name in (
        f"evertoken/{stage}/tokens/acme/con_1",
        f"evertoken/{stage}/private/registrations/google",
        "others/secret",
    ):
        clients("secretsmanager").create_secret(Name=name, SecretString="{}")


def test_a_purge_leaves_nothing_of_the_installation_and_everything_else(clients) -> None:
    deploy(clients)
    said: list[str] = []

    purge(clients, "evertoken", said.append)

    assert list(list_secrets(clients, "prod")) == []
    assert [one["Name"] for one in clients("secretsmanager").list_secrets()["SecretList"]] == [
        "others/secret"
    ]
    assert clients("dynamodb").list_tables()["TableNames"] == []
    assert clients("sqs").list_queues().get("QueueUrls", []) == []
    states = [
        clients("kms").describe_key(KeyId=key["KeyId"])["KeyMetadata"]["KeyState"]
        for key in clients("kms").list_keys()["Keys"]
    ]
    assert states == [] or set(states) == {"PendingDeletion"}
    assert any(line.startswith("stack evertoken") for line in said)


def test_a_purge_of_another_stage_touches_no_secret_of_this_one(clients) -> None:
    deploy(clients, stage="prod")

    assert list(list_secrets(clients, "pro")) == []


def test_what_is_no_installation_is_refused_before_anything_is_deleted(clients) -> None:
    with pytest.raises(PurgeError, match="There is no stack nothing"):
        purge(clients, "nothing", print)
