"""Every port call of the real use cases is disturbed in every way, one by one and in pairs, and the service mends itself."""

from __future__ import annotations

import inspect
import random
from typing import Any, get_type_hints

import pytest

from evertoken import ports
from evertoken.usecases.prepare_target import EstablishDependencies
from evertoken.usecases.read_token import ReadDependencies
from evertoken.usecases.refresh_attempt import RefreshDependencies
from evertoken.usecases.scan_due import ScanDependencies
from tests.simulation.enumeration import Scenario, at, no_fault, run_plan, single_plans
from tests.simulation.numbered import FAULTS, Fault
from tests.simulation.scenarios import SCENARIOS, SESSION_SCENARIOS
from tests.simulation.world import KINDS, SESSION_KIND

PAIRS = 40
NEVER_FAILS = {ports.Clock, ports.Randomness}
ENUMERATED_ELSEWHERE = {("store", "import_connection")}
"""An import makes its own connections: tests/usecases/test_importing.py fails each of its calls."""
ONLY_READS = {("store", "list_by_tenant")}
"""The control plane's lists: they change nothing, so nothing can be lost in them."""


def _name(scenario: Scenario) -> str:
    return scenario.name


@pytest.mark.parametrize("scenario", SCENARIOS, ids=_name)
@pytest.mark.parametrize("kind", KINDS)
def test_one_fault_at_any_call_loses_nothing_outside_the_stated_window(kind: str, scenario: Scenario) -> None:
    calls = run_plan(kind, scenario, no_fault).calls
    assert len(calls) > 4
    for plan in single_plans(calls):
        _run(kind, scenario, plan)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=_name)
@pytest.mark.parametrize("kind", KINDS)
def test_two_faults_lose_nothing_outside_the_stated_window(kind: str, scenario: Scenario) -> None:
    chance = random.Random(f"{kind} {scenario.name}")
    calls = len(run_plan(kind, scenario, no_fault).calls)
    for _ in range(PAIRS):
        first = chance.randrange(calls)
        second = first + 1 + chance.randrange(12)
        _run(kind, scenario, {first: chance.choice(list(Fault)), second: chance.choice(list(Fault))})


@pytest.mark.parametrize("scenario", SESSION_SCENARIOS, ids=_name)
def test_a_grant_that_can_run_again_is_never_lost(scenario: Scenario) -> None:
    calls = run_plan(SESSION_KIND, scenario, no_fault).calls
    for plan in single_plans(calls):
        assert not _run(SESSION_KIND, scenario, plan)
    chance = random.Random(scenario.name)
    for _ in range(PAIRS):
        first = chance.randrange(len(calls))
        second = first + 1 + chance.randrange(12)
        plan = {first: chance.choice(list(Fault)), second: chance.choice(list(Fault))}
        assert not _run(SESSION_KIND, scenario, plan)


def test_every_method_of_every_port_has_a_number() -> None:
    fields: dict[str, Any] = {}
    for dependencies in (RefreshDependencies, ScanDependencies, ReadDependencies, EstablishDependencies):
        fields |= get_type_hints(dependencies)
    used = {name: kind for name, kind in fields.items() if getattr(kind, "_is_protocol", False)}
    expected = {
        name: {
            method for method, _ in inspect.getmembers(kind, inspect.isfunction) if not method.startswith("_")
        }
        for name, kind in used.items()
        if kind not in NEVER_FAILS
    }
    assert {port: set(methods) for port, methods in FAULTS.items()} == expected


def test_the_scenarios_and_their_repair_make_every_call_that_has_a_number() -> None:
    made: set[tuple[str, str]] = set()
    for scenario in SCENARIOS:
        calls = run_plan("static", scenario, no_fault).calls
        made |= set(calls)
        for plan in single_plans(calls):
            made |= set(run_plan("static", scenario, at(plan)).calls)
    numbered = {(port, method) for port, methods in FAULTS.items() for method in methods}
    assert made == numbered - ONLY_READS - ENUMERATED_ELSEWHERE


def test_the_stated_window_is_met_where_the_provider_is_strict_and_never_elsewhere() -> None:
    scenario = SCENARIOS[0]
    lost = dict.fromkeys(KINDS, 0)
    for kind in KINDS:
        for plan in single_plans(run_plan(kind, scenario, no_fault).calls):
            lost[kind] += _run(kind, scenario, plan)
    assert lost["static"] == lost["grace"] == 0
    # After the request, around the sealing, and before the write: crashes; and the answer that was lost.
    assert lost["strict"] == lost["strict_kill"] == 5


def _run(kind: str, scenario: Scenario, plan: dict[int, Fault]) -> bool:
    try:
        return run_plan(kind, scenario, at(plan)).oracle.lost
    except AssertionError as error:
        error.add_note(f"plan: {plan} in {scenario.name!r} at a {kind} provider")
        raise
