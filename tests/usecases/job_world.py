"""Many connections of two tenants at a scripted provider, and the refresher at work on their jobs: every message is a process of its own."""

from contextlib import suppress
from dataclasses import replace

from evertoken.adapters.job_messages import parse_job_message
from evertoken.domain.connection import ConnectionKey, PublicationMode
from evertoken.domain.errors import EvertokenError
from evertoken.domain.job import JobExpansion, JobKind, JobSelection, RetrySettings, ScheduleTick
from evertoken.usecases.begin_scheduled_job import begin_scheduled_job
from evertoken.usecases.create_job import JobDependencies, create_job
from evertoken.usecases.expand_job import expand_job
from evertoken.usecases.job_work import JobWorkDependencies
from evertoken.usecases.run_job_step import run_job_step
from tests.fakes.job_queue import FakeJobQueue
from tests.fakes.jobs import MemoryJobs
from tests.fakes.randomness import SeededRandomness
from tests.fakes.schedules import MemorySchedules
from tests.simulation.numbered import Killed, Numbered
from tests.simulation.world import build_row, build_world

TENANT = "tenant-1"


class JobWorld:
    """`gate` sees every call of a port, as in the simulation."""

    def __init__(self, kind="strict_kill", **profile):
        self.world = build_world(kind, **profile)
        self.clock = self.world.clock
        self.jobs = MemoryJobs()
        self.queue = FakeJobQueue(self.clock)
        self.schedules = MemorySchedules()
        self.gate = None
        self.runs = []
        self.dead = []

    def connect(self, *connection_ids, tenant_id=TENANT, **changes):
        """Connections whose tokens were issued now; none of them is published."""
        ready = self.world.directory.get_ready("reg-1")
        for connection_id in connection_ids:
            row = build_row(
                self.clock.now(),
                ready,
                tenant_id=tenant_id,
                connection_id=connection_id,
                user_id=f"user of {connection_id}",
                account=changes.get("account", f"account of {connection_id}"),
                publication=PublicationMode.API_ONLY,
            )
            self.world.store.create_connecting(row)
            self.world.store_grant(row, self.world.new_grant(), publish=False)

    def row(self, connection_id, tenant_id=TENANT):
        return self.world.store.get(ConnectionKey(tenant_id=tenant_id, connection_id=connection_id))

    @property
    def posts(self):
        return len(self.world.twin.ledger.find_requests())

    def through(self, port, target):
        return target if self.gate is None else Numbered(port, target, self.gate)

    def creating(self):
        return JobDependencies(
            jobs=self.through("jobs", self.jobs),
            queue=self.through("jobqueue", self.queue),
            clock=self.clock,
            randomness=SeededRandomness(f"api-{len(self.jobs.jobs)}"),
        )

    def working(self):
        return JobWorkDependencies(
            jobs=self.through("jobs", self.jobs),
            queue=self.through("jobqueue", self.queue),
            schedules=self.through("schedules", self.schedules),
            refreshing=self.world.refreshing(gate=self.gate),
        )

    def create(self, selection=None, *, retries=None, job_id=None, **more):
        """What POST /v1/connections/refresh does."""
        selection = selection or JobSelection()
        return create_job(
            self.creating(),
            tenant_id=more.pop("tenant_id", TENANT),
            kind=more.pop("kind", JobKind.BATCH),
            selection=selection,
            retries=retries or RetrySettings(),
            actor="cli_1",
            correlation_id="corr-1",
            job_id=job_id,
            **more,
        )

    def work(self, message):
        """What the refresher does with one message; return whether it is done with."""
        deps, parsed = self.working(), parse_job_message(message.body)
        match parsed:
            case JobExpansion():
                postponed = expand_job(deps, parsed, deliveries=message.deliveries)
            case ScheduleTick():
                begin_scheduled_job(deps.ticking, parsed, message_id="message-1")
                postponed = None
            case _:
                invocation = self.world.invocation()
                run = run_job_step(deps, parsed, deliveries=message.deliveries, invocation=invocation)
                self.runs.append((self.clock.elapsed, run))
                postponed = run.postponed
        if postponed is not None:
            deps.queue.postpone(self.queue.handle_of(message), seconds=postponed.seconds)
        return postponed is None

    def deliver(self):
        """Work on one message that is visible now; return whether there was one."""
        message = self.queue.queue.receive()
        if message is None:
            return False
        if message.deliveries > 50:
            self.queue.queue.delete(message)
            self.dead.append(message)
            return True
        done = False
        try:
            done = self.work(message)
        except EvertokenError as error:
            done = not error.retryable
        except Killed:
            done = False
        if done:
            self.queue.queue.delete(message)
        return True

    def run(self, seconds=86_400):
        """Let time go by until no message waits."""
        end = self.clock.elapsed + seconds
        while self.queue.queue.messages:
            if not self.deliver():
                self.clock.advance_to(min(message.visible_at for message in self.queue.queue.messages))
            assert self.clock.elapsed <= end, "the job does not come to an end"

    def finish(self, selection=None, **more):
        """Create a job, have it done, and return it."""
        job = self.create(selection, **more)
        self.run()
        return self.jobs.find(job.tenant_id, job.job_id)

    def steps(self, job):
        return self.jobs.list_steps(job.tenant_id, job.job_id)


def settle(world, selection, **more):
    """Ask for a job as a caller does who asks again, under the same id, until an answer comes."""
    while True:
        with suppress(Killed, EvertokenError):
            return world.create(selection, job_id="job_1", **more)


def by_name(steps):
    return {step.connection_id: step for step in steps}


def ids(*names):
    return JobSelection(connection_ids=names)


def once(**changes):
    return replace(RetrySettings(attempts=1), **changes)
