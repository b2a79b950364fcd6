"""A random schedule from a seed: three workers and all that may cross their way, then quiet, then the oracle."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress

from evertoken.domain.connection import ConnectionStatus
from evertoken.domain.errors import EvertokenError
from evertoken.domain.publication import SPENT_STAGE
from evertoken.usecases.disconnect_connection import disconnect_connection
from evertoken.usecases.hold_connection import hold_connection
from evertoken.usecases.read_token import read_token
from evertoken.usecases.refresh_attempt import RefreshReason, RefreshResultKind
from evertoken.usecases.refresh_connection import refresh_connection
from tests.fakes.queue import FakeQueue, QueuedMessage
from tests.simulation import scenarios, service
from tests.simulation.lockstep import Lockstep, Process
from tests.simulation.numbered import FAULTS
from tests.simulation.oracle import OVER, SKEW_SECONDS, Oracle
from tests.simulation.world import KEY, KINDS, READ_TIMING, TIMING, build_world
from tests.support.provider_profile import grace

STEPS = 45
QUIET_SECONDS = 1500
WORKERS = 3
Body = Callable[[Process], object]


class RandomSchedule:
    """One run; `trace` tells what happened, in order."""

    def __init__(self, seed: int, kind: str | None = None) -> None:
        self.chance = random.Random(seed)
        self.kind = kind or self.chance.choice(list(KINDS))
        self.world = build_world(self.kind, access_token_seconds=900)
        if self.kind == "grace":
            # Here processes are slower than any real ones: a grace that real ones meet would run out.
            self.world.twin.rules.change_profile(rotation=grace(3600, 50))
        self.oracle = Oracle(self.world, skew_seconds=SKEW_SECONDS)
        self.steps = Lockstep(self.world, self.oracle)
        self.faults_left = self.chance.choice((0, 1, 1, 2, 3))
        self.operations_left = self.chance.choice((0, 1, 2, 3))
        self.next_scan = 0.0

    def run(self) -> None:
        """Run to the end. Raises AssertionError where an invariant breaks."""
        self.world.connect()
        self.oracle.observe()
        self.world.clock.advance(self.chance.choice((100, 560, 640, 790, 860, 960)))
        self.next_scan = self.world.clock.elapsed
        for _ in range(STEPS):
            self._step()
        self._come_to_rest()
        self.world.gate = self.oracle.watch
        service.run(self.world, QUIET_SECONDS, self.oracle.observe_repair)
        self.oracle.settle()

    def met(self) -> set[str]:
        """What of interest happened."""
        secret = self.world.publisher.secrets[KEY]
        happened = {
            "refreshed": self.world.row.generation > 1,
            "disconnected": any(row.status in OVER for row in self.world.store.history),
            "superseded": RefreshResultKind.SUPERSEDED in self.world.results,
            "delayed": any("delayed" in step for step in self.steps.trace),
            "spent": SPENT_STAGE in secret.labels,
            "rescued": bool(self.world.rescue.queue.bodies_sent),
            "lost": self.oracle.lost,
        }
        return {name for name, is_so in happened.items() if is_so}

    def _step(self) -> None:
        chance, clock = self.chance.random(), self.world.clock
        ready = self.steps.ready()
        if ready and chance < 0.72:
            self._resume(self.chance.choice(ready))
        elif chance < 0.80 and self.operations_left:
            self.operations_left -= 1
            self.chance.choice((self._disconnect, self._hold, self._reconnect, self._demand, self._trouble))()
        elif chance < 0.82:
            self._read()
        elif chance < 0.88 and self.world.publisher.under_way:
            self.steps.trace.append("a delayed call arrives")
            self.world.publisher.land(self.chance.randrange(len(self.world.publisher.under_way)))
            self.oracle.observe()
        elif chance < 0.96 and len(self.steps.processes) < WORKERS + 2:
            self._take_message()
        else:
            clock.advance(
                self.chance.choice((0.5, 1, 3, 6, 12) if self.steps.processes else (0.5, 12, 30, 61))
            )
        if clock.elapsed >= self.next_scan:
            self.next_scan = clock.elapsed + 60
            service.scan(self.world)

    def _resume(self, process: Process) -> None:
        port, method = process.call
        if self.faults_left and self.chance.random() < 0.07:
            self.faults_left -= 1
            if port == "publisher" and self.chance.random() < 0.6:
                self.world.publisher.delay_next()
                self.steps.resume(process)
                return
            if self.chance.random() < 0.3:
                self.steps.kill(process)
                return
            faults = FAULTS.get(port, {}).get(method, ())
            self.steps.resume(process, self.chance.choice(faults) if faults else None)
            return
        self.steps.resume(process)

    def _come_to_rest(self) -> None:
        while self.steps.processes:
            ready = self.steps.ready()
            if not ready:
                wakes_at = min(one.wakes_at for one in self.steps.processes)
                self.world.clock.advance(max(0.0, wakes_at - self.world.clock.elapsed))
                continue
            self.steps.resume(self.chance.choice(ready))
        while self.world.publisher.under_way:
            self.world.publisher.land(self.chance.randrange(len(self.world.publisher.under_way)))
            self.oracle.observe()

    # who comes along

    def _start(self, name: str, body: Body, seconds: float) -> None:
        skew = self.chance.uniform(-SKEW_SECONDS, SKEW_SECONDS)
        self.steps.start(name, body, seconds=seconds, skew_seconds=skew)

    def _take_message(self) -> None:
        hints, rescued = self.world.queue.queue, self.world.rescue.queue
        queue, message, handle = hints, hints.receive(), service.attend_message
        if message is None:
            queue, message, handle = rescued, rescued.receive(), service.adopt_message
        if message is not None:
            self._start("worker", self._worker(queue, message, handle), TIMING.function_timeout_seconds)

    def _worker(self, queue: FakeQueue, message: QueuedMessage, handle: Callable[..., bool]) -> Body:
        def body(process: Process) -> None:
            try:
                done = handle(self.world, message, clock=process.clock, gate=self.steps.gate_of(process))
            except EvertokenError as error:
                done = not error.retryable
            if done:
                queue.delete(message)

        return body

    def _disconnect(self) -> None:
        def body(process: Process) -> None:
            deps = self.world.refreshing(process.clock, self.steps.gate_of(process), READ_TIMING)
            disconnect_connection(deps, KEY, invocation=self.world.invocation(28, process.clock))

        self._start("disconnect", body, 28)

    def _hold(self) -> None:
        def body(process: Process) -> None:
            deps = self.world.refreshing(process.clock, self.steps.gate_of(process), READ_TIMING)
            hold_connection(
                deps,
                KEY,
                on_hold=not self.world.row.on_hold,
                invocation=self.world.invocation(28, process.clock),
            )

        self._start("hold", body, 28)

    def _reconnect(self) -> None:
        def body(process: Process) -> None:
            scenarios.establish(self.world, process.clock, self.steps.gate_of(process))

        self._start("reconnect", body, 28)

    def _demand(self) -> None:
        def body(process: Process) -> None:
            deps = self.world.refreshing(process.clock, self.steps.gate_of(process))
            invocation = self.world.invocation(clock=process.clock)
            result = refresh_connection(deps, KEY, reason=RefreshReason.MANUAL, invocation=invocation)
            self.world.results.append(result.kind)

        self._start("demand", body, TIMING.function_timeout_seconds)

    def _trouble(self) -> None:
        if self.chance.random() < 0.7:
            self.steps.trace.append("the store goes down")
            self.steps.store_is_down_until = self.world.clock.elapsed + self.chance.choice((5, 45))
            return
        token_set = self.world.token_set()
        if token_set is not None and token_set.refresh_token is not None:
            self.steps.trace.append("the user withdraws the consent")
            self.world.twin.rules.end_grant(token_set.refresh_token)

    def _read(self) -> None:
        world = self.world
        before = world.row

        def body(process: Process) -> None:
            deps = world.reading(process.clock, self.steps.gate_of(process))
            read = read_token(deps, KEY, invocation=world.invocation(28, process.clock))
            self._check_read(before.epoch if before.status in OVER else None, read.connection.epoch)
            held = world.token_set(read.connection)
            is_of_row = held is not None and read.token_set.access_token == held.access_token
            assert is_of_row, "I10: token and row are of different commits"
            assert read.connection.status is not ConnectionStatus.DISCONNECTED

        with suppress(EvertokenError):
            self._start("reader", body, 28)

    def _check_read(self, ended_epoch: int | None, epoch: int) -> None:
        assert ended_epoch is None or epoch > ended_epoch, "I7: a read after the disconnect returned a token"
