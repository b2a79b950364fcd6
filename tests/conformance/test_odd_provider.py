"""A provider that the catalogue does not know and that does everything its own way is added by one file."""

import json
from pathlib import Path

import pytest

from tests.conformance.connecting import connect
from tests.conformance.disturbances import run_disturbances
from tests.conformance.entry_document import Entry, shipped_ids
from tests.conformance.error_journey import run_errors
from tests.conformance.journey import run_journey
from tests.conformance.mutants import AT_LEAST, make_mutants, survives
from tests.conformance.virtual_day import run_day
from tests.conformance.world import Trial

ENTRY = Entry(json.loads(Path(__file__).with_name("odd_provider.json").read_text(encoding="utf-8")))


def test_it_is_not_in_the_catalogue():
    assert ENTRY.provider_id not in shipped_ids()


def test_it_goes_the_whole_way_over_http():
    run_journey(Trial(ENTRY))


def test_it_is_renewed_whatever_disturbs_it():
    run_disturbances(Trial(ENTRY))


def test_its_errors_under_status_200_are_understood():
    assert run_errors(Trial(ENTRY)) == 10


def test_it_is_kept_fresh_for_a_day():
    day = run_day(Trial(ENTRY, over_http=False))

    assert day.requests > 48, "tokens of half an hour are renewed about twice an hour"


def test_its_mutants_are_killed():
    mutants = make_mutants(ENTRY)

    assert len(mutants) >= AT_LEAST
    assert [mutant.name for mutant in mutants if survives(ENTRY, mutant)] == []


@pytest.mark.parametrize(
    ("section", "fact"),
    [
        ("requests.refresh.method", "GET"),
        ("requests.code_exchange.encoding", "json"),
        ("answer.token_paths", ["/result/tokens/0"]),
        ("answer.expires_in.kind", "epoch_milliseconds"),
    ],
)
def test_it_is_as_odd_as_it_is_meant_to_be(section, fact):
    assert ENTRY.fact(section) == fact


def test_its_answer_is_nested_and_says_when_in_milliseconds_since_1970():
    with Trial(ENTRY, over_http=False).world() as world:
        replies = []
        answer = world.server.answer
        world.service.transport.answering = lambda call: replies.append(answer(call)) or replies[-1]
        row = connect(world, "authorization_code")

    token = json.loads(replies[0].body)["result"]["tokens"][0]
    assert int(token["validUntil"]) == round(row.expires_at.timestamp() * 1000)
