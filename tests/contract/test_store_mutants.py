"""Each condition of the DynamoDB adapter, left out, turns a named sentence of the contract red."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from tests.contract import test_connection_store_commits as commits
from tests.contract import test_connection_store_end as ends
from tests.contract import test_connection_store_leases as leases
from tests.contract import test_connection_store_life as lives
from tests.contract.store_under_test import after, build_dynamodb, moto_account
from tests.simulation.mutation import Mutant, applied

__all__ = ["moto_account"]
ADAPTER = "evertoken.adapters.dynamodb_connections"
BY_OWNER = '.require("lease_owner", "=", owner)'
MISTAKES: dict[str, tuple[str, str, str, Any]] = {
    "no epoch": (
        "_at",
        'Update().require("epoch", "=", epoch).require(',
        "Update().require(",
        partial(commits.test_a_commit_for_another_epoch_or_generation_is_superseded, changes={"epoch": 2}),
    ),
    "no generation": (
        "_at",
        '.require("generation", "=", generation)',
        "",
        partial(
            commits.test_a_commit_for_another_epoch_or_generation_is_superseded, changes={"generation": 0}
        ),
    ),
    "no status": (
        "_unchanged",
        '.require("status", "=", row.status.value)',
        "",
        partial(lives.test_connecting_a_row_that_moved_is_superseded_and_binds_nothing, moved="status"),
    ),
    "no publication number": (
        "_unchanged",
        '.require("publication_number", "=", row.publication_number)',
        "",
        partial(leases.test_a_verdict_is_refused_when_anything_moved, moved="number"),
    ),
    "a live lease is no obstacle": (
        "acquire_lease",
        '.require_absent_or("lease_until", "<=", now)',
        "",
        leases.test_a_live_lease_refuses_another_owner_until_it_is_over,
    ),
    "no cool-down": (
        "acquire_lease",
        '"cooldown_until", "<=", due_by or now',
        '"cooldown_until", "<=", until',
        leases.test_a_cool_down_refuses_until_it_is_over,
    ),
    "a hold is no obstacle": (
        "acquire_lease",
        '.require_absent("on_hold")',
        "",
        partial(leases.test_what_is_not_active_has_no_lease_to_give, end="hold"),
    ),
    "the plan does not matter": (
        "acquire_lease",
        "if due_by is not None:",
        "if False:",
        partial(leases.test_a_hint_gets_the_lease_only_when_the_plan_is_due, due_by=2399, is_granted=False),
    ),
    "an open attempt waits for the plan": (
        "acquire_lease",
        '("open_attempts", ">", 0)',
        '("open_attempts", ">", 10)',
        leases.test_a_row_with_an_open_attempt_is_due_for_a_hint_before_its_plan,
    ),
    "anybody releases": ("release_lease", BY_OWNER, "", leases.test_only_the_owner_can_release),
    "an owed publication is put off": (
        "release_lease",
        '.require_equal("published_number", "publication_number")',
        "",
        leases.test_a_release_of_a_row_that_owes_a_publication_leaves_it_due_at_once,
    ),
    "anybody judges": (
        "record_verdict",
        BY_OWNER,
        "",
        partial(leases.test_a_verdict_is_refused_when_anything_moved, moved="owner"),
    ),
    "acknowledged again": (
        "acknowledge_publication",
        '.require("published_number", "<", number)',
        "",
        commits.test_only_the_newest_number_is_acknowledged_and_only_upwards,
    ),
    "any number acknowledged": (
        "acknowledge_publication",
        '.require("publication_number", "=", number)',
        "",
        commits.test_only_the_newest_number_is_acknowledged_and_only_upwards,
    ),
    "any revocation finished": (
        "finish_revocation",
        '.require("revocation_generation", "=", revoked.generation)',
        "",
        ends.test_a_revocation_is_not_done_when_newer_tokens_came_or_the_epoch_moved,
    ),
    "a revocation before its withdrawal": (
        "finish_revocation",
        'update.require_equal("published_number", "publication_number")',
        "pass",
        ends.test_a_revocation_is_not_done_before_readers_have_lost_the_token,
    ),
    "a commit does not recognise itself": (
        "commit_token_set",
        "row.commit_id != commit.commit_id",
        "True",
        commits.test_a_commit_recognises_itself_after_a_hold_was_set,
    ),
    "a success needs the lease": (
        "commit_token_set",
        "if (row.epoch, row.generation) != (commit.epoch, commit.generation):",
        "if True:",
        commits.test_a_success_is_kept_without_a_lease_and_its_publication_is_due_at_once,
    ),
    "what owes something is postponed": (
        "postpone",
        'update.require_equal("published_number", "publication_number")',
        "update",
        leases.test_a_row_that_is_leased_or_owes_something_is_not_postponed,
    ),
    "a consent's end is told twice": (
        "note_consent_ending",
        'update.require_absent_or("consent_noticed_at", "<", notice_at)',
        "update",
        leases.test_the_end_of_a_consent_is_noted_once_and_nothing_else_changes,
    ),
    "any notice is told": (
        "note_consent_ending",
        'update.require("consent_notice_at", "=", notice_at)',
        "update",
        partial(
            leases.test_another_generation_or_another_notice_is_not_noted,
            changes={"notice_at": after(40_001)},
        ),
    ),
    "what is over is told": (
        "note_consent_ending",
        '.require("status", "=", ConnectionStatus.ACTIVE.value)',
        "",
        leases.test_the_end_of_a_consent_that_is_over_is_not_noted,
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_condition_that_the_adapter_forgets_is_seen(name: str, moto_account: Any) -> None:
    method, old, new, sentence = MISTAKES[name]
    mutant = Mutant(
        name=name,
        module=ADAPTER,
        function=f"DynamoDBConnections.{method}",
        old=old,
        new=new,
        probe="",
        breach="",
    )
    store = build_dynamodb(moto_account).store
    with applied(mutant), pytest.raises((AssertionError, KeyError)):
        sentence(store)


def test_the_sentences_hold_without_a_mistake(moto_account: Any) -> None:
    for _, _, _, sentence in MISTAKES.values():
        sentence(build_dynamodb(moto_account).store)
