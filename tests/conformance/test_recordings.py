"""What vendors document, held against our requests, our reading, and the simulation: entry and simulation cannot agree on the same mistake."""

import pytest

from tests.conformance.entry_document import shipped_ids
from tests.conformance.recording_form import check_form
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


def test_every_recording_belongs_to_a_shipped_entry():
    assert {recording.provider_id for recording in RECORDINGS} <= set(shipped_ids())


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"operation": "refreshing"}, "there is no operation refreshing"),
        ({"awnser": {}}, r"nothing reads \['awnser'\]"),
        ({"request": {"paramters": {}}}, r"nothing reads \['request.paramters'\]"),
        ({"means": {"outcome": "issued", "scopes": "a"}}, r"nothing reads \['means.scopes'\]"),
        ({"means": {"outcome": "fine"}}, "there is no such outcome"),
        ({"means": ...}, "an answer and what it means go together"),
        ({"answer": ..., "means": ...}, "neither a request nor an answer"),
        ({"source": {"url": "https://docs.example.com", "checked_on": ""}}, "Invalid isoformat"),
    ],
)
def test_a_recording_of_which_something_would_not_be_checked_is_refused(change, reason):
    right = {
        "operation": "refresh",
        "source": {"url": "https://docs.example.com", "checked_on": "2026-11-21", "confidence": "verified"},
        "answer": {"status": 200, "headers": {}, "body": {}},
        "means": {"outcome": "issued"},
    }
    check_form(right, "this one")
    wrong = {name: value for name, value in (right | change).items() if value is not ...}
    with pytest.raises((AssertionError, ValueError), match=reason):
        check_form(wrong, "this one")


def test_each_recorded_provider_shows_a_success_and_a_request():
    for provider_id in {recording.provider_id for recording in RECORDINGS}:
        own = [recording.content for recording in RECORDINGS if recording.provider_id == provider_id]
        assert any("request" in content for content in own), f"{provider_id} has no recorded request"
        assert any(content.get("means", {}).get("outcome") == "issued" for content in own), (
            f"{provider_id} has no recorded token answer"
        )
