"""Find what is due and enqueue hints, each delayed so that it arrives on time (DESIGN section 4)."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from evertoken.domain.errors import StoreUnavailableError
from evertoken.ports import Clock, ConnectionStore, DueConnection, HintQueue, ScanCursor
from evertoken.usecases.invocation import Invocation

TICK_SECONDS = 60
"""How often the scanner is woken; it looks one tick ahead."""
LATENESS_SECONDS = 30
"""How late a tick may come: EventBridge Scheduler is only good to the minute, so the look-ahead overlaps."""
LATE_SIGHT_SECONDS = 5
"""The index is a little late and clocks are a little apart: what was set this shortly before a scan may not have been seen by it."""
FIRST_REPEAT_SECONDS = 60
"""An overdue connection is hinted at again after this, and then each time its age has doubled …"""
REPEAT_LIMIT_SECONDS = 960
"""… until every 16 minutes: a backlog is not flooded with what is already queued, and a lost hint is not lost for long."""
MAXIMUM_DELAY_SECONDS = 900
"""What SQS takes as a message's delay."""
RESERVE_SECONDS = 5
"""A shard is not begun with less time than this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanDependencies:
    """What scanning needs."""

    store: ConnectionStore
    cursor: ScanCursor
    queue: HintQueue
    clock: Clock
    shards: int
    parallel: int = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanResult:
    """What one scan did; `oldest_due_at` is the earliest due instant met."""

    shards_scanned: int
    shards_left: int
    candidates: int
    hints: int
    oldest_due_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _ShardScan:
    candidates: int
    hints: int
    oldest_due_at: datetime | None


def scan_due(deps: ScanDependencies, *, invocation: Invocation) -> ScanResult:
    """Enqueue one hint for each connection that becomes due before the next tick, and repeat old ones ever more rarely.

    A shard's cursor moves only after all its hints were accepted, so that a scan that died is made up by the next; a scan that runs twice repeats
    hints, which is harmless. Shards that were scanned longest ago come first, so that none starves when time is short.
    """
    now = deps.clock.now()
    horizon = now + timedelta(seconds=TICK_SECONDS + LATENESS_SECONDS)
    scanned_before = deps.cursor.get()
    begin = datetime.min.replace(tzinfo=now.tzinfo)
    order = sorted(range(deps.shards), key=lambda shard: scanned_before.get(shard, begin))

    def scan(shard: int) -> tuple[int, _ShardScan | None]:
        if invocation.remaining_seconds(deps.clock) < RESERVE_SECONDS:
            return shard, None
        try:
            return shard, _scan_shard(deps, shard, now, horizon, scanned_before.get(shard))
        except StoreUnavailableError:
            return (
                shard,
                None,
            )  # its cursor stays, so that the next scan makes up for it; the other shards go on

    workers = min(deps.parallel, deps.shards)
    if workers == 1:
        scans = [scan(shard) for shard in order]
    else:
        with ThreadPoolExecutor(max_workers=workers) as pool:
            scans = list(pool.map(scan, order))
    done = {shard: result for shard, result in scans if result is not None}
    deps.cursor.advance(dict.fromkeys(done, now))
    oldest = [result.oldest_due_at for result in done.values() if result.oldest_due_at is not None]
    return ScanResult(
        shards_scanned=len(done),
        shards_left=deps.shards - len(done),
        candidates=sum(result.candidates for result in done.values()),
        hints=sum(result.hints for result in done.values()),
        oldest_due_at=min(oldest, default=None),
    )


def _scan_shard(
    deps: ScanDependencies, shard: int, now: datetime, horizon: datetime, scanned_at: datetime | None
) -> _ShardScan:
    candidates = hints = 0
    oldest: datetime | None = None
    for page in deps.store.find_due(shard=shard, before=horizon):
        candidates += len(page)
        wanted = [due for due in page if is_hint_wanted(due, now=now, scanned_at=scanned_at)]
        if page:
            oldest = min(page[0].due_at, oldest or page[0].due_at)
        hints += deps.queue.send(replace(due.hint, delay_seconds=_delay_seconds(due, now)) for due in wanted)
    return _ShardScan(candidates=candidates, hints=hints, oldest_due_at=oldest)


def is_hint_wanted(due: DueConnection, *, now: datetime, scanned_at: datetime | None) -> bool:
    """Return whether a scan at *now* should enqueue a hint for *due*, when the scan before was at *scanned_at*.

    The first hint belongs to the first scan that could see the entry: its horizon covers the instant, and the instant had been set. After that one
    at each repeat instant (1, 2, 4, 8, 16, 32 … minutes after it was due, then every 16) that passed since the scan before. No state is kept for it.
    """
    if scanned_at is None or due.due_at >= scanned_at + timedelta(seconds=TICK_SECONDS + LATENESS_SECONDS):
        return True
    if due.due_set_at is not None and due.due_set_at > scanned_at - timedelta(seconds=LATE_SIGHT_SECONDS):
        return True
    due_at = due.due_at
    return _repeats_until((now - due_at).total_seconds()) > _repeats_until(
        (scanned_at - due_at).total_seconds()
    )


def _repeats_until(age_seconds: float) -> int:
    """Return how many repeat instants lie within the first *age_seconds* after the due instant."""
    if age_seconds < FIRST_REPEAT_SECONDS:
        return 0
    doublings = math.floor(math.log2(min(age_seconds, REPEAT_LIMIT_SECONDS) / FIRST_REPEAT_SECONDS)) + 1
    return doublings + max(0, math.floor((age_seconds - REPEAT_LIMIT_SECONDS) / REPEAT_LIMIT_SECONDS))


def _delay_seconds(due: DueConnection, now: datetime) -> int:
    return min(max(math.ceil((due.due_at - now).total_seconds()), 0), MAXIMUM_DELAY_SECONDS)
