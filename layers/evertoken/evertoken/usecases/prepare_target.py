"""Where a token set will be stored: all that it needs is had before its provider is asked, because nothing may fail afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from evertoken.domain.connection import (
    Connection,
    ConnectionKey,
    ConnectionStatus,
    PublicationMode,
    RefreshPolicy,
)
from evertoken.domain.consent import CONSENT_NOTICE_DAYS
from evertoken.domain.due import CONNECTING_LIFETIME_SECONDS
from evertoken.domain.provider_shapes import AccountOrigin
from evertoken.domain.ready_client import ReadyClient
from evertoken.ports import (
    AssertionSigner,
    Clock,
    ConnectionStore,
    ProviderTransport,
    Publisher,
    Randomness,
    TokenSealer,
)
from evertoken.usecases.connection_wish import ConnectionWish, known_lifetime_seconds
from evertoken.usecases.invocation import Timing


@dataclass(frozen=True, slots=True, kw_only=True)
class EstablishDependencies:
    """What asking a provider and storing its token set needs."""

    store: ConnectionStore
    sealer: TokenSealer
    transport: ProviderTransport
    signer: AssertionSigner
    publisher: Publisher
    clock: Clock
    randomness: Randomness
    timing: Timing
    minimum_published_lifetime_seconds: int
    consent_notice_days: int = CONSENT_NOTICE_DAYS


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownValues:
    """What is known of a grant before its provider is asked: *parameters* fill the provider's templates, *kept* is what the callback brought."""

    parameters: Mapping[str, str] = field(default_factory=dict)
    kept: Mapping[str, str] = field(default_factory=dict, repr=False)


NOTHING_KNOWN = KnownValues()


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where the token set will most likely go: an account's connection when the account is known before, else a new row."""

    wish: ConnectionWish
    connection_id: str
    row: Connection


def prepare_target(
    deps: EstablishDependencies,
    ready: ReadyClient,
    wish: ConnectionWish,
    *,
    connection_id: str,
    known: KnownValues = NOTHING_KNOWN,
    is_prepared: bool = False,
) -> Target:
    """Have a row, its empty secret, and the data key: all that storing a token set needs and that could fail.

    *is_prepared*: an earlier call has seen to the row and its secret, which are only looked up.

    Raises:
        StoreUnavailableError, PublisherUnavailableError, VaultSealedError: nothing was asked of the provider.
    """
    row = None
    account = _find_known_account(ready, wish, known)
    if account is not None:
        row = find_account_row(deps, ready, wish, account)
    if row is None and is_prepared:
        row = deps.store.find(ConnectionKey(tenant_id=wish.tenant_id, connection_id=connection_id))
    if row is None:
        row = create_row(deps, ready, wish, connection_id)
    if row.publication is PublicationMode.SECRETS_MANAGER and not is_prepared:
        deps.publisher.create_empty(row.key)
    deps.sealer.make_ready(wish.tenant_id)
    return Target(wish=wish, connection_id=connection_id, row=row)


def _find_known_account(ready: ReadyClient, wish: ConnectionWish, known: KnownValues) -> str | None:
    """Return the account where it is known before the provider answers, or None."""
    source = ready.provider.account
    match source.origin:
        case AccountOrigin.CALLER:
            return wish.account or wish.user_id
        case AccountOrigin.PARAMETER:
            return find_parameter_account(ready, known.parameters)
        case AccountOrigin.CALLBACK:
            return known.kept.get(source.member or "")
        case _:
            return None


def find_parameter_account(ready: ReadyClient, parameters: Mapping[str, str]) -> str | None:
    """Return the template parameter that is the account: the connection's own, or the one that the client registration fills."""
    source = ready.provider.account
    if source.origin is not AccountOrigin.PARAMETER or source.member is None:
        return None
    return parameters.get(source.member) or ready.registration.parameters.get(source.member)


def find_account_row(
    deps: EstablishDependencies, ready: ReadyClient, wish: ConnectionWish, account: str
) -> Connection | None:
    """Return the connection that the account has, or None."""
    key = deps.store.find_account(
        tenant_id=wish.tenant_id,
        registration_id=ready.registration.registration_id,
        user_id=wish.user_id,
        account=account,
    )
    row = None if key is None else deps.store.find(key)
    return None if row is None or row.status is ConnectionStatus.RETIRED else row


def create_row(
    deps: EstablishDependencies, ready: ReadyClient, wish: ConnectionWish, connection_id: str
) -> Connection:
    """Write a row that waits for its first token set; one that never gets it is retired by the worker."""
    now = deps.clock.now()
    lifetime = known_lifetime_seconds(ready.provider)
    is_short = lifetime is not None and lifetime < deps.minimum_published_lifetime_seconds
    row = Connection(
        tenant_id=wish.tenant_id,
        connection_id=connection_id,
        provider_id=ready.provider.provider_id,
        registration_id=ready.registration.registration_id,
        binding=ready.binding,
        user_id=wish.user_id,
        account=wish.account or "",
        name=wish.name,
        display_name=wish.display_name,
        status=ConnectionStatus.CONNECTING,
        policy=wish.policy or RefreshPolicy.SCHEDULED,
        publication=PublicationMode.API_ONLY
        if is_short
        else wish.publication or PublicationMode.SECRETS_MANAGER,
        due_at=now + timedelta(seconds=CONNECTING_LIFETIME_SECONDS),
        created_at=now,
        updated_at=now,
    )
    deps.store.create_connecting(row)
    return row
