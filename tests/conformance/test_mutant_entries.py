"""A wrong fact in an entry cannot hide: the client that believes it fails at the server that knows the right one."""

from functools import cache

import pytest

from tests.conformance.entry_document import read_entry, shipped_ids
from tests.conformance.mutants import AT_LEAST, make_mutants, survives
from tests.conformance.mutations import MUTATIONS
from tests.conformance.mutations_of_time import MUTATIONS_OF_TIME
from tests.conformance.world import Trial


@cache
def mutants_of(provider_id):
    """Made once for the two tests that need all of them."""
    return make_mutants(read_entry(provider_id))


@pytest.mark.parametrize("provider_id", shipped_ids())
def test_every_mutant_of_an_entry_is_killed(provider_id):
    entry = read_entry(provider_id)
    mutants = mutants_of(provider_id)

    assert len(mutants) >= AT_LEAST
    assert [mutant.name for mutant in mutants if survives(entry, mutant)] == []


def test_an_entry_without_a_mistake_survives():
    """Else every mutant would die, whatever was wrong with it."""
    entry = read_entry("google")
    [mutant, *_] = make_mutants(entry)

    assert survives(entry, type(mutant)(name="nothing is wrong", document=entry.document))
    assert Trial(entry).provider.provider_id == "google"


def test_each_mutation_is_made_of_some_entry():
    made = {mutant.name for provider_id in shipped_ids() for mutant in mutants_of(provider_id)}

    assert made == {mutation.__name__.replace("_", " ") for mutation in (*MUTATIONS, *MUTATIONS_OF_TIME)}
