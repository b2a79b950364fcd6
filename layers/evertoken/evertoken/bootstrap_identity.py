"""The composition root of identity: what the auth API needs, put together from its settings."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from evertoken.adapters.aws_clients import (
    dynamodb_client,
    kms_client,
    secrets_client,
)
from evertoken.adapters.dynamodb_api_clients import DynamoDBApiClients
from evertoken.adapters.dynamodb_directory import DynamoDBTenants
from evertoken.adapters.dynamodb_sessions import DynamoDBSessions
from evertoken.adapters.revocation_list import DynamoDBRevocations
from evertoken.adapters.system import SystemClock, SystemRandomness
from evertoken.bootstrap import (
    build_sealer,
)
from evertoken.domain.session import SessionTiming
from evertoken.ports import TokenSigner
from evertoken.settings import (
    AuthApiSettings,
)
from evertoken.usecases.cursor import CURSOR_KEY_OWNER
from evertoken.usecases.exchange_assertion import ExchangeDependencies
from evertoken.usecases.issue_session_token import RevokedTenants, SessionDependencies
from evertoken.usecases.issue_token import IssueDependencies
from evertoken.usecases.list_sessions import ListSessionsDependencies
from evertoken.usecases.manage_api_clients import ApiClientDependencies
from evertoken.usecases.manage_tenants import TenantDependencies

if TYPE_CHECKING:
    from evertoken.adapters.session_token_verifier import SessionTokenVerifier


def build_issuing(settings: AuthApiSettings) -> IssueDependencies:
    """Return what issuing access tokens needs."""
    from evertoken.adapters.kms_token_keys import KmsTokenKeys
    from evertoken.adapters.kms_token_signer import KmsTokenSigner
    from evertoken.adapters.secrets_operator import SecretsManagerOperator

    clock, kms = SystemClock(), kms_client()
    return IssueDependencies(
        clients=DynamoDBApiClients(dynamodb_client(), settings.table_name),
        tenants=DynamoDBTenants(dynamodb_client(), settings.table_name),
        operator=SecretsManagerOperator(
            secrets_client(), secret_name=settings.operator_secret_name, clock=clock
        ),
        signer=KmsTokenSigner(kms, keys=KmsTokenKeys(kms, key_ids=settings.signing_key_ids, clock=clock)),
        clock=clock,
        randomness=SystemRandomness(),
        lifetime_seconds=settings.access_token_lifetime_seconds,
    )


def build_exchanging(settings: AuthApiSettings, issuing: IssueDependencies) -> ExchangeDependencies:
    """Return what exchanging the tokens of external issuers needs."""
    from evertoken.adapters.http_transport import HttpTransport
    from evertoken.adapters.oidc_issuers import OidcIssuers

    allow_loopback = settings.allow_loopback_providers
    transport = HttpTransport(allow_loopback=allow_loopback)
    return ExchangeDependencies(
        issuing=issuing,
        issuers=OidcIssuers(transport, clock=issuing.clock, allow_loopback=allow_loopback),
    )


def build_tenants(settings: AuthApiSettings) -> TenantDependencies:
    """Return what keeping tenants needs."""
    dynamodb = dynamodb_client()
    lifetimes = (settings.session_lifetime_seconds, settings.access_token_lifetime_seconds)
    return TenantDependencies(
        tenants=DynamoDBTenants(dynamodb, settings.table_name),
        clients=DynamoDBApiClients(dynamodb, settings.table_name),
        revocations=DynamoDBRevocations(dynamodb, settings.table_name),
        clock=SystemClock(),
        longest_token_seconds=max(lifetimes),
        allow_loopback=settings.allow_loopback_providers,
    )


def build_api_clients(settings: AuthApiSettings) -> ApiClientDependencies:
    """Return what keeping API clients needs."""
    dynamodb = dynamodb_client()
    return ApiClientDependencies(
        clients=DynamoDBApiClients(dynamodb, settings.table_name),
        tenants=DynamoDBTenants(dynamodb, settings.table_name),
        revocations=DynamoDBRevocations(dynamodb, settings.table_name),
        clock=SystemClock(),
        randomness=SystemRandomness(),
        lifetime_seconds=settings.access_token_lifetime_seconds,
        allow_loopback=settings.allow_loopback_providers,
    )


def build_session_timing(settings: AuthApiSettings) -> SessionTiming:
    """Return how long sessions and their tokens live. Raises ConfigurationError."""
    return SessionTiming(
        token_lifetime_seconds=settings.session_token_lifetime_seconds,
        grace_seconds=settings.session_grace_seconds,
        lifetime_seconds=settings.session_lifetime_seconds,
    )


def build_sessions(
    settings: AuthApiSettings, *, signer: TokenSigner, tenants: RevokedTenants
) -> SessionDependencies:
    """Return what keeping sessions needs."""
    return SessionDependencies(
        sessions=DynamoDBSessions(dynamodb_client(), settings.table_name),
        tenants=tenants,
        signer=signer,
        clock=SystemClock(),
        randomness=SystemRandomness(),
        timing=build_session_timing(settings),
    )


def build_session_list(settings: AuthApiSettings) -> ListSessionsDependencies:
    """Return what listing sessions needs."""
    dynamodb = dynamodb_client()
    return ListSessionsDependencies(
        sessions=DynamoDBSessions(dynamodb, settings.table_name),
        sealer=build_sealer(settings.table_name, key_id=settings.data_key_id),
        cursor_key_owner=CURSOR_KEY_OWNER,
    )


def build_session_verifier(
    settings: AuthApiSettings, *, on_expired: Callable[[], None]
) -> SessionTokenVerifier:
    """Return what verifies session tokens."""
    from evertoken.adapters.kms_token_keys import KmsTokenKeys
    from evertoken.adapters.session_token_verifier import SessionTokenVerifier

    clock = SystemClock()
    return SessionTokenVerifier(
        KmsTokenKeys(kms_client(), key_ids=settings.signing_key_ids, clock=clock),
        timing=build_session_timing(settings),
        clock=clock,
        on_expired=on_expired,
    )
