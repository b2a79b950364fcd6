"""Statistics on the fakes: which times they are asked with. How entries are counted is the contract of the reader."""

from datetime import timedelta

import pytest

from evertoken.usecases.list_connections import ListDependencies, ListQuery, list_connections
from evertoken.usecases.read_statistics import StatisticsDependencies, read_statistics
from tests.fakes.sealer import FakeSealer
from tests.fakes.statistics import MemoryStatistics
from tests.usecases.job_world import TENANT, JobWorld


@pytest.fixture
def world():
    """Three connections whose tokens live an hour, one of them on hold, and a foreign one."""
    made = JobWorld()
    made.connect("con_a", "con_b", "con_held")
    made.connect("con_foreign", tenant_id="other")
    held = made.row("con_held")
    made.world.store.set_hold(held.key, expected=held, on_hold=True, now=made.clock.now())
    return made


def read(world, minutes):
    reader = MemoryStatistics(world.world.store._rows.values)
    deps = StatisticsDependencies(reader=reader, clock=world.clock)
    return read_statistics(deps, TENANT, refresh_before_minutes=minutes)


@pytest.mark.parametrize(
    ("minutes_later", "within", "needing", "urgent"),
    [(0, 59, 0, 0), (0, 61, 2, 0), (1, 30, 0, 2), (31, 30, 2, 2), (120, 0, 2, 2)],
)
def test_what_needs_a_refresh_and_what_is_urgent_follow_the_clock(
    world, minutes_later, within, needing, urgent
):
    world.clock.advance(60 * minutes_later)
    found = read(world, within)
    counts = found.statistics
    assert (counts.needing_refresh, counts.urgent) == (needing, urgent)
    assert (counts.total, counts.on_hold) == (3, 1)
    assert (found.as_of, found.refresh_before_minutes) == (world.clock.now(), within)


def test_the_list_of_what_needs_a_refresh_has_as_many_as_the_statistics_count(world):
    world.clock.advance(timedelta(minutes=10).total_seconds())
    deps = ListDependencies(store=world.world.store, sealer=FakeSealer(world.clock), clock=world.clock)
    for minutes in (0, 49, 51, 1000):
        listed = list_connections(deps, TENANT, ListQuery(refresh_before_minutes=minutes)).connections
        assert len(listed) == read(world, minutes).statistics.needing_refresh
        assert "con_held" not in {row.connection_id for row in listed}
    everything = list_connections(deps, TENANT, ListQuery()).connections
    assert len(everything) == read(world, 0).statistics.total == 3
