"""Processes that take turns: each runs until its next port call, and the schedule says who goes on and what befalls it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from greenlet import getcurrent, greenlet

from evertoken.domain.errors import EvertokenError
from tests.fakes.clock import FakeClock, SkewedClock
from tests.simulation.numbered import FAULTS, Fault, Killed, disturb
from tests.simulation.oracle import Oracle
from tests.simulation.world import World

YIELDS = ("store", "publisher", "transport", "queue", "rescue", "cursor")


@dataclass(slots=True, kw_only=True)
class Process:
    """One invocation: it has a clock of its own, and the platform ends it at `ends_at`."""

    name: str
    ends_at: float
    clock: SkewedClock | None = None
    thread: Any = field(default=None, repr=False)
    wakes_at: float = 0.0
    call: tuple[str, str] = ("", "")
    has_answer: bool = False
    outcome: str = ""

    @property
    def is_over(self) -> bool:
        return bool(self.thread.dead)


class Lockstep:
    """Runs processes one port call at a time."""

    def __init__(self, world: World, oracle: Oracle) -> None:
        self.world = world
        self.oracle = oracle
        self.processes: list[Process] = []
        self.trace: list[str] = []
        self.store_is_down_until = 0.0
        self._hub = getcurrent()
        self._started = 0

    def start(
        self, name: str, body: Callable[[Process], object], *, seconds: float, skew_seconds: float = 0.0
    ) -> Process:
        """Start a process that runs *body*; it stands before its first port call when this returns."""
        self._started += 1
        clock: FakeClock = self.world.clock
        process = Process(name=f"{name}-{self._started}", ends_at=clock.elapsed + seconds)

        def sleep(duration: float) -> None:
            process.wakes_at = clock.elapsed + duration
            process.call = ("clock", "sleep")
            self._hub.switch()

        def run() -> None:
            try:
                body(process)
                process.outcome = "done"
            except Killed:
                process.outcome = "killed"
            except EvertokenError as error:
                self.oracle.check_said(str(error))
                process.outcome = type(error).__name__

        process.clock = SkewedClock(clock, skew_seconds=skew_seconds, sleep=sleep)
        process.thread = greenlet(run)
        self.processes.append(process)
        self._switch(process, None)
        return process

    def gate_of(self, process: Process) -> Callable[[str, str, Callable[[], Any]], Any]:
        """The gate for the ports of *process*."""

        def gate(port: str, method: str, effect: Callable[[], Any]) -> Any:
            fault = None
            if port in YIELDS:
                process.call = (port, method)
                fault = self._hub.switch()
            if port == "store" and self.world.clock.elapsed < self.store_is_down_until:
                fault = fault or Fault.UNAVAILABLE
            try:
                return disturb(fault if fault in FAULTS[port][method] else None, port, effect)
            finally:
                self._note(process, port, method, fault)
                self.oracle.observe()

        return gate

    def ready(self) -> list[Process]:
        """The processes that could go on now."""
        return [one for one in self.processes if one.wakes_at <= self.world.clock.elapsed]

    def resume(self, process: Process, fault: Fault | None = None) -> None:
        """Let *process* make its next call, under *fault*; one whose time is over is killed instead."""
        if self.world.clock.elapsed >= process.ends_at:
            self.kill(process)
            return
        self.trace.append(f"{process.name} {'.'.join(process.call)} {fault or ''}".rstrip())
        process.wakes_at = 0.0
        self._switch(process, fault)

    def kill(self, process: Process) -> None:
        """End *process* where it stands."""
        self.trace.append(f"{process.name} killed before {'.'.join(process.call)}")
        if process.has_answer:
            self.oracle.note_fault(*process.call, Fault.CRASH_BEFORE)
        process.thread.throw(Killed)
        self._tidy()

    def _switch(self, process: Process, fault: Fault | None) -> None:
        process.thread.switch(*(() if fault is None else (fault,)))
        self._tidy()

    def _tidy(self) -> None:
        self.processes = [one for one in self.processes if not one.is_over]

    def _note(self, process: Process, port: str, method: str, fault: Fault | None) -> None:
        """Keep account of who holds an answer that is not durable yet: if he is lost, so may be the grant."""
        if port == "transport":
            record = self.world.twin.ledger.requests[-1] if self.world.twin.ledger.requests else None
            process.has_answer = record is not None and record.endpoint == "token" and record.outcome == "ok"
        if process.has_answer:
            self.oracle.note_fault(port, method, fault)
        if (port, method) in (("store", "commit_token_set"), ("rescue", "keep")) and fault is None:
            process.has_answer = False
