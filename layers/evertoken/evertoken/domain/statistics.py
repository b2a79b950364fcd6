"""How a tenant's connections stand, counted at one moment (FEATURES D6)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from evertoken.domain.connection import ConnectionStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionStatistics:
    """Counts of a tenant's connections; those that are not yet or no more one are in none of them.

    `needing_refresh` and `urgent` count what can be refreshed (active and not on hold) and expires within the time that was asked about, and within the
    hour; what has expired is in both. `on_hold` connections are in `by_status` too.
    """

    total: int
    needing_refresh: int
    urgent: int
    with_refresh_token: int
    on_hold: int
    by_status: Mapping[ConnectionStatus, int]
