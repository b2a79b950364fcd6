"""The composition root of the control plane: what the API functions need, put together from their settings."""

from __future__ import annotations

from evertoken.adapters.aws_clients import (
    dynamodb_client,
    kms_client,
    secrets_client,
)
from evertoken.adapters.dynamodb_authorizations import DynamoDBAuthorizations
from evertoken.adapters.dynamodb_devices import DynamoDBDevices
from evertoken.adapters.dynamodb_directory import DynamoDBOperatorProviders, DynamoDBTenants
from evertoken.adapters.dynamodb_registrations import DynamoDBRegistrations
from evertoken.adapters.system import SystemClock
from evertoken.bootstrap import (
    READ_COMMIT_BUDGET_SECONDS,
    READ_HTTP_TOTAL_SECONDS,
    build_refreshing,
    build_sealer,
)
from evertoken.settings import (
    ConnectionsApiSettings,
    OAuthCallbackSettings,
    RegistrationsApiSettings,
)
from evertoken.usecases.complete_authorization import CompleteDependencies
from evertoken.usecases.connect_by_device import DeviceDependencies
from evertoken.usecases.connect_directly import DirectDependencies
from evertoken.usecases.import_connections import ImportDependencies
from evertoken.usecases.manage_providers import ProviderDependencies
from evertoken.usecases.manage_registrations import RegistrationDependencies
from evertoken.usecases.prepare_target import EstablishDependencies
from evertoken.usecases.receive_callback import CallbackDependencies
from evertoken.usecases.refresh_attempt import RefreshDependencies
from evertoken.usecases.start_authorization import StartDependencies


def build_connecting(settings: ConnectionsApiSettings) -> RefreshDependencies:
    """Return what talking to providers needs: connecting and refreshing share one transport, one sealer and one cache of clients."""
    return build_refreshing(
        settings,
        http_total_seconds=READ_HTTP_TOTAL_SECONDS,
        commit_budget_seconds=READ_COMMIT_BUDGET_SECONDS,
    )


def build_starting(settings: ConnectionsApiSettings, refreshing: RefreshDependencies) -> StartDependencies:
    """Return what starting an authorization needs."""
    dynamodb = dynamodb_client()
    return StartDependencies(
        tenants=DynamoDBTenants(dynamodb, settings.table_name),
        registrations=DynamoDBRegistrations(dynamodb, settings.table_name),
        directory=refreshing.directory,
        authorizations=DynamoDBAuthorizations(dynamodb, settings.table_name),
        sealer=refreshing.sealer,
        transport=refreshing.transport,
        signer=refreshing.signer,
        clock=refreshing.clock,
        randomness=refreshing.randomness,
        timing=refreshing.timing,
        minimum_published_lifetime_seconds=settings.minimum_published_lifetime_seconds,
    )


def build_establishing(
    settings: ConnectionsApiSettings, refreshing: RefreshDependencies
) -> EstablishDependencies:
    """Return what storing and publishing a first token set needs."""
    return EstablishDependencies(
        store=refreshing.store,
        sealer=refreshing.sealer,
        transport=refreshing.transport,
        signer=refreshing.signer,
        publisher=refreshing.publisher,
        clock=refreshing.clock,
        randomness=refreshing.randomness,
        timing=refreshing.timing,
        minimum_published_lifetime_seconds=settings.minimum_published_lifetime_seconds,
        consent_notice_days=refreshing.consent_notice_days,
    )


def build_completing(
    starting: StartDependencies, establishing: EstablishDependencies
) -> CompleteDependencies:
    """Return what completing an authorization needs."""
    return CompleteDependencies(
        authorizations=starting.authorizations, directory=starting.directory, establishing=establishing
    )


def build_direct(starting: StartDependencies, establishing: EstablishDependencies) -> DirectDependencies:
    """Return what connecting without a browser needs."""
    return DirectDependencies(
        registrations=starting.registrations, directory=starting.directory, establishing=establishing
    )


def build_devices(
    settings: ConnectionsApiSettings, starting: StartDependencies, establishing: EstablishDependencies
) -> DeviceDependencies:
    """Return what connecting by device needs."""
    return DeviceDependencies(
        registrations=starting.registrations,
        directory=starting.directory,
        devices=DynamoDBDevices(dynamodb_client(), settings.table_name),
        establishing=establishing,
    )


def build_importing(establishing: EstablishDependencies, starting: StartDependencies) -> ImportDependencies:
    """Return what importing needs."""
    return ImportDependencies(
        registrations=starting.registrations,
        directory=starting.directory,
        store=establishing.store,
        sealer=establishing.sealer,
        clock=establishing.clock,
        randomness=establishing.randomness,
        minimum_published_lifetime_seconds=establishing.minimum_published_lifetime_seconds,
        consent_notice_days=establishing.consent_notice_days,
    )


def build_callback(settings: OAuthCallbackSettings) -> CallbackDependencies:
    """Return what receiving a callback needs."""
    from evertoken.catalogue.provider_directory import ProviderDirectory

    dynamodb, clock = dynamodb_client(), SystemClock()
    own = DynamoDBOperatorProviders(dynamodb, settings.table_name)
    return CallbackDependencies(
        authorizations=DynamoDBAuthorizations(dynamodb, settings.table_name),
        registrations=DynamoDBRegistrations(dynamodb, settings.table_name),
        catalogue=ProviderDirectory(own, allow_loopback=settings.allow_loopback_providers),
        sealer=build_sealer(settings.table_name, key_id=settings.data_key_id),
        clock=clock,
    )


def build_providers(settings: RegistrationsApiSettings) -> ProviderDependencies:
    """Return what keeping providers needs."""
    from evertoken.adapters.http_transport import HttpTransport
    from evertoken.catalogue.provider_book import ProviderBook

    dynamodb = dynamodb_client()
    return ProviderDependencies(
        book=ProviderBook(allow_loopback=settings.allow_loopback_providers),
        own=DynamoDBOperatorProviders(dynamodb, settings.table_name),
        registrations=DynamoDBRegistrations(dynamodb, settings.table_name),
        transport=HttpTransport(allow_loopback=settings.allow_loopback_providers),
        clock=SystemClock(),
    )


def build_registrations(settings: RegistrationsApiSettings) -> RegistrationDependencies:
    """Return what keeping client registrations needs."""
    from evertoken.adapters.assertion_signer import RegistrationAssertionSigner
    from evertoken.adapters.secrets_registration import SecretsManagerRegistrationSecrets
    from evertoken.catalogue.provider_directory import ProviderDirectory

    dynamodb = dynamodb_client()
    own = DynamoDBOperatorProviders(dynamodb, settings.table_name)
    return RegistrationDependencies(
        registrations=DynamoDBRegistrations(dynamodb, settings.table_name),
        secrets=SecretsManagerRegistrationSecrets(secrets_client(), prefix=settings.secret_prefix),
        catalogue=ProviderDirectory(own, allow_loopback=settings.allow_loopback_providers),
        tenants=DynamoDBTenants(dynamodb, settings.table_name),
        signer=RegistrationAssertionSigner(kms_client),
        clock=SystemClock(),
    )
