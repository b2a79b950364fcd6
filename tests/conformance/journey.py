"""What every entry goes through: connect, refresh, refresh again, hear each error, die, be revoked; by each grant and each client authentication."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from evertoken.domain.connection import Connection, ConnectionStatus
from evertoken.domain.errors import EvertokenError, InvalidInputError
from evertoken.usecases.receive_callback import CallbackStatus
from evertoken.usecases.refresh_attempt import RefreshResult, RefreshResultKind
from tests.conformance.connecting import connect, refuse_consent
from tests.conformance.entry_document import CONNECTING, RUNS_AGAIN, Entry
from tests.conformance.expectation import NotConformingError, expect
from tests.conformance.grants import Grant
from tests.conformance.truth import check_row
from tests.conformance.world import Trial, World

REFRESHES = 2
QUIET_SECONDS = 31
"""How old a token must be before it is refreshed because somebody asks."""


def renewing_operation(entry: Entry, grant: str) -> str | None:
    """The operation that renews what *grant* brought, or None."""
    if entry.comes_with_refresh_token(grant):
        return "refresh"
    if grant in RUNS_AGAIN:
        return CONNECTING[grant]
    return "refresh" if entry.credential == "access_token" else None


def run_journey(trial: Trial) -> None:
    """Walk the whole way by every grant. Raises NotConformingError with the server's reasons."""
    for grant in trial.entry.grants:
        if grant in CONNECTING:
            walk(trial, grant)
    if trial.entry.fact("lifecycle.stage") == "retired":
        refuse_retired(trial)
    for method in trial.entry.methods[1:]:
        with explained(trial, f"authenticating by {method}", method) as world:
            row = connect(world, first_grant(trial.entry))
            refresh(world, row, first_grant(trial.entry))


def first_grant(entry: Entry) -> str:
    return next(grant for grant in entry.grants if grant in CONNECTING)


def walk(trial: Trial, grant: str) -> None:
    """One grant from its first token set to its end."""
    with explained(trial, grant) as world:
        row = connect(world, grant)
        check_row(world, row, latest(world))
        for _ in range(REFRESHES):
            row = refresh(world, row, grant)
        world.server.issuing.says_expiry = False
        refresh(world, row, grant)
    with explained(trial, f"{grant}, disconnected") as world:
        disconnect(world, connect(world, grant), latest(world))
    if renewing_operation(trial.entry, grant) == "refresh":
        with explained(trial, f"{grant}, its end") as world:
            let_it_die(world, connect(world, grant), grant)
    if grant == "authorization_code" and trial.entry.fact("requests.authorization") is None:
        with explained(trial, "a user who says no") as world:
            status = refuse_consent(world)
            expect(status is CallbackStatus.DENIED, f"the callback ended as {status}")


def refuse_retired(trial: Trial) -> None:
    """Nobody is connected to a provider that is over, and the message says what came after it."""
    with explained(replace(trial, keeps_lifecycle=True), "a provider that is over") as world:
        try:
            connect(world, first_grant(trial.entry))
        except InvalidInputError as error:
            successor = trial.entry.fact("lifecycle.successor", "")
            expect(successor in str(error), f"the refusal does not name {successor}: {error}")
        else:
            expect(False, "a provider that is over was connected to")
        expect(not world.server.seen, "a provider that is over was asked for something")


def latest(world: World) -> Grant:
    assert world.server.grants.latest is not None
    return world.server.grants.latest


def renew(world: World, row: Connection) -> RefreshResult:
    """Let time go by until the plan, and have the worker look; without a plan somebody asks."""
    if row.refresh_at is not None:
        world.clock.advance_to(row.refresh_at)
        return world.service.attend(row)
    world.clock.advance(max(QUIET_SECONDS, world.server.entry.fact("refresh.minimum_age_seconds", 0)))
    return world.service.attend(row, asked=True)


def refresh(world: World, row: Connection, grant: str) -> Connection:
    """One refresh that must succeed, or, where nothing renews the grant, none at all."""
    before = len(world.server.seen)
    result = renew(world, row)
    operation = renewing_operation(world.server.entry, grant)
    if operation is None:
        expect(len(world.server.seen) == before, "the provider was asked although nothing renews this grant")
        return row
    expect(result.kind is RefreshResultKind.REFRESHED, f"the refresh ended as {result.kind}{_why(result)}")
    expect(
        world.server.seen[before].operation == operation,
        f"{operation} was due, not {world.server.seen[before].operation}",
    )
    assert result.connection is not None
    check_row(world, result.connection, latest(world))
    return result.connection


def let_it_die(world: World, row: Connection, grant: str) -> None:
    """The user takes the grant back at the provider: the next refresh says so, and then nothing is asked any more."""
    row = refresh(world, row, grant)
    latest(world).end()
    result = renew(world, row)
    if grant in RUNS_AGAIN:
        expect(
            result.kind is RefreshResultKind.REFRESHED,
            f"the grant was not run again: {result.kind}{_why(result)}",
        )
        return
    expect(
        result.kind is RefreshResultKind.REAUTHORIZATION_REQUIRED,
        f"a dead grant ended as {result.kind}{_why(result)}",
    )
    row = world.service.store.get(row.key)
    expect(
        row.status is ConnectionStatus.REAUTHORIZATION_REQUIRED,
        f"the connection of a dead grant is {row.status}",
    )
    asked = len(world.server.seen)
    world.clock.advance(86_400)
    world.service.attend(row, asked=True)
    expect(len(world.server.seen) == asked, "a dead grant was refreshed again")


def disconnect(world: World, row: Connection, grant: Grant) -> None:
    """The tenant disconnects: the provider is told where it can be."""
    world.service.disconnect(row)
    told = [seen for seen in world.server.seen if seen.operation == "revocation"]
    expect(not world.server.refusals, "the server refused the revocation")
    entry = world.server.entry
    if not entry.takes_revocations:
        expect(not told, "a revocation was sent to a provider that takes none")
        return
    if entry.fact("revocation.token") == "refresh_token" and not grant.refresh:
        return
    expect(told, "the provider was not told that the grant is over")
    if entry.fact("revocation.ends_grant", True):
        expect(grant.is_dead, "the revocation did not end the grant")


@contextmanager
def explained(trial: Trial, step: str, method: str | None = None) -> Iterator[World]:
    """A world whose failures say at which step, and what the server had refused; nothing that was refused or broken goes unnoticed."""
    with trial.world(method) as world:
        server = world.server
        try:
            yield world
        except (AssertionError, EvertokenError) as error:
            reasons = " ".join(server.refusals + server.violations)
            raise NotConformingError(f"{step}: {type(error).__name__}: {error} {reasons}".strip()) from error
        expect(not server.refusals, f"{step}: {' '.join(server.refusals)}")
        expect(not server.violations, f"{step}: {'; '.join(server.violations)}")


def _why(result: RefreshResult) -> str:
    return "" if result.failure is None else f" ({result.failure.kind} {result.failure.code})"
