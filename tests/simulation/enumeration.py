"""Runs a scenario with a plan of faults, lets the service repair itself, and asks the oracle."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from evertoken.domain.errors import EvertokenError
from tests.simulation import service
from tests.simulation.numbered import FAULTS, Fault, Killed, disturb
from tests.simulation.oracle import Oracle
from tests.simulation.world import World, build_world

Choose = Callable[[int, str, str], Fault | None]
"""Given number, port and method of a call: what happens to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """What happens while calls are numbered: *act* may be killed at any of them."""

    name: str
    prepare: Callable[[World], None]
    act: Callable[[World], None]
    after: Callable[[World, Oracle], None] = lambda world, oracle: None
    repair_seconds: float = 3000


@dataclass(slots=True, kw_only=True)
class Run:
    """A run that is over: the calls by number, and what happened."""

    world: World
    calls: list[tuple[str, str]] = field(default_factory=list)
    oracle: Oracle


def run_plan(kind: str, scenario: Scenario, choose: Choose) -> Run:
    """Run *scenario* once. Raises AssertionError where an invariant breaks."""
    world = build_world(kind)
    run = Run(world=world, oracle=Oracle(world))
    is_numbered = False

    def gate(port: str, method: str, effect: Callable[[], Any]) -> Any:
        fault = None
        if is_numbered:
            fault = choose(len(run.calls), port, method)
            run.calls.append((port, method))
        try:
            return disturb(fault, port, effect)
        finally:
            # Before the next step, because a fault counts by what was durable when it struck.
            run.oracle.observe()
            run.oracle.note_fault(port, method, fault)

    world.gate = gate
    scenario.prepare(world)
    run.oracle.observe()
    is_numbered = True
    try:
        scenario.act(world)
    except Killed:
        pass
    except EvertokenError as error:
        run.oracle.check_said(str(error))
    is_numbered = False
    service.run(world, scenario.repair_seconds, run.oracle.observe_repair)
    run.oracle.settle()
    scenario.after(world, run.oracle)
    return run


def no_fault(number: int, port: str, method: str) -> Fault | None:
    """Disturb nothing."""
    del number, port, method
    return None


def at(plan: Mapping[int, Fault]) -> Choose:
    """Disturb the calls of these numbers, as far as such a fault can meet them."""

    def choose(number: int, port: str, method: str) -> Fault | None:
        fault = plan.get(number)
        return fault if fault in FAULTS[port][method] else None

    return choose


def single_plans(calls: list[tuple[str, str]]) -> list[dict[int, Fault]]:
    """Every fault at every call; of a call that is repeated over and over only at the first, the second and the last."""
    return [
        {number: fault}
        for number, (port, method) in enumerate(calls)
        if calls[max(number - 2, 0) : number + 2].count((port, method)) < 4
        for fault in FAULTS[port][method]
    ]
