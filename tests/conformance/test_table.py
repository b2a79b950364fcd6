"""The table of `make conformance`: what fails cannot be overlooked."""

from tests.conformance.__main__ import summary, table
from tests.conformance.examination import Examination, examine


def test_failures_stand_first_and_then_what_nobody_has_verified():
    found = [
        Examination("sure"),
        Examination("doubtful", doubtful_facts=7),
        Examination("broken", problems=["its mutant survives: wrong path"]),
    ]

    assert [row.split()[0] for row in table(found)] == ["entry", "broken", "doubtful", "sure"]
    assert table(found)[1].endswith("FAILED")
    assert summary(found).startswith("3 entries, 2 passed")


def test_an_entry_that_cannot_be_read_fails():
    found = examine("no_such_entry")

    assert found.problems
    assert "cannot be read" in found.problems[0]


def test_an_entry_that_passes_shows_what_it_was_examined_by():
    found = examine("google")

    assert found.problems == []
    assert found.errors >= 6
    assert found.mutants == found.killed >= 5
    assert found.recordings >= 3
    assert found.reads == 288
