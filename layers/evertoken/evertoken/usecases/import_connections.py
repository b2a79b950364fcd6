"""Take over token sets that were obtained elsewhere: each row by itself, so that a bad one harms no good one."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta

from evertoken.domain.connection import Connection, ConnectionKey
from evertoken.domain.errors import EvertokenError, InvalidInputError, StoreUnavailableError
from evertoken.domain.import_row import ImportResult, ImportRow, ImportStatus
from evertoken.domain.origin import Origin, Trigger
from evertoken.domain.ready_client import ReadyClient
from evertoken.ports import (
    ClientDirectory,
    Clock,
    ConnectionStore,
    Randomness,
    RegistrationStore,
    TokenSealer,
)
from evertoken.usecases.choose_registration import choose_registration
from evertoken.usecases.connection_wish import ConnectionWish
from evertoken.usecases.establish_connection import STORE_CALL_SECONDS
from evertoken.usecases.invocation import Invocation
from evertoken.usecases.prepare_import import prepare_import
from evertoken.usecases.scan_due import TICK_SECONDS

PARALLEL = 16
"""As many writes at a time as the SDK keeps connections for."""
PUBLICATIONS_PER_SECOND = 25
"""Each first publication makes a secret and writes it, and an account has 50 writes a second (Secrets Manager quotas, read 2026-11-21)."""
TRIES = 3
PAUSE_SECONDS = 0.2
"""How long a write that was not acknowledged waits for its repetition, which recognises itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportDependencies:
    """What importing needs."""

    registrations: RegistrationStore
    directory: ClientDirectory
    store: ConnectionStore
    sealer: TokenSealer
    clock: Clock
    randomness: Randomness
    minimum_published_lifetime_seconds: int
    consent_notice_days: int


@dataclass(slots=True)
class _Clients:
    """The client registrations of one import, each made ready once, or why it cannot be."""

    deps: ImportDependencies
    tenant_id: str
    ready: dict[tuple[str, str | None], ReadyClient | EvertokenError] = field(default_factory=dict)

    def get(self, row: ImportRow) -> ReadyClient:
        name = (row.provider_id, row.registration_id)
        if name not in self.ready:
            self.ready[name] = self._find(row)
        found = self.ready[name]
        if isinstance(found, EvertokenError):
            raise found
        return found

    def _find(self, row: ImportRow) -> ReadyClient | EvertokenError:
        wish = ConnectionWish(
            tenant_id=self.tenant_id,
            provider_id=row.provider_id,
            registration_id=row.registration_id,
            user_id=row.user_id,
        )
        deps = self.deps
        try:
            return choose_registration(
                deps.directory,
                deps.registrations,
                wish,
                None,
                minimum_published_lifetime_seconds=deps.minimum_published_lifetime_seconds,
            )
        except EvertokenError as error:
            return error


def import_connections(
    deps: ImportDependencies,
    tenant_id: str,
    rows: Sequence[ImportRow | InvalidInputError],
    *,
    invocation: Invocation,
) -> tuple[ImportResult, ...]:
    """Write every good one of *rows* and return a result for each, in their order; a row that could not be read is given as its error.

    Repeating it is harmless: an account that has a connection is reported and left as it is. Of several rows of one account the first comes in. What is
    written becomes due at the pace at which Secrets Manager takes first publications.

    Raises:
        VaultSealedError: the tenant's data key cannot be had; nothing was written.
    """
    deps.sealer.make_ready(tenant_id)
    clients = _Clients(deps, tenant_id)
    prepared = _prepare(clients, rows, origin=invocation.caused_by(Trigger.IMPORT))

    def write(position: int) -> tuple[int, ConnectionKey | EvertokenError]:
        one = prepared[position]
        return position, one if isinstance(one, EvertokenError) else _write(deps, one, invocation)

    written: dict[int, ConnectionKey | EvertokenError] = {}
    with ThreadPoolExecutor(max_workers=PARALLEL) as pool:
        for positions in _first_and_again(prepared):
            written.update(pool.map(write, positions))
    return tuple(_result(position, one, written[position]) for position, one in enumerate(prepared))


def slot_seconds(position: int) -> float:
    """Return how long after the import what is owed at once becomes due, for the *position*-th good row.

    A second's worth at once. The others follow when the scanner has come round, which gives each hint the delay to its own instant: what is overdue
    when it comes is hinted at without any, all together.
    """
    later = position - PUBLICATIONS_PER_SECOND
    return 0.0 if later < 0 else TICK_SECONDS + later / PUBLICATIONS_PER_SECOND


def _prepare(
    clients: _Clients, rows: Sequence[ImportRow | InvalidInputError], *, origin: Origin
) -> list[Connection | EvertokenError]:
    deps, prepared = clients.deps, list[Connection | EvertokenError]()
    begin, good = deps.clock.now(), 0
    for row in rows:
        try:
            if isinstance(row, InvalidInputError):
                raise row
            connection = prepare_import(
                clients.get(row),
                row,
                tenant_id=clients.tenant_id,
                slot=begin + timedelta(seconds=slot_seconds(good)),
                minimum_published_lifetime_seconds=deps.minimum_published_lifetime_seconds,
                consent_notice_days=deps.consent_notice_days,
                sealer=deps.sealer,
                clock=deps.clock,
                randomness=deps.randomness,
                origin=origin,
            )
        except EvertokenError as error:
            prepared.append(error)
        else:
            prepared.append(connection)
            good += 1
    return prepared


def _first_and_again(prepared: Sequence[Connection | EvertokenError]) -> tuple[list[int], list[int]]:
    """Return the positions of the rows, those of an account that an earlier row has apart: which of two comes in must not be a race."""
    first, again, seen = list[int](), list[int](), set[tuple[str, str, str]]()
    for position, one in enumerate(prepared):
        if isinstance(one, EvertokenError):
            first.append(position)
            continue
        account = (one.user_id, one.registration_id, one.account)
        (again if account in seen else first).append(position)
        seen.add(account)
    return first, again


def _write(
    deps: ImportDependencies, connection: Connection, invocation: Invocation
) -> ConnectionKey | StoreUnavailableError:
    """Write until the store acknowledges: the repeated write recognises itself."""
    for _ in range(TRIES):
        if invocation.remaining_seconds(deps.clock) < STORE_CALL_SECONDS:
            break
        try:
            return deps.store.import_connection(connection)
        except StoreUnavailableError:
            deps.clock.sleep(PAUSE_SECONDS * (0.5 + deps.randomness.fraction()))
    return StoreUnavailableError(
        "The store did not acknowledge this row in time. Send the row again: if it was written, it is reported as existing."
    )


def _result(
    position: int, prepared: Connection | EvertokenError, outcome: ConnectionKey | EvertokenError
) -> ImportResult:
    if isinstance(outcome, EvertokenError):
        return ImportResult(
            position=position, status=ImportStatus.FAILED, code=outcome.code, message=outcome.message
        )
    is_new = isinstance(prepared, Connection) and outcome == prepared.key
    return ImportResult(
        position=position,
        status=ImportStatus.IMPORTED if is_new else ImportStatus.EXISTS,
        connection_id=outcome.connection_id,
    )
