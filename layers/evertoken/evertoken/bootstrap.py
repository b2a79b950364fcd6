"""The only composition root: settings in, what the use cases need out. Heavy imports stand inside: each function pays only for its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evertoken.adapters.aws_clients import dynamodb_client, kms_client, secrets_client, sqs_client
from evertoken.adapters.dynamodb_connections import DynamoDBConnections
from evertoken.adapters.system import SystemClock, SystemRandomness
from evertoken.settings import (
    EventRelaySettings,
    RefresherSettings,
    RefreshSettings,
    ScannerSettings,
    TokenReaderSettings,
)
from evertoken.usecases.invocation import Timing

if TYPE_CHECKING:
    from evertoken.adapters.access_token_verifier import AccessTokenVerifier
    from evertoken.adapters.client_admission import ClientAdmission
    from evertoken.adapters.client_directory import CachedClientDirectory
    from evertoken.adapters.envelope_sealer import EnvelopeSealer
    from evertoken.adapters.revocation_list import RevocationList
    from evertoken.ports import Clock
    from evertoken.usecases.job_work import JobWorkDependencies
    from evertoken.usecases.read_token import ReadDependencies
    from evertoken.usecases.refresh_attempt import RefreshDependencies
    from evertoken.usecases.relay_changes import RelayDependencies
    from evertoken.usecases.scan_due import ScanDependencies

READ_HTTP_TOTAL_SECONDS = 12
READ_COMMIT_BUDGET_SECONDS = 5
"""On the read path everything ends inside API Gateway's 30 s (DESIGN section 3)."""


def build_scanning(settings: ScannerSettings) -> ScanDependencies:
    """Return what the scanner needs."""
    from evertoken.adapters.dynamodb_scan_cursor import DynamoDBScanCursor
    from evertoken.adapters.sqs_queues import SQSHintQueue
    from evertoken.usecases.scan_due import ScanDependencies

    dynamodb = dynamodb_client()
    return ScanDependencies(
        store=DynamoDBConnections(dynamodb, settings.table_name, shards=settings.due_shards),
        cursor=DynamoDBScanCursor(dynamodb, settings.table_name),
        queue=SQSHintQueue(sqs_client(), settings.hint_queue_url),
        clock=SystemClock(),
        shards=settings.due_shards,
    )


def build_refreshing(
    settings: RefreshSettings, *, http_total_seconds: float, commit_budget_seconds: float
) -> RefreshDependencies:
    """Return what the refresh protocol needs. Raises ConfigurationError: the budgets do not fit into the function's timeout."""
    from evertoken.adapters.assertion_signer import RegistrationAssertionSigner
    from evertoken.adapters.envelope_sealer import EnvelopeSealer
    from evertoken.adapters.http_transport import HttpTransport
    from evertoken.adapters.secrets_publisher import SecretsManagerPublisher
    from evertoken.adapters.sqs_queues import SQSRescueSink
    from evertoken.usecases.refresh_attempt import RefreshDependencies

    timing = Timing(
        function_timeout_seconds=settings.function_timeout_seconds,
        http_total_seconds=http_total_seconds,
        commit_budget_seconds=commit_budget_seconds,
    )
    clock, dynamodb, secrets = SystemClock(), dynamodb_client(), secrets_client()
    return RefreshDependencies(
        store=DynamoDBConnections(dynamodb, settings.table_name, shards=settings.due_shards),
        directory=build_directory(settings, clock=clock),
        sealer=EnvelopeSealer(
            kms_client(), dynamodb, table_name=settings.table_name, key_id=settings.data_key_id, clock=clock
        ),
        transport=HttpTransport(allow_loopback=settings.allow_loopback_providers),
        signer=RegistrationAssertionSigner(kms_client),
        publisher=SecretsManagerPublisher(secrets, prefix=settings.secret_prefix),
        rescue=SQSRescueSink(sqs_client(), settings.rescue_queue_url),
        clock=clock,
        randomness=SystemRandomness(),
        timing=timing,
        consent_notice_days=settings.consent_notice_days,
    )


def build_job_work(settings: RefresherSettings, refreshing: RefreshDependencies) -> JobWorkDependencies:
    """Return what working on jobs needs."""
    from evertoken.adapters.dynamodb_jobs import DynamoDBJobs
    from evertoken.adapters.dynamodb_schedules import DynamoDBSchedules
    from evertoken.adapters.sqs_jobs import SQSJobQueue
    from evertoken.usecases.job_work import JobWorkDependencies

    dynamodb = dynamodb_client()
    return JobWorkDependencies(
        jobs=DynamoDBJobs(dynamodb, settings.table_name),
        queue=SQSJobQueue(sqs_client(), settings.job_queue_url),
        schedules=DynamoDBSchedules(dynamodb, settings.table_name),
        refreshing=refreshing,
    )


def build_directory(settings: RefreshSettings, *, clock: Clock) -> CachedClientDirectory:
    """Return the client registrations made ready."""
    from evertoken.adapters.client_directory import CachedClientDirectory
    from evertoken.adapters.dynamodb_directory import DynamoDBOperatorProviders
    from evertoken.adapters.dynamodb_registrations import DynamoDBRegistrations
    from evertoken.catalogue.provider_directory import ProviderDirectory

    dynamodb = dynamodb_client()
    return CachedClientDirectory(
        DynamoDBRegistrations(dynamodb, table_name=settings.table_name),
        ProviderDirectory(
            DynamoDBOperatorProviders(dynamodb, table_name=settings.table_name),
            allow_loopback=settings.allow_loopback_providers,
        ),
        dynamodb=dynamodb,
        secrets=secrets_client(),
        table_name=settings.table_name,
        secret_prefix=settings.secret_prefix,
        clock=clock,
    )


def build_reading(settings: TokenReaderSettings) -> ReadDependencies:
    """Return what reading tokens needs."""
    from evertoken.adapters.sqs_queues import SQSHintQueue
    from evertoken.usecases.read_token import ReadDependencies

    return ReadDependencies(
        refreshing=build_refreshing(
            settings,
            http_total_seconds=READ_HTTP_TOTAL_SECONDS,
            commit_budget_seconds=READ_COMMIT_BUDGET_SECONDS,
        ),
        queue=SQSHintQueue(sqs_client(), settings.hint_queue_url),
    )


def build_relaying(settings: EventRelaySettings) -> RelayDependencies:
    """Return what telling changes needs."""
    from evertoken.adapters.aws_clients import events_client
    from evertoken.adapters.dynamodb_ledger import DynamoDBLedger
    from evertoken.adapters.eventbridge_events import EventBridgeBus
    from evertoken.usecases.relay_changes import RelayDependencies

    return RelayDependencies(
        ledger=DynamoDBLedger(
            dynamodb_client(), settings.table_name, retention_days=settings.ledger_retention_days
        ),
        bus=EventBridgeBus(events_client(), settings.event_bus_name, base_url=settings.public_base_url),
    )


def build_verifier(signing_key_ids: tuple[str, ...], *, lifetime_seconds: int) -> AccessTokenVerifier:
    """Return what verifies our own access tokens."""
    from evertoken.adapters.access_token_verifier import AccessTokenVerifier
    from evertoken.adapters.kms_token_keys import KmsTokenKeys

    clock = SystemClock()
    keys = KmsTokenKeys(kms_client(), key_ids=signing_key_ids, clock=clock)
    return AccessTokenVerifier(keys, lifetime_seconds=lifetime_seconds, clock=clock)


def build_revocation_list(table_name: str) -> RevocationList:
    """Return the list of who may not pass any more: one for an execution environment."""
    from evertoken.adapters.revocation_list import DynamoDBRevocations, RevocationList

    return RevocationList(DynamoDBRevocations(dynamodb_client(), table_name), clock=SystemClock())


def build_admission(revocations: RevocationList, *, requests_per_second: int) -> ClientAdmission:
    """Return what decides whether callers with good tokens may go on."""
    from evertoken.adapters.client_admission import ClientAdmission

    return ClientAdmission(revocations, requests_per_second=requests_per_second, clock=SystemClock())


def build_sealer(table_name: str, *, key_id: str) -> EnvelopeSealer:
    """Return what seals with data keys wrapped by the KMS key *key_id*."""
    from evertoken.adapters.envelope_sealer import EnvelopeSealer

    return EnvelopeSealer(
        kms_client(), dynamodb_client(), table_name=table_name, key_id=key_id, clock=SystemClock()
    )
