"""What goes wrong around a refresh that is right: its answer is lost, somebody asks too soon, it comes too late, nobody gives what has a default."""

from dataclasses import replace

from evertoken.domain.connection import Connection
from evertoken.usecases.refresh_attempt import RefreshResultKind
from tests.conformance.connecting import connect
from tests.conformance.entry_document import CONNECTING, RUNS_AGAIN, Entry
from tests.conformance.expectation import expect
from tests.conformance.grants import FOREVER
from tests.conformance.journey import (
    QUIET_SECONDS,
    explained,
    first_grant,
    latest,
    refresh,
    renew,
    renewing_operation,
)
from tests.conformance.truth import check_row
from tests.conformance.world import Trial, World

FORGIVING = ("static", "grace")
"""The kinds of rotation under which a refresh token that was sent may be sent again."""


def run_disturbances(trial: Trial) -> None:
    """Disturb one grant of the entry in every way that it has something to say about. Raises NotConformingError."""
    entry = trial.entry
    if any("default" in parameter for parameter in entry.document.get("parameters", {}).values()):
        with explained(replace(trial, leaves_out_defaults=True), "what has a default is left out") as world:
            refresh(world, connect(world, first_grant(entry)), first_grant(entry))
    grant = next(
        (one for one in entry.grants if one in CONNECTING and renewing_operation(entry, one) == "refresh"),
        None,
    )
    if grant is None:
        return
    with explained(trial, f"{grant}, an answer that is lost") as world:
        lose_answer(world, connect(world, grant), grant)
    if entry.fact("refresh.minimum_age_seconds") or entry.fact("refresh.window_seconds"):
        with explained(trial, f"{grant}, asked too soon") as world:
            ask_too_soon(world, connect(world, grant))
    if entry.fact("refresh.after_expiry", True) is False:
        with explained(trial, f"{grant}, looked at too late") as world:
            come_too_late(world, connect(world, grant), grant)


def is_forgiving(entry: Entry) -> bool:
    """Whether the entry says that what a refresh spends may be sent once more."""
    if entry.credential == "access_token":
        return entry.fact("rotation.kills_access_token") is not True
    return entry.is_verified("rotation") and entry.fact("rotation.kind") in FORGIVING


def lose_answer(world: World, row: Connection, grant: str) -> None:
    """The provider refreshes, and nobody hears it: repeated where that is harmless, else left alone while the access token lives."""
    server = world.server
    server.answers_to_lose = 1
    before = len(server.seen)
    result = renew(world, row)
    expect(not server.answers_to_lose, "no refresh was sent")
    if grant in RUNS_AGAIN:
        expect(result.kind is RefreshResultKind.REFRESHED, f"the grant was not run again: {result.kind}")
        expect(server.seen[-1].operation == CONNECTING[grant], "the refresh was sent again")
        return
    if is_forgiving(server.entry):
        if result.kind is not RefreshResultKind.REFRESHED and server.entry.fact("limits"):
            # Where requests must keep a distance, the repeat is an attempt of its own.
            result = renew(world, replace(row, refresh_at=world.service.store.get(row.key).due_at))
        expect(result.kind is RefreshResultKind.REFRESHED, f"the lost refresh ended as {result.kind}")
        assert result.connection is not None
        check_row(world, result.connection, latest(world))
        return
    expect(len(server.seen) == before + 1, "what may be spent was sent again while the access token lives")
    if server.entry.fact("rotation.kills_access_token") is not True:
        held = world.service.token_set(row).access_token
        read = world.service.read(world.service.store.get(row.key))
        expect(read.token_set.access_token == held, "a reader got another token than the one that lives")


def ask_too_soon(world: World, row: Connection) -> None:
    """A reader who cannot wait: the provider would refuse, so it is not asked."""
    before = len(world.server.seen)
    world.clock.advance(QUIET_SECONDS)
    world.service.attend(row, asked=True)
    expect(len(world.server.seen) == before, "the provider was asked before it renews the token")


def come_too_late(world: World, row: Connection, grant: str) -> None:
    """Nobody looked before the token's end: what has expired is not sent."""
    end = latest(world).access[-1].expires_at
    if end == FOREVER:
        return
    world.clock.advance(end - world.clock.seconds() + 1)
    before = len(world.server.seen)
    result = world.service.attend(row, asked=True)
    if grant in RUNS_AGAIN:
        expect(result.kind is RefreshResultKind.REFRESHED, f"the grant was not run again: {result.kind}")
        return
    expect(len(world.server.seen) == before, "an expired token was sent")
    expect(result.kind is RefreshResultKind.REAUTHORIZATION_REQUIRED, f"it ended as {result.kind}")
