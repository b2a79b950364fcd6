"""Every entry of the catalogue against the server that it describes."""

import pytest

from evertoken.catalogue.loader import load_document
from tests.conformance.entry_document import read_entry, shipped_ids
from tests.conformance.error_journey import run_errors
from tests.conformance.journey import run_journey
from tests.conformance.world import Trial

EVERY_ENTRY = pytest.mark.parametrize("provider_id", shipped_ids())


@EVERY_ENTRY
def test_an_entry_connects_refreshes_twice_dies_and_is_revoked_over_http(provider_id):
    run_journey(Trial(read_entry(provider_id)))


@EVERY_ENTRY
def test_each_error_of_an_entry_is_understood_on_its_operation(provider_id):
    heard = run_errors(Trial(read_entry(provider_id)))

    assert heard >= 6, "the errors of the RFCs are always there"


def test_the_catalogue_has_at_least_a_hundred_and_fifty_entries():
    assert len(shipped_ids()) >= 150


def test_what_an_entry_extends_is_filled_in_by_the_catalogue_as_the_simulation_does_it():
    for provider_id in shipped_ids():
        ours, theirs = load_document(provider_id), read_entry(provider_id).document
        assert ours == theirs, f"{provider_id} is read in two ways"
