"""Twenty-four virtual hours at every provider: no reader gets an expired token, and no provider's rule is broken."""

import pytest

from tests.conformance.entry_document import read_entry, shipped_ids
from tests.conformance.virtual_day import DAY_SECONDS, READ_EVERY_SECONDS, run_day
from tests.conformance.world import Trial


@pytest.mark.parametrize("provider_id", shipped_ids())
def test_a_day_of_reads_never_meets_an_expired_token(provider_id):
    day = run_day(Trial(read_entry(provider_id), over_http=False))

    assert day.reads == DAY_SECONDS // READ_EVERY_SECONDS
    assert day.requests >= 1
