"""Schedules tick every second, and a one-time schedule that has fired does not fire again after a restart."""

# ruff: noqa: SLF001 - the emulator has no public way to these
from __future__ import annotations

from typing import Any

from local.emulator.patching import get_module, replace

TICK_SECONDS = 1
STATE_KEY = "strict_last_fired"


def apply() -> None:
    """Shorten the tick and keep the firing times with the rest of the state."""
    scheduler = get_module("services.scheduler")

    def save(original: Any) -> Any:
        def get_state() -> dict[str, Any]:
            fired = [[list(key), at] for key, at in scheduler._schedule_last_fired.items()]
            return {**original(), STATE_KEY: fired}

        return get_state

    def load(original: Any) -> Any:
        def load_persisted_state(data: dict[str, Any]) -> None:
            original(data)
            scheduler._schedule_last_fired.update({tuple(key): at for key, at in data.get(STATE_KEY, [])})

        return load_persisted_state

    replace(scheduler, "_schedule_last_fired", lambda original: original)
    replace(scheduler, "_SCHEDULE_TICK_INTERVAL", lambda _: TICK_SECONDS)
    replace(scheduler, "get_state", save)
    replace(scheduler, "load_persisted_state", load)
