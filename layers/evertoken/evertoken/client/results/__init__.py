"""The typed answers of the API: one frozen dataclass for each schema of its OpenAPI document."""

from __future__ import annotations

from evertoken.client.results.access import AccessTokenAnswer, Health, PublicKey, PublicKeys
from evertoken.client.results.api_client import (
    ClientList,
    CreatedSecretClient,
    Oidc,
    OidcClient,
    RoleClient,
    SecretClient,
)
from evertoken.client.results.api_result import ApiResult
from evertoken.client.results.audit import AuditList, AuditRecord
from evertoken.client.results.connecting import PendingDevice, StartedAuthorization, StartedDevice
from evertoken.client.results.connection import (
    Connection,
    ConnectionFailure,
    ConnectionList,
    EstablishedConnection,
    ListedConnection,
    ListedFailure,
)
from evertoken.client.results.importing import FailedRow, ImportAnswer, ImportedRow
from evertoken.client.results.job import (
    AcceptedJob,
    Job,
    JobCounts,
    JobList,
    JobProgress,
    RefreshAnswer,
    RefreshResult,
)
from evertoken.client.results.ledger import Explanation, Ledger, LedgerEntry, LedgerFailure
from evertoken.client.results.provider import (
    FactSource,
    ListedProvider,
    Provider,
    ProviderLifecycle,
    ProviderLimit,
    ProviderList,
    ProviderParameter,
    ProviderRotation,
    ProviderSharing,
    UnknownFact,
    UnreadableProvider,
)
from evertoken.client.results.registration import Registration, RegistrationList, SigningKey
from evertoken.client.results.schedule import Schedule, ScheduleList
from evertoken.client.results.session import (
    OpenedSession,
    SessionList,
    SessionRecord,
    SessionState,
    SessionTokenAnswer,
    SessionUser,
    UserProfile,
)
from evertoken.client.results.statistics import Statistics, StatusCounts
from evertoken.client.results.tenant import Tenant, TenantList

__all__ = (
    "AcceptedJob",
    "AccessTokenAnswer",
    "ApiResult",
    "AuditList",
    "AuditRecord",
    "ClientList",
    "Connection",
    "ConnectionFailure",
    "ConnectionList",
    "CreatedSecretClient",
    "EstablishedConnection",
    "Explanation",
    "FactSource",
    "FailedRow",
    "Health",
    "ImportAnswer",
    "ImportedRow",
    "Job",
    "JobCounts",
    "JobList",
    "JobProgress",
    "Ledger",
    "LedgerEntry",
    "LedgerFailure",
    "ListedConnection",
    "ListedFailure",
    "ListedProvider",
    "Oidc",
    "OidcClient",
    "OpenedSession",
    "PendingDevice",
    "Provider",
    "ProviderLifecycle",
    "ProviderLimit",
    "ProviderList",
    "ProviderParameter",
    "ProviderRotation",
    "ProviderSharing",
    "PublicKey",
    "PublicKeys",
    "RefreshAnswer",
    "RefreshResult",
    "Registration",
    "RegistrationList",
    "RoleClient",
    "Schedule",
    "ScheduleList",
    "SecretClient",
    "SessionList",
    "SessionRecord",
    "SessionState",
    "SessionTokenAnswer",
    "SessionUser",
    "SigningKey",
    "StartedAuthorization",
    "StartedDevice",
    "Statistics",
    "StatusCounts",
    "Tenant",
    "TenantList",
    "UnknownFact",
    "UnreadableProvider",
    "UserProfile",
)
