"""Whatever a connection came to, its ledger says in a sentence why, and what to do."""

from __future__ import annotations

import ast
import inspect
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from evertoken.domain.change import changes_of
from evertoken.domain.connection import ConnectionStatus, FailureRecord
from evertoken.domain.ledger import LedgerEntry, LedgerType
from evertoken.domain.outcome import FailureKind
from evertoken.usecases import end_without_request, run_attempt
from evertoken.usecases.disconnect_connection import disconnect_connection
from evertoken.usecases.end_without_request import EXPIRED
from evertoken.usecases.explain_connection import Explanation, explain_connection
from evertoken.usecases.record_failure import LOST_RESPONSE
from tests.contract.store_under_test import after, connecting
from tests.simulation.world import KEY, World
from tests.support import provider_faults as faults
from tests.usecases.due_world import demand, due_world

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
ACTIVE, DEAD = ConnectionStatus.ACTIVE, ConnectionStatus.REAUTHORIZATION_REQUIRED
CAUSES = [*(kind.value for kind in FailureKind), LOST_RESPONSE, EXPIRED]
OWN_CODES = {"no_refresh_token", "client_changed", "parameters_changed", "request_incomplete"}


def entry(kind: LedgerType = LedgerType.REFRESHED, seconds: float = 0, **changes: Any) -> LedgerEntry:
    made = LedgerEntry(
        key=KEY, type=kind, at=NOW + timedelta(seconds=seconds), epoch=1, generation=1, status=ACTIVE
    )
    return replace(made, **changes)


def failed(cause: str, *, code: str = "x", seconds: float = 0, **changes: Any) -> LedgerEntry:
    at = NOW + timedelta(seconds=seconds)
    failure = FailureRecord(cause=cause, code=code, count=1, failed_at=at)
    return entry(LedgerType.REFRESH_FAILED, seconds, failure=failure, **changes)


def explain(*oldest_first: LedgerEntry) -> Explanation:
    return explain_connection(oldest_first[::-1])


@pytest.mark.parametrize("cause", CAUSES)
@pytest.mark.parametrize("status", [ACTIVE, DEAD])
def test_every_cause_has_a_sentence_of_its_own(cause: str, status: ConnectionStatus) -> None:
    said = explain(failed(cause, status=status))

    assert said.cause == cause
    assert "_" not in said.summary, "a person reads it"
    others = [explain(failed(other, status=status)).summary for other in CAUSES if other != cause]
    assert said.summary not in others
    assert len(said.mend) > 20


def test_every_word_of_ours_for_what_stopped_a_refresh_has_a_sentence_of_its_own() -> None:
    found = set()
    for module in (end_without_request, run_attempt):
        for node in ast.walk(ast.parse(inspect.getsource(module))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "end_client_changed":
                found.add(ast.literal_eval(node.args[-1]))
            if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "code":
                found.add(ast.literal_eval(node.value))
    assert found == OWN_CODES

    said = {explain(failed("client_misconfigured", code=code)).summary for code in OWN_CODES}
    assert len(said) == len(OWN_CODES)
    assert explain(failed("client_misconfigured", code="invalid_client")).summary not in said


def test_the_document_names_every_type_every_cause_and_every_code_of_ours() -> None:
    document = (Path(__file__).parents[2] / "docs" / "explain.md").read_text()
    named = set(re.findall(r"`(\w+)`", document))

    assert {*LedgerType, *CAUSES, *OWN_CODES} <= named


def test_a_token_that_nothing_renews_is_told_of_before_and_after_its_end_differently() -> None:
    before = explain(failed("not_sent", code="no_refresh_token"))
    after = explain(failed("grant_dead", code="no_refresh_token", status=DEAD))

    assert "until it expires" in before.summary
    assert "has expired" in after.summary


@pytest.mark.parametrize(
    ("newest", "cause"),
    [
        (entry(), "healthy"),
        (entry(LedgerType.HOLD_SET, on_hold=True), "on_hold"),
        (entry(LedgerType.DISCONNECTED, status=ConnectionStatus.DISCONNECTED), "disconnected"),
        (entry(LedgerType.REVOKED, status=ConnectionStatus.DISCONNECTED), "disconnected"),
        (entry(LedgerType.RETIRED, status=ConnectionStatus.RETIRED), "retired"),
        (entry(LedgerType.ATTEMPT_UNRESOLVED), "attempt_unresolved"),
        (failed("throttled", on_hold=True), "on_hold"),
        (failed("grant_dead", status=ConnectionStatus.DISCONNECTED), "disconnected"),
    ],
)
def test_every_state_has_a_sentence_of_its_own(newest: LedgerEntry, cause: str) -> None:
    said = explain(newest)

    assert (said.cause, said.since) == (cause, NOW)
    assert said.summary.endswith(".")


def test_the_end_of_a_consent_is_named_with_its_instant_also_after_the_next_refreshes() -> None:
    told = entry(consent_ends_at=NOW + timedelta(days=14), consent_noticed_at=NOW)

    said = explain(replace(told, type=LedgerType.CONSENT_ENDING), replace(told, at=NOW + timedelta(days=1)))

    assert said.cause == "consent_ending"
    assert "2026-12-05T12:00:00.000Z" in said.summary
    assert said.since == NOW


def test_what_was_told_of_an_earlier_end_says_nothing_of_a_later_one() -> None:
    told = connecting(
        status=ACTIVE,
        epoch=1,
        generation=1,
        consent_ends_at=after(100),
        consent_notice_at=after(10),
        consent_noticed_at=after(10),
    )
    refreshed = replace(
        told, generation=2, consent_ends_at=after(9_000), consent_notice_at=after(8_000), updated_at=after(20)
    )
    noticed = replace(refreshed, consent_noticed_at=after(8_000))

    assert explain(*changes_of(told, refreshed).entries).cause == "healthy"
    assert explain(*changes_of(refreshed, noticed).entries).cause == "consent_ending"


def test_it_is_so_since_the_first_entry_that_says_the_same() -> None:
    said = explain(
        entry(seconds=0),
        failed("throttled", seconds=10),
        failed("provider_down", seconds=20),
        failed("provider_down", seconds=30),
    )

    assert said.since == NOW + timedelta(seconds=20)


def test_a_ledger_that_has_run_out_says_so() -> None:
    assert explain().cause == "quiet"
    assert explain().since is None


# from what really happened


def explain_world(world: World) -> Explanation:
    versions = world.store.history
    told = [
        one
        for old, new in zip([None, *versions], versions, strict=False)
        for one in changes_of(old, new).entries
    ]
    return explain_connection(told[::-1])


def kill(world: World) -> None:
    token_set = world.token_set()
    assert token_set is not None
    world.twin.rules.end_grant(token_set.access_token)


def test_a_revoked_grant_and_a_lost_answer_are_told_apart() -> None:
    revoked, lost = due_world("strict"), due_world("strict")
    kill(revoked)
    demand(revoked)
    lost.twin.script.add(faults.drop_after_commit())
    for _ in range(5):
        demand(lost)
        lost.clock.advance(1800)

    assert [explain_world(world).cause for world in (revoked, lost)] == ["grant_dead", "lost_response"]
    assert all("connect again" in explain_world(world).mend for world in (revoked, lost))


def test_a_connection_that_works_and_one_that_was_disconnected_are_told_apart() -> None:
    world = due_world()
    demand(world)
    assert explain_world(world).cause == "healthy"

    disconnect_connection(world.refreshing(), KEY, invocation=world.invocation())
    assert explain_world(world).cause == "disconnected"
