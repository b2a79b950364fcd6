"""The runs: which provider kinds, processes and faults are searched together.

`floor` is a number of states, well under what was counted when the case was written; a search that ends below it has been emptied
by a mistake. EVERTOKEN_MODEL_DEPTH=full adds the larger runs.
"""

import os
from dataclasses import dataclass
from functools import partial
from typing import Final

from tests.model.properties import Setting
from tests.model.state import Budget
from tests.model.world import GRACE, KINDS, STATIC, STRICT, STRICT_KILL

DEPTH_VARIABLE: Final = "EVERTOKEN_MODEL_DEPTH"
BOUND: Final = 2_000_000
"""No case comes near it; a search that reaches it has failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One search of the correct design."""

    name: str
    setting: Setting
    budget: Budget
    floor: int


EVERY_KIND: Final = (
    ("a process dies, a call is throttled, a put is late", Budget(crashes=1, throttles=1, delays=1), 2_000),
    ("writes and puts time out but were done", Budget(write_timeouts=1, put_timeouts=1, delays=1), 1_700),
    ("requests and answers are lost", Budget(lost=1, crashes=1, delays=1), 1_200),
    ("the store is down", Budget(store_outages=1, write_timeouts=1, crashes=1, delays=1), 7_500),
    ("the store is down, disconnect, reconnect", Budget(attempts=1, store_outages=1, disconnects=1, reconnects=1), 3_500),
    ("the store is down, hold", Budget(store_outages=1, holds=1), 2_000),
    ("the user revokes", Budget(attempts=3, revokes=1, lost=1, crashes=1), 2_500),
    ("disconnect, reconnect, a late put", Budget(attempts=1, disconnects=1, reconnects=1, delays=1), 17_000),
    ("hold set and lifted, a process dies", Budget(attempts=1, holds=2, crashes=1), 5_000),
)  # fmt: skip


def _larger() -> tuple[Case, ...]:
    kill = partial(Setting, kind=STRICT_KILL)
    zombie = partial(Setting, bounded=False)
    named = (
        ("disconnect, reconnect, a process dies", kill(), Budget(disconnects=1, reconnects=1, crashes=1), 48_000),
        ("hold set and lifted, death, a late put", kill(), Budget(attempts=1, holds=2, crashes=1, delays=1), 54_000),
        ("disconnect, hold, death, a late put", kill(), Budget(attempts=1, disconnects=1, holds=1, crashes=1, delays=1), 40_000),
        ("two late puts, disconnect", kill(), Budget(delays=2, put_timeouts=1, disconnects=1), 41_000),
        ("three processes, reconnect, death", kill(workers=3), Budget(looks=2, reconnects=1, crashes=1), 25_000),
        ("three processes, disconnect, a late put", kill(workers=3), Budget(attempts=3, disconnects=1, delays=1), 21_000),
        ("three processes, disconnect, reconnect", kill(workers=3), Budget(disconnects=1, reconnects=1), 47_000),
        ("first connection", kill(connected=False), Budget(attempts=1, reconnects=2, disconnects=1, crashes=1), 23_000),
        ("hints take the lease", kill(hints_take_the_lease=True), Budget(looks=2, disconnects=1, crashes=1, delays=1), 27_000),
        ("processes outlive their leases", zombie(kind=STATIC), Budget(attempts=3, lost=1, crashes=1, write_timeouts=1), 27_000),
        ("processes outlive their leases", zombie(kind=STRICT), Budget(attempts=3, lost=1, crashes=1, write_timeouts=1), 34_000),
    )  # fmt: skip
    return tuple(Case(name=name, setting=s, budget=budget, floor=floor) for name, s, budget, floor in named)


def _largest() -> tuple[Case, ...]:
    all_at_once = Budget(disconnects=1, reconnects=1, crashes=1, delays=1)
    cases = [
        Case(
            name="disconnect, reconnect, death, a late put",
            setting=Setting(kind=kind),
            budget=all_at_once,
            floor=390_000,
        )
        for kind in KINDS
    ]
    zombie = partial(Setting, bounded=False)
    named = (
        ("two refreshes, hold set and lifted, death, a late put", Setting(kind=GRACE), Budget(holds=2, crashes=1, delays=1), 350_000),
        ("two refreshes, hold set and lifted, death, a late put", Setting(kind=STRICT_KILL), Budget(holds=2, crashes=1, delays=1), 350_000),
        ("the store is down, hold, disconnect, a late put", Setting(kind=STRICT_KILL), Budget(store_outages=1, holds=1, disconnects=1, delays=1), 115_000),
        ("three processes, death, a late put", Setting(kind=STRICT_KILL, workers=3), Budget(attempts=2, looks=2, crashes=1, delays=1, reconnects=1), 180_000),
        ("processes outlive their leases, disconnect, reconnect", zombie(kind=STATIC), all_at_once, 670_000),
        ("processes outlive their leases, disconnect, reconnect", zombie(kind=STRICT), all_at_once, 850_000),
        ("hints take the lease, reconnect", Setting(kind=STRICT_KILL, hints_take_the_lease=True), all_at_once, 540_000),
        ("first connection, a late put", Setting(kind=STRICT_KILL, connected=False), Budget(attempts=1, reconnects=2, disconnects=1, crashes=1, delays=1), 260_000),
    )  # fmt: skip
    cases += [Case(name=name, setting=s, budget=budget, floor=floor) for name, s, budget, floor in named]
    return tuple(cases)


def is_full() -> bool:
    """Say whether the larger runs were asked for."""
    return os.environ.get(DEPTH_VARIABLE) == "full"


def build_cases(*, full: bool) -> tuple[Case, ...]:
    """Return the runs of the chosen depth."""
    every = tuple(
        Case(name=name, setting=Setting(kind=kind), budget=budget, floor=floor)
        for name, budget, floor in EVERY_KIND
        for kind in KINDS
    )
    return (*every, *_larger(), *(_largest() if full else ()))
