"""From a token set that a provider has just issued to a stored and published connection: a new one, or an account's old one again.

Everything that can fail comes before the request to the provider (`prepare_target`); after it there is one conditional write.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from evertoken.domain.connection import (
    Connection,
    ConnectionKey,
    ConnectionStatus,
    PublicationMode,
    RefreshPolicy,
)
from evertoken.domain.errors import ConflictError, EvertokenError, StoreUnavailableError
from evertoken.domain.origin import Origin, Trigger
from evertoken.domain.outcome import Issued
from evertoken.domain.ready_client import ReadyClient
from evertoken.domain.schedule import LAZY_LIFETIME_SECONDS, lifetime_seconds
from evertoken.domain.token_set import TokenSet
from evertoken.ports import (
    CommitAccepted,
    CommitSuperseded,
    FirstConnect,
)
from evertoken.protocol.account import find_account
from evertoken.usecases.commit_token_set import prepare_commit
from evertoken.usecases.connect_notices import find_notices
from evertoken.usecases.connection_wish import ConnectionWish
from evertoken.usecases.fill_parameters import fill_whole, take_answer_values
from evertoken.usecases.invocation import Invocation
from evertoken.usecases.prepare_target import (
    EstablishDependencies,
    Target,
    create_row,
    find_account_row,
    find_parameter_account,
)
from evertoken.usecases.publish_connection import PublishDependencies, publish_connection

TRIES = 3
"""How often two connects of one account may pass each other before the caller is asked to start again."""

STORE_CALL_SECONDS = 6
"""How long one call to the store may take, the SDK's own repetition included: no call is begun that the platform would cut off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EstablishedConnection:
    """The connection as stored, and what its caller should know about it."""

    connection: Connection
    notices: tuple[str, ...] = ()


def establish_connection(
    deps: EstablishDependencies,
    client: ReadyClient,
    target: Target,
    issued: Issued,
    *,
    invocation: Invocation,
) -> EstablishedConnection:
    """Store the token set with the connection of its account, and publish it.

    *client* is the registration as the directory has it; what it leaves open is filled with the parameters in the token set's context and what the
    answer says. The account is what the provider's answer says, else the caller's label, else the user. An account that has a connection keeps its id.

    Raises:
        ProviderRefusedError: the answer names a template parameter that the entry does not admit, or leaves one open.
        StoreUnavailableError: the write was not acknowledged until the time was over; it may have happened.
        ConflictError: other connects of the same account kept passing this one.
    """
    ready, token_set = _complete(client, issued.token_set)
    account = (
        find_account(ready.provider, token_set)
        or find_parameter_account(ready, token_set.context.parameters)
        or target.wish.account
        or target.wish.user_id
    )
    for _ in range(TRIES):
        row = _row_of(deps, ready, target, account)
        publication, notice = _choose_publication(deps, row, target, token_set)
        connect = _first_connect(
            deps,
            ready,
            target.wish,
            row,
            account=account,
            publication=publication,
            token_set=token_set,
            origin=invocation.caused_by(Trigger.CONNECT),
        )
        result = _connect(deps, connect, invocation)
        if isinstance(result, CommitAccepted):
            notices = [] if notice is None else [notice]
            if not _publish(deps, result.connection, token_set):
                notices.append("The publication to Secrets Manager is not done yet; it follows by itself.")
            notices += find_notices(ready.provider, token_set)
            return EstablishedConnection(connection=result.connection, notices=tuple(notices))
    raise ConflictError(
        "Another authorization of the same account was completed at the same time. Start again."
    )


def _complete(client: ReadyClient, token_set: TokenSet) -> tuple[ReadyClient, TokenSet]:
    """Return the client with nothing left to fill, and the token set with all that its later requests are filled with."""
    values = {**token_set.context.parameters, **take_answer_values(client.provider, token_set.extra)}
    ready = fill_whole(client, values)
    return ready, replace(token_set, context=replace(token_set.context, parameters=values))


def _row_of(deps: EstablishDependencies, ready: ReadyClient, target: Target, account: str) -> Connection:
    row = find_account_row(deps, ready, target.wish, account)
    if row is not None:
        return row
    own = ConnectionKey(tenant_id=target.wish.tenant_id, connection_id=target.connection_id)
    return deps.store.find(own) or create_row(deps, ready, target.wish, target.connection_id)


def _choose_publication(
    deps: EstablishDependencies, row: Connection, target: Target, token_set: TokenSet
) -> tuple[PublicationMode, str | None]:
    """Return where readers will find the token, and why when it is not where they were promised."""
    wanted = target.wish.publication or row.publication
    if wanted is PublicationMode.API_ONLY:
        return wanted, None
    minimum = deps.minimum_published_lifetime_seconds
    lifetime = lifetime_seconds(token_set.issued_at, token_set.expires_at)
    if lifetime < minimum:
        return PublicationMode.API_ONLY, (
            f"publication is api_only: the provider's tokens live {int(lifetime)} s, and tokens that live under {minimum} s are "
            "not published to Secrets Manager."
        )
    has_secret = row.key == target.row.key or row.status is not ConnectionStatus.CONNECTING
    if row.publication is PublicationMode.SECRETS_MANAGER and has_secret:
        return wanted, None
    try:
        deps.publisher.create_empty(row.key)
    except EvertokenError as error:
        if not error.retryable:
            raise
        return PublicationMode.API_ONLY, (
            "publication is api_only: Secrets Manager could not be reached. Change it with PATCH /v1/connections/{id}."
        )
    return wanted, None


def _first_connect(
    deps: EstablishDependencies,
    ready: ReadyClient,
    wish: ConnectionWish,
    row: Connection,
    *,
    account: str,
    publication: PublicationMode,
    token_set: TokenSet,
    origin: Origin,
) -> FirstConnect:
    """Return the write; the token set is sealed under the epoch and generation that the row will have after it."""
    policy = wish.policy or _default_policy(row, token_set)
    requested = " ".join(wish.scopes_at(ready))
    after = replace(row, epoch=row.epoch + 1, policy=policy, scope=requested, missing_scope="")
    commit = prepare_commit(
        deps.sealer,
        after,
        token_set,
        provider=ready.provider,
        owner=deps.randomness.token(128),
        clock=deps.clock,
        consent_notice_days=deps.consent_notice_days,
    )
    return FirstConnect(
        connection=row,
        provider_id=ready.provider.provider_id,
        registration_id=ready.registration.registration_id,
        binding=ready.binding,
        account=account,
        name=wish.name or row.name,
        display_name=wish.display_name or row.display_name,
        policy=policy,
        publication=publication,
        commit=replace(commit, epoch=row.epoch),
        origin=origin,
    )


def _connect(
    deps: EstablishDependencies, connect: FirstConnect, invocation: Invocation
) -> CommitAccepted | CommitSuperseded:
    """Write until the store acknowledges: the repeated write recognises itself, and the code cannot be redeemed twice."""
    pause = 0.05
    while True:
        try:
            return deps.store.connect(connect)
        except StoreUnavailableError:
            if invocation.remaining_seconds(deps.clock) <= pause + STORE_CALL_SECONDS:
                raise
            deps.clock.sleep(pause * (0.5 + deps.randomness.fraction()))
            pause = min(pause * 2, 1.0)


def _publish(deps: EstablishDependencies, connection: Connection, token_set: TokenSet) -> bool:
    publishing = PublishDependencies(
        store=deps.store, publisher=deps.publisher, sealer=deps.sealer, clock=deps.clock
    )
    try:
        publish_connection(publishing, connection, token_set=token_set)
    except EvertokenError as error:
        if not error.retryable:
            raise
        return False
    return True


def _default_policy(row: Connection, token_set: TokenSet) -> RefreshPolicy:
    """Return what nobody chose: a reconnect keeps its policy; short-lived tokens are refreshed when they are read."""
    if row.status is not ConnectionStatus.CONNECTING:
        return row.policy
    is_short = lifetime_seconds(token_set.issued_at, token_set.expires_at) <= LAZY_LIFETIME_SECONDS
    return RefreshPolicy.LAZY if is_short else RefreshPolicy.SCHEDULED
