"""When to refresh, as properties: never too early, never too late, spread, and ever more patient after failures."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evertoken.domain.connection import RefreshPolicy
from evertoken.domain.errors import ConfigurationError
from evertoken.domain.schedule import (
    back_off_seconds,
    clamp_retry_after,
    due_shard,
    forced_floor_seconds,
    lifetime_seconds,
    plan_refresh,
    windows_of,
)
from evertoken.usecases.invocation import Timing
from tests.fakes.clock import BEGIN

DAY = 86_400
lifetimes = st.floats(1, 400 * DAY)


def plan(lifetime: float | None = 3600, **changes: Any) -> Any:
    arguments: dict[str, Any] = {
        "connection_id": "conn-1",
        "policy": RefreshPolicy.SCHEDULED,
        "issued_at": BEGIN,
        "expires_at": None if lifetime is None else BEGIN + timedelta(seconds=lifetime),
        "refresh_token_expires_at": None,
        "renewable": True,
        "minimum_age_seconds": 0,
        "late": False,
    }
    planned = plan_refresh(**(arguments | changes))
    return None if planned is None else (planned - BEGIN).total_seconds()


@settings(max_examples=300, deadline=None, derandomize=True)
@given(lifetime=lifetimes, connection_id=st.text(max_size=10))
def test_a_plan_lies_before_expiry_by_a_quarter_or_five_days_and_the_spread(
    lifetime: float, connection_id: str
) -> None:
    planned = plan(lifetime, connection_id=connection_id)
    margin = min(lifetime / 4, 5 * DAY)
    assert lifetime - margin - lifetime / 10 - 0.001 <= planned <= lifetime - margin + 0.001
    assert planned == plan(lifetime, connection_id=connection_id), "the same at every refresh"


@settings(max_examples=200, deadline=None, derandomize=True)
@given(lifetime=lifetimes, minimum=st.integers(0, 30 * DAY), idle=st.floats(1, 400 * DAY) | st.none())
def test_a_plan_is_never_before_the_providers_minimum_age(
    lifetime: float, minimum: int, idle: float | None
) -> None:
    ends = None if idle is None else BEGIN + timedelta(seconds=idle)
    assert plan(lifetime, minimum_age_seconds=minimum, refresh_token_expires_at=ends) >= minimum


@settings(max_examples=200, deadline=None, derandomize=True)
@given(lifetime=lifetimes, idle=st.floats(10, 400 * DAY))
def test_a_refresh_token_that_ends_is_used_before_it_does(lifetime: float, idle: float) -> None:
    ends = BEGIN + timedelta(seconds=idle)
    assert plan(lifetime, refresh_token_expires_at=ends) <= idle * 0.9 + 0.001
    assert plan(lifetime, policy=RefreshPolicy.LAZY, refresh_token_expires_at=ends) == pytest.approx(
        idle * 0.9
    )
    assert plan(None, refresh_token_expires_at=ends) == pytest.approx(idle * 0.9)


def test_what_is_lazy_or_does_not_expire_or_cannot_be_renewed() -> None:
    assert plan(policy=RefreshPolicy.LAZY) is None
    assert plan(None) is None
    assert plan(3600, renewable=False) == 3600
    assert plan(None, renewable=False) is None


def test_where_a_refresh_kills_the_old_token_it_comes_late_and_still_in_time() -> None:
    assert plan(3600, late=True) == 3600 - 240
    assert plan(600, late=True) == 600 - 120


def test_a_cliff_of_equal_expiries_becomes_a_slope() -> None:
    """100,000 tokens of an hour that were issued at once: a tenth of their life, evenly filled."""
    buckets = Counter(int(plan(3600, connection_id=f"conn-{number}") // 36) for number in range(20_000))
    assert len(buckets) == 10
    assert max(buckets.values()) < 1.2 * 20_000 / 10


@settings(max_examples=200, deadline=None, derandomize=True)
@given(lifetime=st.floats(0, 400 * DAY) | st.just(float("inf")))
def test_windows_are_nested_and_bounded(lifetime: float) -> None:
    windows = windows_of(lifetime)
    assert 0 <= windows.mandatory_seconds <= windows.advisory_seconds <= windows.scheduled_seconds
    assert windows.mandatory_seconds <= 120
    assert windows.advisory_seconds <= 900
    assert windows.scheduled_seconds <= 5 * DAY
    assert forced_floor_seconds(lifetime) <= 30
    assert lifetime == 0 or forced_floor_seconds(lifetime) < lifetime - windows.mandatory_seconds


def test_a_life_is_never_negative_and_endless_when_it_does_not_end() -> None:
    assert lifetime_seconds(BEGIN, None) == float("inf")
    assert lifetime_seconds(None, BEGIN) == float("inf")
    assert lifetime_seconds(BEGIN, BEGIN - timedelta(hours=1)) == 0


@settings(max_examples=200, deadline=None, derandomize=True)
@given(failures=st.integers(-3, 10_000), jitter=st.floats(0, 1, exclude_max=True))
def test_a_back_off_doubles_from_5_seconds_to_15_minutes_less_up_to_half(
    failures: int, jitter: float
) -> None:
    ceiling = min(900.0, 5 * 2.0 ** (min(max(failures, 1), 20) - 1))
    assert ceiling / 2 <= back_off_seconds(failures, jitter=jitter) <= ceiling


@settings(derandomize=True)
@given(seconds=st.integers())
def test_what_a_provider_asks_us_to_wait_is_bounded(seconds: int) -> None:
    assert 1 <= clamp_retry_after(seconds) <= 3600


def test_shards_are_even_and_stable() -> None:
    shards = Counter(due_shard(f"conn-{number}", 16) for number in range(16_000))
    assert set(shards) == set(range(16))
    assert max(shards.values()) < 1.2 * 1000
    assert due_shard("conn-1", 16) == due_shard("conn-1", 16)


@pytest.mark.parametrize(
    ("function", "http", "commit"), [(45, 35, 10), (45, 25, 20), (28, 25, 10), (10, 10, 0)]
)
def test_budgets_that_do_not_fit_into_the_function_are_refused_at_the_start(
    function: float, http: float, commit: float
) -> None:
    with pytest.raises(ConfigurationError):
        Timing(function_timeout_seconds=function, http_total_seconds=http, commit_budget_seconds=commit)


def test_the_lease_outlives_the_process_by_skew_and_the_providers_tail() -> None:
    timing = Timing(function_timeout_seconds=45, http_total_seconds=25, commit_budget_seconds=10)
    assert timing.lease_seconds >= 45 + 5 + 10
