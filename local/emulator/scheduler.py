"""Schedules tick every second, a one-time schedule that has fired does not fire again after a restart, and targets are told the planned time.

The schedules that tenants make may have a shorter minute, for tests that cannot wait for two: TENANT_MINUTE_SECONDS says how long it is. The scanner's
own schedule keeps its sixty seconds.
"""

# ruff: noqa: SLF001 - the emulator has no public way to these
from __future__ import annotations

import os
import re
import time
from datetime import UTC, datetime
from typing import Any

from local.emulator.patching import get_module, replace

TICK_SECONDS = 1
STATE_KEY = "strict_last_fired"
MINUTE = "TENANT_MINUTE_SECONDS"
TENANTS_GROUP = "-tenants"
SCHEDULED_TIME = "<aws.scheduler.scheduled-time>"


def apply() -> None:
    """Shorten the tick, keep the firing times with the rest of the state, and fill in what targets are told."""
    scheduler = get_module("services.scheduler")
    eventbridge = get_module("services.eventbridge")

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
    replace(eventbridge, "_invoke_target", _with_scheduled_time)
    minute = int(os.environ.get(MINUTE, "60"))
    if minute != 60:
        replace(scheduler, "_create_schedule", lambda original: _with_short_minutes(original, minute))
        replace(eventbridge, "_parse_rate_seconds", _with_rates_in_seconds)


def _with_scheduled_time(original: Any) -> Any:
    """Fill in the keyword that EventBridge Scheduler replaces in a target's input; the emulator leaves it as it is."""

    def invoke_target(target: dict[str, Any], event: dict[str, Any], *arguments: Any, **named: Any) -> Any:
        if event.get("Source") == "aws.scheduler" and SCHEDULED_TIME in (target.get("Input") or ""):
            at = datetime.fromtimestamp(float(event.get("Time") or time.time()), UTC)
            text = at.isoformat(timespec="seconds").replace("+00:00", "Z")
            target = {**target, "Input": target["Input"].replace(SCHEDULED_TIME, text)}
        return original(target, event, *arguments, **named)

    return invoke_target


def _with_short_minutes(original: Any, minute_seconds: int) -> Any:
    """Store a tenant's rate in seconds. Without its StartDate the emulator begins after one interval, as the StartDate says."""

    def create_schedule(name: str, body: dict[str, Any]) -> Any:
        rate = re.fullmatch(r"rate\((\d+) minutes?\)", str(body.get("ScheduleExpression")))
        if rate is not None and str(body.get("GroupName")).endswith(TENANTS_GROUP):
            body = {key: value for key, value in body.items() if key != "StartDate"}
            body["ScheduleExpression"] = f"rate({int(rate[1]) * minute_seconds} seconds)"
        return original(name, body)

    return create_schedule


def _with_rates_in_seconds(original: Any) -> Any:
    def parse_rate_seconds(expression: str) -> int | None:
        rate = re.fullmatch(r"rate\((\d+) seconds\)", expression)
        seconds: int | None = int(rate[1]) if rate is not None else original(expression)
        return seconds

    return parse_rate_seconds
