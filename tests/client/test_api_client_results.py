"""What a newer or an odd service answers: unknown fields are kept, missing ones are named, pages are gone through and end."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from evertoken.client import ConfigurationError, ConnectionNeedsUserError, SecretShapeError
from evertoken.client.results import (
    ImportedRow,
    SecretClient,
    StartedDevice,
    UnreadableProvider,
)
from tests.client.api_program import KINDS, Program
from tests.client.api_world import CONNECTION, SCHEMAS, Planned, example, refusal


@pytest.fixture(params=KINDS)
def program(request, documented_api):
    made = Program(request.param, documented_api.base_url, token="t")
    yield made
    made.close()


def answer(document, status=200):
    return Planned(status, json.dumps(document).encode())


def connection(**changes):
    return {**example(SCHEMAS["Connection"]), **changes}


def test_fields_and_words_that_this_release_does_not_know_break_nothing(program, documented_api):
    documented_api.plan(answer(connection(status="dormant", colour="red", failure={"cause": "x"})))
    with pytest.raises(SecretShapeError, match="failure"):
        program.call("connections.get", CONNECTION)
    documented_api.plan(answer(connection(status="dormant", colour="red")))
    found = program.call("connections.get", CONNECTION)
    assert (found.status, found.unknown_fields) == ("dormant", {"colour": "red"})


def test_a_missing_field_is_none_where_its_type_admits_that_and_named_where_not(program, documented_api):
    partial = connection()
    del partial["refresh_at"]
    documented_api.plan(answer(partial))
    assert program.call("connections.get", CONNECTION).refresh_at is None
    del partial["provider"]
    documented_api.plan(answer(partial))
    with pytest.raises(SecretShapeError, match=r"the answer\.provider is not present"):
        program.call("connections.get", CONNECTION)


def test_instants_are_aware(program, documented_api):
    documented_api.plan(answer(connection(expires_at="2026-11-21T12:00:00.000Z")))
    assert program.call("connections.get", CONNECTION).expires_at == datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b"null",
        b"[" * 100_000,
        json.dumps(connection(epoch=True)).encode(),
        json.dumps(connection(epoch="1")).encode(),
        json.dumps(connection(expires_at="soon")).encode(),
        json.dumps(connection(expires_at="2026-11-21T12:00:00")).encode(),
        json.dumps(connection(created_at=None)).encode(),
    ],
)
def test_an_answer_of_another_form_is_a_typed_error_that_does_not_show_it(program, documented_api, body):
    documented_api.plan(Planned(200, body))
    with pytest.raises(SecretShapeError, match="EVERTOKEN_API") as caught:
        program.call("connections.get", CONNECTION)
    assert caught.value.__cause__ is None
    assert caught.value.correlation_id


def test_a_withdrawn_token_is_no_token(program, documented_api):
    documented_api.plan(answer({"access_token": None, "connection_id": CONNECTION, "generation": 3}))
    with pytest.raises(SecretShapeError, match="without an access token"):
        program.call("connections.token", CONNECTION)


def test_which_kind_was_answered_is_told_by_its_fields(program, documented_api):
    unreadable = example(SCHEMAS["UnreadableProvider"])
    documented_api.plan(answer({"providers": [unreadable]}))
    [found] = program.call("providers.list").providers
    assert isinstance(found, UnreadableProvider)
    newer = {**example(SCHEMAS["SecretClient"]), "kind": "passkey", "passkey_id": "p"}
    documented_api.plan(answer({"clients": [newer]}))
    [found] = program.call("api_clients.list").clients
    assert (type(found), found.kind, found.unknown_fields) == (SecretClient, "passkey", {"passkey_id": "p"})
    row = {"position": 0, "status": "imported", "connection_id": CONNECTION}
    documented_api.plan(answer({"imported": 1, "exists": 0, "failed": 0, "results": [row]}))
    [found] = program.call("connections.import_many", [{"provider": "corp"}]).results
    assert found == ImportedRow(position=0, status="imported", connection_id=CONNECTION)


def test_a_device_without_a_complete_address_has_none(program, documented_api):
    document = example(SCHEMAS["StartedDevice"])
    del document["verification_uri_complete"]
    documented_api.plan(answer(document, 201))
    started = program.call("connections.start_device", "corp", user_id="u")
    assert isinstance(started, StartedDevice)
    assert started.verification_uri_complete is None
    assert "text" not in repr(started).replace("verification_uri='text'", "")


def page(cursor, *names):
    listed = example(SCHEMAS["ListedConnection"])
    return answer({"connections": [{**listed, "name": name} for name in names], "cursor": cursor})


def test_pages_are_gone_through_to_the_end_with_the_same_filters(program, documented_api):
    documented_api.plan(page("2", "a", "b"), page("3"), page(None, "c"))
    found = program.call("connections.iterate", provider="corp", limit=2)
    assert [one.name for one in found] == ["a", "b", "c"]
    assert [one.query for one in documented_api.seen] == [
        {"provider": "corp", "limit": "2"},
        {"provider": "corp", "limit": "2", "cursor": "2"},
        {"provider": "corp", "limit": "2", "cursor": "3"},
    ]


def test_a_list_that_would_never_end_is_refused(program, documented_api):
    documented_api.plan(page("2", "a"), page("2", "b"), page("2", "c"))
    with pytest.raises(SecretShapeError, match="never end"):
        program.call("connections.iterate")
    assert len(documented_api.seen) == 2


@pytest.mark.parametrize("odd", ["..", ".", "", "a/b", "a?b=c", "a#b", "ä b", "%2e%2e"])
def test_an_id_is_one_segment_of_the_path_whatever_is_in_it(program, documented_api, odd):
    documented_api.plan(refusal(404, "ACCOUNT_NOT_FOUND"))
    with pytest.raises(Exception, match="Do something else"):
        program.call("connections.ledger", odd)
    [seen] = documented_api.seen
    assert seen.path.startswith("/v1/connections/")
    assert (seen.path.count("/"), seen.path.endswith("/ledger"), seen.query) == (4, True, {})


def test_an_instant_without_offset_is_refused_before_it_is_sent(program, documented_api):
    with pytest.raises(ConfigurationError, match="offset"):
        program.call("audit.list", since=datetime(2026, 11, 21))  # noqa: DTZ001  # that is the mistake
    assert documented_api.seen == []


def test_a_refusal_carries_all_that_the_service_says(program, documented_api):
    documented_api.plan(refusal(409, "REAUTH_REQUIRED", message="The user has to connect again."))
    with pytest.raises(ConnectionNeedsUserError) as caught:
        program.call("connections.token", CONNECTION)
    error = caught.value
    assert (error.code, error.correlation_id, error.retryable, error.message) == (
        "REAUTH_REQUIRED",
        "theirs",
        False,
        "The user has to connect again.",
    )
