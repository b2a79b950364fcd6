"""boto3 clients, one of each kind a process, with our own time-outs: the SDK's sixty seconds and ten retries would outlive every budget (security facts D11)."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_kms import KMSClient
    from mypy_boto3_scheduler import EventBridgeSchedulerClient
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sqs import SQSClient

CONNECT_SECONDS = 1
READ_SECONDS = 2
ATTEMPTS = 2
POOL = 16
"""At least as many connections as a batch has threads, or they wait for each other."""

_CONFIG = Config(
    connect_timeout=CONNECT_SECONDS,
    read_timeout=READ_SECONDS,
    max_pool_connections=POOL,
    retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
)


@cache
def dynamodb_client() -> DynamoDBClient:
    """Return a client of the table."""
    return boto3.client("dynamodb", config=_CONFIG)


@cache
def kms_client() -> KMSClient:
    """Return a client of KMS."""
    return boto3.client("kms", config=_CONFIG)


@cache
def secrets_client() -> SecretsManagerClient:
    """Return a client of Secrets Manager."""
    return boto3.client("secretsmanager", config=_CONFIG)


@cache
def sqs_client() -> SQSClient:
    """Return a client of the queues."""
    return boto3.client("sqs", config=_CONFIG)


@cache
def scheduler_client() -> EventBridgeSchedulerClient:
    """Return a client of EventBridge Scheduler."""
    return boto3.client("scheduler", config=_CONFIG)


@cache
def events_client() -> Any:
    """Return a client of EventBridge."""
    return boto3.client("events", config=_CONFIG)
