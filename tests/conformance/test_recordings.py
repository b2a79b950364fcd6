"""What vendors document, held against our requests, our reading, and the simulation: entry and simulation cannot agree on the same mistake."""

import pytest

from tests.conformance.recordings import check_recording, load_recordings

SEEDS = {"facebook", "instagram", "whatsapp", "tiktok", "tiktok_ads", "reddit", "ig_markets", "carthooks"}
RECORDINGS = load_recordings()


@pytest.mark.parametrize("recording", RECORDINGS, ids=[recording.name for recording in RECORDINGS])
def test_a_recorded_exchange_is_sent_read_and_simulated_as_documented(recording):
    check_recording(recording)


def test_at_least_twenty_eight_entries_are_held_against_recordings():
    recorded = {recording.provider_id for recording in RECORDINGS}

    assert len(recorded) >= 28
    assert recorded >= SEEDS


def test_each_recorded_provider_shows_a_success_and_a_request():
    for provider_id in {recording.provider_id for recording in RECORDINGS}:
        own = [recording.content for recording in RECORDINGS if recording.provider_id == provider_id]
        assert any("request" in content for content in own), f"{provider_id} has no recorded request"
        assert any(content.get("means", {}).get("outcome") == "issued" for content in own), (
            f"{provider_id} has no recorded token answer"
        )
