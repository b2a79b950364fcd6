"""What is run under a mutant: the scenarios with every single fault, random schedules, and a few stories of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import timedelta

from evertoken.usecases.attend_connection import attend_connection
from evertoken.usecases.refresh_attempt import RefreshReason, RefreshResultKind
from evertoken.usecases.refresh_connection import refresh_connection
from tests.fakes.provider_transport import SessionEndpoint
from tests.simulation import service
from tests.simulation.enumeration import Scenario, at, no_fault, run_plan, single_plans
from tests.simulation.numbered import Killed
from tests.simulation.random_schedule import RandomSchedule
from tests.simulation.scenarios import SCENARIOS, SESSION_SCENARIOS
from tests.simulation.world import KEY, KINDS, SESSION_KIND, World, build_world
from tests.support.provider_faults import throttled
from tests.usecases.due_world import due_world, hint_of

SCHEDULES = 3000
SESSIONS = "sessions: "
"""How the name of a probe begins that runs a scenario where the grant can run again."""


def enumerate_faults(scenario: Scenario, kinds: Iterable[str] = KINDS) -> None:
    """A scenario with every single fault, at every kind of provider, until something breaks."""
    for kind in kinds:
        for plan in single_plans(run_plan(kind, scenario, no_fault).calls):
            run_plan(kind, scenario, at(plan))


def run_random_schedules() -> None:
    for seed in range(SCHEDULES):
        RandomSchedule(seed).run()


def _refuse_a_loser(world: World) -> RefreshResultKind:
    """A worker that outlived its lease is refused, because another has committed the successor meanwhile."""
    slow, real = world.refreshing(), world.transport.send

    def send(*args: object, **kwargs: object) -> object:
        world.transport.send = real  # type: ignore[method-assign]
        world.clock.advance(61)
        world.store._write(replace(world.row, open_attempts=0))
        attend_connection(world.refreshing(), hint_of(world), invocation=world.invocation())
        return real(*args, **kwargs)  # type: ignore[arg-type]

    world.transport.send = send  # type: ignore[assignment, method-assign]
    invocation = world.invocation(200)
    return refresh_connection(slow, KEY, reason=RefreshReason.MANUAL, invocation=invocation).kind


def refused_loser() -> None:
    world = due_world("strict")
    assert _refuse_a_loser(world) is RefreshResultKind.SUPERSEDED, "the winner's token is the answer"


def refused_loser_without_a_second_look() -> None:
    """The second look itself is too early: the winner commits between it and the verdict."""
    world = due_world("strict")
    stale = world.row
    real_find, real_verdict = world.store.find, world.store.record_verdict
    world.store.find = lambda key: stale  # type: ignore[method-assign]

    def record(*args: object, **kwargs: object) -> bool:
        world.store.find = real_find  # type: ignore[method-assign]
        return real_verdict(*args, **kwargs)  # type: ignore[arg-type]

    world.store.record_verdict = record  # type: ignore[method-assign]
    world.store.get = real_find  # type: ignore[method-assign, assignment]
    _refuse_a_loser(world)
    assert world.row.status.value == "active", "a winner was declared dead"


def late_tokens() -> None:
    scenario = next(one for one in SCENARIOS if one.name == "success after a disconnect")
    world = run_plan("strict", scenario, no_fault).world
    tokens = [token for token in world.twin.ledger.tokens.values() if token.kind == "refresh"]
    assert world.twin.ledger.find_requests("revoke", presented=tokens[-1].value), (
        "the newest token is not revoked"
    )


def cool_down() -> None:
    world = due_world()
    world.twin.script.add(throttled("600"))
    for _ in range(3):
        refresh_connection(
            world.refreshing(), KEY, reason=RefreshReason.MANUAL, invocation=world.invocation()
        )
    assert len(world.twin.ledger.find_requests()) == 1, "the provider was asked within the cool-down"


def short_tokens() -> None:
    world = build_world("static", access_token_seconds=120)
    world.clock.advance(17)
    world.connect()
    for _ in range(400):
        service.run(world, 7)
        assert world.row.lives_for(world.clock.now()) > 0, "expired"


def scan_that_died() -> None:
    world = due_world("static")
    calls = {"queue": 0}

    def gate(port: str, method: str, effect: Callable[[], object]) -> object:
        if port == "queue" and not calls["queue"]:
            calls["queue"] += 1
            raise Killed
        return effect()

    world.cursor.advance({0: world.clock.now()})
    world.clock.advance(60)
    due_at, set_at = world.clock.now() + timedelta(seconds=50), world.clock.now() - timedelta(seconds=30)
    world.store._write(replace(world.row, due_at=due_at), due_set_at=set_at)
    world.gate = gate
    service.scan(world)
    world.clock.advance(60)
    service.scan(world)
    assert world.queue.hints, "hints were lost"


def refused_login() -> None:
    world = build_world(SESSION_KIND)
    world.connect()
    session, token_set = world.transport.session, world.token_set()
    assert isinstance(session, SessionEndpoint)
    assert token_set is not None
    assert token_set.refresh_token is not None
    session.password = "another"
    world.twin.rules.end_grant(token_set.refresh_token)
    service.run(world, 7200)
    assert len(session.logins) == 1, "a login was refused, and once is enough: the user may be locked out"


PROBES: dict[str, Callable[[], None]] = {
    "random": run_random_schedules,
    "refused loser": refused_loser,
    "refused loser without a second look": refused_loser_without_a_second_look,
    "late tokens": late_tokens,
    "cool-down": cool_down,
    "short tokens": short_tokens,
    "scan that died": scan_that_died,
    "refused login": refused_login,
    **{scenario.name: (lambda one=scenario: enumerate_faults(one)) for scenario in SCENARIOS},  # type: ignore[misc]
    **{
        f"{SESSIONS}{one.name}": (lambda one=one: enumerate_faults(one, [SESSION_KIND]))  # type: ignore[misc]
        for one in SESSION_SCENARIOS
    },
}
