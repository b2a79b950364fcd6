"""The composition root of operating connections: jobs, schedules, statistics, audit and ledgers, put together from their settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evertoken.adapters.aws_clients import (
    dynamodb_client,
    scheduler_client,
    sqs_client,
)
from evertoken.adapters.system import SystemClock, SystemRandomness
from evertoken.bootstrap import (
    build_sealer,
)
from evertoken.settings import (
    ConnectionsApiSettings,
    OperationsApiSettings,
)
from evertoken.usecases.create_job import JobDependencies
from evertoken.usecases.list_audit import AuditDependencies
from evertoken.usecases.read_ledger import LedgerDependencies
from evertoken.usecases.read_statistics import StatisticsDependencies
from evertoken.usecases.schedule_refresh import ScheduleDependencies

if TYPE_CHECKING:
    from evertoken.adapters.dynamodb_audit import DynamoDBAuditTrail


def build_scheduling(settings: OperationsApiSettings) -> ScheduleDependencies:
    """Return what keeping schedules needs."""
    from evertoken.adapters.dynamodb_schedules import DynamoDBSchedules
    from evertoken.adapters.eventbridge_alarms import AlarmTarget, EventBridgeAlarms

    target = AlarmTarget(
        group=settings.schedule_group,
        queue_arn=settings.job_queue_arn,
        role_arn=settings.schedule_role_arn,
        dead_letter_arn=settings.schedule_dead_letter_arn,
    )
    return ScheduleDependencies(
        schedules=DynamoDBSchedules(dynamodb_client(), settings.table_name),
        alarms=EventBridgeAlarms(scheduler_client(), target),
        clock=SystemClock(),
        randomness=SystemRandomness(),
    )


def build_statistics(settings: OperationsApiSettings) -> StatisticsDependencies:
    """Return what statistics need."""
    from evertoken.adapters.dynamodb_statistics import DynamoDBStatistics

    return StatisticsDependencies(
        reader=DynamoDBStatistics(dynamodb_client(), settings.table_name), clock=SystemClock()
    )


def build_audit_trail(table_name: str, *, retention_days: int) -> DynamoDBAuditTrail:
    """Return where audit entries go."""
    from evertoken.adapters.dynamodb_audit import DynamoDBAuditTrail

    return DynamoDBAuditTrail(dynamodb_client(), table_name, retention_days=retention_days)


def build_auditing(settings: OperationsApiSettings) -> AuditDependencies:
    """Return what listing audit entries needs."""
    return AuditDependencies(
        audit=build_audit_trail(settings.table_name, retention_days=settings.audit_retention_days),
        sealer=build_sealer(settings.table_name, key_id=settings.data_key_id),
    )


def build_ledger_reading(settings: OperationsApiSettings) -> LedgerDependencies:
    """Return what reading ledgers needs."""
    from evertoken.adapters.dynamodb_ledger import DynamoDBLedger

    dynamodb = dynamodb_client()
    return LedgerDependencies(
        ledger=DynamoDBLedger(dynamodb, settings.table_name),
        sealer=build_sealer(settings.table_name, key_id=settings.data_key_id),
    )


def build_creating_jobs(settings: ConnectionsApiSettings | OperationsApiSettings) -> JobDependencies:
    """Return what creating and following jobs needs."""
    from evertoken.adapters.dynamodb_jobs import DynamoDBJobs
    from evertoken.adapters.sqs_jobs import SQSJobQueue

    return JobDependencies(
        jobs=DynamoDBJobs(dynamodb_client(), settings.table_name),
        queue=SQSJobQueue(sqs_client(), settings.job_queue_url),
        clock=SystemClock(),
        randomness=SystemRandomness(),
    )
