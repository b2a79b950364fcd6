"""An AWS account in this process, as moto plays it: the table, the keys and the operator's secret of template.yaml."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import boto3
import pytest
from botocore.client import BaseClient
from moto import mock_aws
from moto.core import DEFAULT_ACCOUNT_ID
from moto.core.serialize import AttributePicker, AttributePickerContext
from moto.dynamodb.models import dynamodb_backends
from moto.secretsmanager.models import secretsmanager_backends

REGION = "eu-west-1"
TABLE = "evertoken"
SECRET_PREFIX = "evertoken/test"
SCHEDULE_GROUP = "evertoken-test-tenants"
EVENT_BUS = "evertoken-test"
OPERATOR_SECRET = "operator-secret-for-tests-only"


@dataclass(frozen=True, kw_only=True)
class AwsAccount:
    """What was made in the account."""

    data_key_id: str
    signing_key_ids: tuple[str, ...]
    hint_queue_url: str
    rescue_queue_url: str
    job_queue_url: str

    def environ(self, **changes: str) -> dict[str, str]:
        """Every variable that any function is told."""
        return {
            "STAGE": "test",
            "TABLE_NAME": TABLE,
            "HINT_QUEUE_URL": self.hint_queue_url,
            "RESCUE_QUEUE_URL": self.rescue_queue_url,
            "JOB_QUEUE_URL": self.job_queue_url,
            "JOB_QUEUE_ARN": f"arn:aws:sqs:{REGION}:123456789012:jobs",
            "SCHEDULE_DEAD_LETTER_ARN": f"arn:aws:sqs:{REGION}:123456789012:missed-ticks",
            "SCHEDULE_GROUP": SCHEDULE_GROUP,
            "SCHEDULE_ROLE_ARN": "arn:aws:iam::123456789012:role/tenant-schedules",
            "EVENT_BUS_NAME": EVENT_BUS,
            "DATA_KEY_ID": self.data_key_id,
            "SIGNING_KEY_IDS": ",".join(self.signing_key_ids),
            "SECRET_PREFIX": SECRET_PREFIX,
            "OPERATOR_SECRET_NAME": f"{SECRET_PREFIX}/private/operator",
            "PUBLIC_BASE_URL": "",
            "DUE_SHARDS": "4",
            "FUNCTION_TIMEOUT_SECONDS": "28",
            "MINIMUM_PUBLISHED_LIFETIME_SECONDS": "1800",
            "ACCESS_TOKEN_LIFETIME_SECONDS": "900",
            "SESSION_TOKEN_LIFETIME_SECONDS": "14400",
            "SESSION_GRACE_SECONDS": "900",
            "SESSION_LIFETIME_SECONDS": "43200",
            "CLIENT_REQUESTS_PER_SECOND": "1000",
            "CONSENT_NOTICE_DAYS": "14",
            "LEDGER_RETENTION_DAYS": "90",
            "AUDIT_RETENTION_DAYS": "400",
            "ALLOW_LOOPBACK_PROVIDERS": "true",
            **changes,
        }


@contextmanager
def open_aws_account(*, signing_keys: int = 1) -> Iterator[AwsAccount]:
    """Play an account until the block ends."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_DEFAULT_REGION", REGION)
        patch.setenv("AWS_ACCESS_KEY_ID", "testing")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        patch.delenv("AWS_ENDPOINT_URL", raising=False)
        patch.delenv("AWS_PROFILE", raising=False)
        with mock_aws():
            boto3.DEFAULT_SESSION = build_session()  # moto puts the one before back
            make_calls_atomic(patch)
            read_attribute_values_plainly(patch)
            create_table()
            kms, sqs = boto3.client("kms"), boto3.client("sqs")
            boto3.client("scheduler").create_schedule_group(Name=SCHEDULE_GROUP)
            boto3.client("events").create_event_bus(Name=EVENT_BUS)
            boto3.client("secretsmanager").create_secret(
                Name=f"{SECRET_PREFIX}/private/operator",
                SecretString=json.dumps({"client_id": "operator", "client_secret": OPERATOR_SECRET}),
            )
            yield AwsAccount(
                data_key_id=kms.create_key()["KeyMetadata"]["KeyId"],
                signing_key_ids=tuple(create_signing_key(kms) for _ in range(signing_keys)),
                hint_queue_url=sqs.create_queue(QueueName="hints")["QueueUrl"],
                rescue_queue_url=sqs.create_queue(QueueName="rescue")["QueueUrl"],
                job_queue_url=sqs.create_queue(QueueName="jobs")["QueueUrl"],
            )


@cache
def build_session() -> boto3.Session:
    """Return the one session of all accounts: a session reads botocore's models once, and that takes most of an account's time."""
    return boto3.Session()


def empty_account() -> None:
    """Remove every item of the account's tables, and every secret but the operator's, behind the API's back: it takes no time."""
    for table in dynamodb_backends[DEFAULT_ACCOUNT_ID][REGION].tables.values():
        table.items.clear()
    secrets = secretsmanager_backends[DEFAULT_ACCOUNT_ID][REGION].secrets
    for secret in list(secrets.values()):
        if "/operator" not in secret.name:
            secrets.pop(secret.arn)


def make_calls_atomic(patch: pytest.MonkeyPatch) -> None:
    """One call at a time, as AWS serialises the calls to one item: moto reads and writes in two steps."""
    lock, call = threading.RLock(), BaseClient._make_api_call

    def call_alone(self: Any, *arguments: Any) -> Any:
        with lock:
            return call(self, *arguments)

    patch.setattr(BaseClient, "_make_api_call", call_alone)


def read_attribute_values_plainly(patch: pytest.MonkeyPatch) -> None:
    """Spare moto a dozen guesses at the name of each part of an `AttributeValue`, most of which an item does not have: a fifth of its time."""
    pick = AttributePicker.__call__

    def pick_plainly(self: AttributePicker, context: AttributePickerContext) -> Any:
        parent = getattr(context.shape, "parent", None)
        if parent is not None and parent.name == "AttributeValue" and isinstance(context.obj, dict):
            return context.obj.get(context.key)
        return pick(self, context)

    patch.setattr(AttributePicker, "__call__", pick_plainly)


def create_signing_key(kms: Any) -> str:
    """Make a key as the template's signing keys are."""
    return kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"]


def create_table() -> None:
    """Make the table as the template has it."""
    names = {"pk": "S", "sk": "S", "due_shard": "S", "due_at": "N", "tenant_id": "S", "listed_at": "S"}
    boto3.client("dynamodb").create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": kind} for name, kind in names.items()],
        KeySchema=_key("pk", "sk"),
        GlobalSecondaryIndexes=[
            {
                "IndexName": "due",
                "KeySchema": _key("due_shard", "due_at"),
                "Projection": {"ProjectionType": "ALL"},
            },
            {
                "IndexName": "by_tenant",
                "KeySchema": _key("tenant_id", "listed_at"),
                "Projection": {"ProjectionType": "ALL"},
            },
        ],
    )


def _key(partition: str, sort: str) -> list[Any]:
    return [{"AttributeName": partition, "KeyType": "HASH"}, {"AttributeName": sort, "KeyType": "RANGE"}]
