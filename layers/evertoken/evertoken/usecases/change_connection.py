"""Change what a user may change of a connection: its names, its refresh policy, and where it is published."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from evertoken.domain.connection import (
    Connection,
    ConnectionKey,
    ConnectionStatus,
    PublicationMode,
    RefreshPolicy,
)
from evertoken.domain.errors import ConflictError, ConnectionNotFoundError, EvertokenError, InvalidInputError
from evertoken.domain.origin import Trigger
from evertoken.domain.schedule import lifetime_seconds
from evertoken.domain.token_set_codec import decode_token_set, token_set_purpose
from evertoken.usecases.invocation import Invocation
from evertoken.usecases.plan_renewal import plan_renewal
from evertoken.usecases.publish_connection import publish_connection
from evertoken.usecases.refresh_attempt import RefreshDependencies

TRIES = 5
PAUSE_SECONDS = 0.3
"""A refresh under way holds the row for a moment; what it plans must not be overwritten."""


def change_connection(
    deps: RefreshDependencies,
    key: ConnectionKey,
    *,
    name: str | None,
    display_name: str | None,
    policy: RefreshPolicy | None,
    publication: PublicationMode | None,
    minimum_published_lifetime_seconds: int,
    invocation: Invocation,
) -> Connection:
    """Change what is not None, plan the next refresh anew, and publish what readers may see now.

    Raises:
        ConnectionNotFoundError: there is no such connection.
        InvalidInputError: its tokens live too short to be published.
        ConflictError: the connection is not active, or kept changing; nothing was changed.
        PublisherUnavailableError: its secret cannot be made now; nothing was changed.
        StoreUnavailableError, VaultSealedError, UnknownRegistrationError: its plan cannot be made now; nothing was changed.
    """
    for _ in range(TRIES):
        row = deps.store.get(key)
        if row.status is ConnectionStatus.RETIRED:
            raise ConnectionNotFoundError
        if row.status in (ConnectionStatus.CONNECTING, ConnectionStatus.DISCONNECTED):
            raise ConflictError("This connection holds no grant. Connect first: POST /v1/connections.")
        wanted = publication or row.publication
        if wanted is not row.publication:
            _prepare_publication(deps, row, wanted, minimum_published_lifetime_seconds)
        changed = deps.store.update_settings(
            key,
            expected=row,
            name=row.name if name is None else name,
            display_name=row.display_name if display_name is None else display_name,
            policy=policy or row.policy,
            publication=wanted,
            refresh_at=_plan(deps, row, policy or row.policy),
            now=deps.clock.now(),
            origin=invocation.caused_by(Trigger.CHANGE),
        )
        if changed is not None:
            return _publish(deps, changed)
        deps.clock.sleep(PAUSE_SECONDS)
    raise ConflictError("The connection is being refreshed. Repeat the request.")


def _prepare_publication(
    deps: RefreshDependencies, row: Connection, wanted: PublicationMode, minimum: int
) -> None:
    if wanted is not PublicationMode.SECRETS_MANAGER:
        return
    lifetime = lifetime_seconds(row.issued_at, row.expires_at)
    if lifetime < minimum:
        raise InvalidInputError(
            f"publication: the provider's tokens live {int(lifetime)} s, and tokens that live under {minimum} s are served by the API only."
        )
    deps.publisher.create_empty(row.key)


def _plan(deps: RefreshDependencies, row: Connection, policy: RefreshPolicy) -> datetime | None:
    if row.status is not ConnectionStatus.ACTIVE or row.sealed is None or policy is row.policy:
        return row.refresh_at
    provider = deps.directory.get_ready(row.registration_id).provider
    deps.sealer.make_ready(row.tenant_id, row.sealed.key_id)
    purpose = token_set_purpose(row.connection_id, row.epoch, row.generation)
    token_set = decode_token_set(deps.sealer.open(row.tenant_id, purpose, row.sealed))
    # Whether the last refresh moved the end of the refresh token is not known any more: it is taken to have.
    return plan_renewal(provider, replace(row, refresh_token_expires_at=None), token_set, policy=policy)


def _publish(deps: RefreshDependencies, row: Connection) -> Connection:
    """Publish now if it can be done; the row says what is still owed."""
    try:
        publish_connection(deps.publishing, row)
    except EvertokenError as error:
        if not error.retryable:
            raise
    return row
