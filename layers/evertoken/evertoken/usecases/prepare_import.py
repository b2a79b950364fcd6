"""From a row of an import to the connection that it becomes: what is refused, what is assumed, and what is due when."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from evertoken.domain.connection import (
    Connection,
    ConnectionStatus,
    PublicationMode,
    RefreshPolicy,
)
from evertoken.domain.credentials import identifier_of
from evertoken.domain.due import due_when_settled
from evertoken.domain.errors import InvalidInputError
from evertoken.domain.grant import Grant, GrantContext
from evertoken.domain.import_row import ImportRow
from evertoken.domain.origin import Origin
from evertoken.domain.provider import Provider, RefreshCredential
from evertoken.domain.publication import EMPTY_SECRET, NO_SECRET_YET
from evertoken.domain.ready_client import ReadyClient
from evertoken.domain.renewal import Renewal, choose_renewal
from evertoken.domain.schedule import LAZY_LIFETIME_SECONDS, lifetime_seconds
from evertoken.domain.token_set import TokenSet
from evertoken.ports import Clock, Randomness, TokenSealer
from evertoken.usecases.commit_token_set import prepare_commit
from evertoken.usecases.connection_wish import ConnectionWish, check_publication
from evertoken.usecases.fill_parameters import fill_wished
from evertoken.usecases.prepare_target import find_parameter_account

CLOCK_DIFFERENCE = timedelta(minutes=5)
"""How far ahead of ours the clock of whoever noted when a token was issued may be."""
_IMPORTED_GRANTS = (
    Grant.AUTHORIZATION_CODE,
    Grant.DEVICE_CODE,
    Grant.USER_TOKEN,
    Grant.TOKEN_EXCHANGE,
)
"""Grants of a user, the likeliest first; of the others nothing needs to be taken over, they run again by themselves."""


def find_imported_grant(provider: Provider) -> Grant:
    """Return the grant that a token set from elsewhere is taken for. Raises InvalidInputError: the provider's tokens are the client's own."""
    offered = [grant for grant in _IMPORTED_GRANTS if provider.supports(grant)]
    if not offered or provider.refresh_credential is RefreshCredential.CLIENT_CREDENTIALS:
        raise InvalidInputError(
            f"provider: {provider.name} gives its tokens without a user, so nothing has to be imported. "
            "Connect it with POST /v1/connections and its own grant."
        )
    return offered[0]


def prepare_import(
    client: ReadyClient,
    row: ImportRow,
    *,
    tenant_id: str,
    slot: datetime,
    minimum_published_lifetime_seconds: int,
    consent_notice_days: int,
    sealer: TokenSealer,
    clock: Clock,
    randomness: Randomness,
    origin: Origin,
) -> Connection:
    """Return the active connection that *row* becomes, its token set sealed as generation 1 of epoch 1. Nothing is asked of anybody.

    A live access token is published as number 1, one that is over is not: the secret stays empty until the refresh. *slot* is the instant at which
    what is owed at once becomes due, so that many rows do not meet.

    Raises:
        InvalidInputError: the message names the field and the mend, and repeats no value of a token.
        VaultSealedError: the sealer was not made ready.
    """
    now, grant = clock.now(), find_imported_grant(client.provider)
    wish = _wish(row, tenant_id)
    wished = fill_wished(client, wish, with_browser=False)
    ready = client.for_grant(wished.values)
    context = GrantContext(grant=grant, granted_at=row.granted_at, parameters=wished.values)
    token_set = _token_set(ready.provider, row, context, now)
    _check_usable(ready.provider, row, token_set, now)
    is_live = not token_set.is_expired(now)
    lifetime = _known_lifetime(ready.provider, row, token_set)
    policy = row.policy or _default_policy(lifetime)
    publication = _choose_publication(ready.provider, wish, lifetime, minimum_published_lifetime_seconds)
    connection_id = identifier_of("con_", randomness.token(256))
    requested = "" if row.scope is None else " ".join(ready.registration.scopes)
    empty = Connection(
        tenant_id=tenant_id,
        connection_id=connection_id,
        provider_id=ready.provider.provider_id,
        registration_id=ready.registration.registration_id,
        binding=ready.binding,
        user_id=row.user_id,
        account=row.account or find_parameter_account(client, wished.values) or row.user_id,
        name=row.name,
        display_name=row.display_name,
        status=ConnectionStatus.ACTIVE,
        policy=policy,
        publication=publication,
        epoch=1,
        scope=requested,
        created_at=now,
        updated_at=now,
    )
    commit = prepare_commit(
        sealer,
        empty,
        token_set,
        provider=ready.provider,
        owner=randomness.token(128),
        clock=clock,
        consent_notice_days=consent_notice_days,
    )
    is_published = publication is PublicationMode.SECRETS_MANAGER
    is_renewable = choose_renewal(ready.provider, token_set) is Renewal.REFRESH
    is_guess = is_renewable and _ends_when_nobody_knows(ready.provider, row)
    consent = commit.consent
    connection = replace(
        empty,
        generation=1,
        sealed=commit.sealed,
        scope=commit.scope,
        missing_scope=commit.missing_scope,
        issued_at=commit.issued_at,
        expires_at=commit.expires_at,
        has_refresh_token=commit.has_refresh_token,
        refresh_token_expires_at=commit.refresh_token_expires_at,
        refresh_at=now if is_guess else commit.refresh_at,
        publication_number=1 if is_published and is_live else EMPTY_SECRET,
        published_number=NO_SECRET_YET if is_published else EMPTY_SECRET,
        commit_id=commit.commit_id,
        consent_ends_at=None if consent is None else consent.ends_at,
        consent_notice_at=None if consent is None else consent.notice_at,
        origin=origin,
    )
    planned = due_when_settled(connection)
    is_due = is_published or (planned is not None and planned <= slot)
    return replace(connection, due_at=slot if is_due else planned)


def _wish(row: ImportRow, tenant_id: str) -> ConnectionWish:
    return ConnectionWish(
        tenant_id=tenant_id,
        provider_id=row.provider_id,
        registration_id=row.registration_id,
        user_id=row.user_id,
        account=row.account,
        policy=row.policy,
        publication=row.publication,
        parameters=row.parameters,
    )


def _token_set(provider: Provider, row: ImportRow, context: GrantContext, now: datetime) -> TokenSet:
    """Return the token set of *row*; what it does not say of its life is taken from the provider's entry.

    A token whose issue is not known was issued one life before its end, so that one that is nearly over is not taken for one that lives shortly.
    """
    if row.access_token is None and row.refresh_token is None:
        raise InvalidInputError(
            "access_token, refresh_token: both are missing. Give what you hold of the two."
        )
    if row.expires_at is not None and row.expires_in_seconds is not None:
        raise InvalidInputError("expires_at, expires_in: give one of them.")
    if row.issued_at is not None and row.issued_at > now + CLOCK_DIFFERENCE:
        raise InvalidInputError("issued_at: it is in the future. Give when the access token was issued.")
    if row.refresh_token_expires_at is not None and row.refresh_token_expires_at <= now:
        raise InvalidInputError(
            "refresh_token_expires_at: the refresh token is over. Leave both out, or let the user connect again."
        )
    lifetime = provider.access_token_lifetime_seconds
    life = timedelta(seconds=lifetime or 0)
    issued_at, begin = row.issued_at, row.issued_at or now
    if row.access_token is None:
        issued_at, expires_at = None, now
    elif row.expires_at is not None:
        expires_at = row.expires_at
    elif row.expires_in_seconds is not None:
        expires_at = begin + timedelta(seconds=row.expires_in_seconds)
    elif lifetime is not None:
        expires_at = begin + life
    else:
        return _token_set_of(row, context, issued_at=begin, expires_at=None)
    if issued_at is not None and issued_at > expires_at:
        raise InvalidInputError("issued_at: it is later than expires_at.")
    issued_at = issued_at or min(now, expires_at - life)
    return _token_set_of(row, context, issued_at=issued_at, expires_at=expires_at)


def _token_set_of(
    row: ImportRow, context: GrantContext, *, issued_at: datetime, expires_at: datetime | None
) -> TokenSet:
    return TokenSet(
        access_token=row.access_token or "",
        expires_at=expires_at,
        issued_at=issued_at,
        scope=row.scope or "",
        refresh_token=row.refresh_token,
        refresh_token_expires_at=row.refresh_token_expires_at,
        context=context,
    )


def _check_usable(provider: Provider, row: ImportRow, token_set: TokenSet, now: datetime) -> None:
    """Refuse what could never be handed out. Raises InvalidInputError."""
    if not token_set.is_expired(now):
        return
    if not provider.refreshable_after_expiry:
        raise InvalidInputError(
            f"access_token, expires_at: the access token is expired or missing, and {provider.name} renews no expired one. "
            "Let the user connect again."
        )
    if row.access_token is None and provider.refresh_credential is not RefreshCredential.REFRESH_TOKEN:
        raise InvalidInputError(
            f"access_token: it is missing, and {provider.name} renews nothing by a refresh token. Give the access token."
        )
    if choose_renewal(provider, token_set) is Renewal.NONE:
        raise InvalidInputError(
            "refresh_token: it is missing, and the access token is expired: nothing could be had with this row. "
            "Give the refresh token, or let the user connect again."
        )


def _ends_when_nobody_knows(provider: Provider, row: ImportRow) -> bool:
    """Return whether the end of the access token is a guess: then it is renewed at once, which tells."""
    said = (row.expires_at, row.expires_in_seconds, row.issued_at)
    return said == (None, None, None) and provider.access_token_lifetime_seconds is not None


def _known_lifetime(provider: Provider, row: ImportRow, token_set: TokenSet) -> float:
    """Return how long such tokens live; infinite where neither the row nor the entry tells: what is left of one says nothing of that."""
    is_told = row.access_token is not None and row.issued_at is not None
    if not is_told and provider.access_token_lifetime_seconds is None:
        return float("inf")
    return lifetime_seconds(token_set.issued_at, token_set.expires_at)


def _default_policy(lifetime: float) -> RefreshPolicy:
    return RefreshPolicy.LAZY if lifetime <= LAZY_LIFETIME_SECONDS else RefreshPolicy.SCHEDULED


def _choose_publication(
    provider: Provider, wish: ConnectionWish, lifetime: float, minimum_seconds: int
) -> PublicationMode:
    """Return where readers will find the token. Raises InvalidInputError: it lives too short for what was asked."""
    check_publication(provider, wish, minimum_seconds)
    if wish.publication is not None and lifetime >= minimum_seconds:
        return wish.publication
    if wish.publication is PublicationMode.SECRETS_MANAGER:
        raise InvalidInputError(
            f"publication: this token lives {int(lifetime)} s from issue to expiry, and tokens that live under {minimum_seconds} s are served by "
            "the API only. Ask for api_only, or leave publication out."
        )
    return PublicationMode.API_ONLY if lifetime < minimum_seconds else PublicationMode.SECRETS_MANAGER
