"""A connection whose refresh is due, and the short words for asking for it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from evertoken.domain.hint import Hint
from evertoken.usecases.refresh_attempt import RefreshReason, RefreshResult
from evertoken.usecases.refresh_connection import refresh_connection
from tests.simulation.numbered import Fault, Numbered, disturb
from tests.simulation.world import KEY, World, build_world


def hint_of(world: World, **changes: Any) -> Hint:
    row = world.row
    hint = Hint(
        key=row.key,
        epoch=row.epoch,
        generation=row.generation,
        provider_id=row.provider_id,
        registration_id=row.registration_id,
        key_id=row.sealed.key_id if row.sealed else "",
    )
    return replace(hint, **changes)


def due_world(kind: str = "strict_kill", **profile: Any) -> World:
    world = build_world(kind, **profile)
    world.connect()
    assert world.row.refresh_at is not None
    world.clock.advance_to(world.row.refresh_at)
    return world


def demand(world: World, **changes: Any) -> RefreshResult:
    arguments: dict[str, Any] = {"reason": RefreshReason.MANUAL, "invocation": world.invocation()}
    return refresh_connection(world.refreshing(), KEY, **(arguments | changes))


def posts(world: World) -> int:
    return len(world.twin.ledger.find_requests())


def with_faults(world: World, port: str, faults: dict[str, list[Fault]]) -> Any:
    """What a process has whose calls of these methods meet these faults, one after another."""
    left = {method: list(plan) for method, plan in faults.items()}

    def gate(name: str, method: str, effect: Any) -> Any:
        plan = left.get(method)
        return disturb(plan.pop(0) if plan else None, name, effect)

    deps = world.refreshing()
    target = getattr(deps, port)
    numbered: dict[str, Any] = {port: Numbered(port, target, gate)}
    return replace(deps, **numbered)
