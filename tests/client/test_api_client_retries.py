"""What is sent again, after how long, and what never is."""

from __future__ import annotations

import pytest

from evertoken.client import (
    ConfigurationError,
    ForbiddenError,
    NotFoundError,
    OutcomeUnknownError,
    RateLimitedError,
    RequestRefusedError,
    TemporarilyUnavailableError,
    TransportError,
)
from evertoken.client.retry_policy import RetryPolicy
from tests.client.api_calls import CALLS
from tests.client.api_program import KINDS, Program
from tests.client.api_world import CONNECTION, LOST, Planned, refusal

UNAVAILABLE = refusal(503, "STORE_UNAVAILABLE", retryable=True)
GATEWAY_DOWN = Planned(503, b'{"message":"Service Unavailable"}')
GATEWAY_THROTTLE = Planned(429, b'{"message":"Too Many Requests"}')
ONCE = ("connections.complete", "connections.log_in", "schedules.refresh_once", "sessions.open")
IF_TOLD = ("connections.start", "connections.refresh", "connections.import_many", "connections.change")


@pytest.fixture(params=KINDS)
def program(request, documented_api):
    made = Program(request.param, documented_api.base_url)
    made.call("service.health")
    made.call("statistics.get")
    documented_api.seen.clear()
    yield made
    made.close()


def call(program, name):
    return program.call(name, *CALLS[name][0], **CALLS[name][1])


def test_a_read_is_sent_again_until_it_is_answered(program, documented_api):
    documented_api.plan(UNAVAILABLE, GATEWAY_DOWN)
    assert program.call("connections.get", CONNECTION).connection_id == CONNECTION
    assert len(documented_api.seen) == 3


def test_pauses_grow_and_are_drawn_from_their_whole_range(program, documented_api):
    documented_api.plan(UNAVAILABLE, UNAVAILABLE)
    program.call("connections.get", CONNECTION)
    assert program.pauses == [0.25, 0.5]
    policy = RetryPolicy(retries=40, draw=lambda: 0.999)
    pauses = [policy.pause_seconds(attempt, retry_after_seconds=None) for attempt in range(1, 41)]
    assert max(pauses) < 8
    assert RetryPolicy(retries=40, draw=lambda: 0.0).pause_seconds(9, retry_after_seconds=None) == 0


def test_it_ends_after_the_retries_with_the_last_error(program, documented_api):
    documented_api.plan(*[UNAVAILABLE] * 5)
    with pytest.raises(TemporarilyUnavailableError) as caught:
        program.call("connections.get", CONNECTION)
    assert (caught.value.code, caught.value.retryable) == ("STORE_UNAVAILABLE", True)
    assert len(documented_api.seen) == 3


def test_a_pause_that_the_service_names_is_kept(program, documented_api):
    documented_api.plan(refusal(503, "TOKEN_REFRESH_ERROR", retryable=True, retry_after=7))
    program.call("connections.token", CONNECTION)
    assert program.pauses == [7.25]


def test_a_pause_that_is_too_long_is_left_to_the_caller(program, documented_api):
    documented_api.plan(refusal(503, "REGISTRATION_PAUSED", retryable=True, retry_after=600))
    with pytest.raises(TemporarilyUnavailableError) as caught:
        program.call("connections.token", CONNECTION)
    assert caught.value.retry_after_seconds == 600
    assert program.pauses == []


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (refusal(400, "BAD_REQUEST"), RequestRefusedError),
        (refusal(404, "ACCOUNT_NOT_FOUND"), NotFoundError),
        (refusal(500, "INTERNAL"), RequestRefusedError),
        (Planned(403, b'{"message":"Forbidden"}'), ForbiddenError),
        (Planned(418, b"<html>"), RequestRefusedError),
    ],
)
def test_what_will_not_change_is_not_sent_again(program, documented_api, answer, kind):
    documented_api.plan(answer)
    with pytest.raises(kind):
        program.call("connections.get", CONNECTION)
    assert len(documented_api.seen) == 1


@pytest.mark.parametrize("name", ONCE)
@pytest.mark.parametrize("answer", [UNAVAILABLE, GATEWAY_DOWN])
def test_what_would_be_another_deed_is_never_sent_again(program, documented_api, name, answer):
    documented_api.plan(answer)
    with pytest.raises(TemporarilyUnavailableError):
        call(program, name)
    assert len(documented_api.seen) == 1


@pytest.mark.parametrize("name", ONCE + IF_TOLD)
def test_what_was_throttled_did_not_happen_and_is_sent_again(program, documented_api, name):
    documented_api.plan(GATEWAY_THROTTLE, refusal(429, "RATE_LIMITED", retryable=True, retry_after=1))
    documented_api.plan(refusal(422, "PROVIDER_REFUSED"))
    with pytest.raises(RequestRefusedError):
        call(program, name)
    assert len(documented_api.seen) == 3


@pytest.mark.parametrize("name", IF_TOLD)
def test_an_idempotent_post_is_sent_again_when_the_service_itself_says_so(program, documented_api, name):
    documented_api.plan(UNAVAILABLE)
    call(program, name)
    assert len(documented_api.seen) == 2
    documented_api.plan(GATEWAY_DOWN)
    with pytest.raises(TemporarilyUnavailableError):
        call(program, name)
    assert len(documented_api.seen) == 3


@pytest.mark.parametrize("name", ["connections.get", "tenants.put", "connections.disconnect"])
def test_a_lost_answer_is_asked_for_again_where_that_does_no_harm(program, documented_api, name):
    documented_api.plan(LOST)
    call(program, name)
    documented_api.plan(LOST, LOST, LOST)
    with pytest.raises(TransportError) as caught:
        call(program, name)
    assert caught.value.retryable
    assert len(documented_api.seen) == 5


@pytest.mark.parametrize("name", ONCE + IF_TOLD)
def test_a_lost_answer_leaves_open_what_a_post_did(program, documented_api, name):
    documented_api.plan(LOST)
    with pytest.raises(OutcomeUnknownError, match="look before you send it again") as caught:
        call(program, name)
    assert not caught.value.retryable
    assert len(documented_api.seen) == 1


def test_a_removal_whose_answer_was_lost_has_succeeded_when_nothing_is_left(program, documented_api):
    documented_api.plan(LOST, refusal(404, "NOT_FOUND"))
    assert program.call("tenants.delete", "acme") is None
    documented_api.plan(refusal(404, "NOT_FOUND"))
    with pytest.raises(NotFoundError):
        program.call("tenants.delete", "acme")


def test_the_correlation_id_is_the_same_in_every_attempt_and_in_the_error(documented_api):
    for kind in KINDS:
        program = Program(kind, documented_api.base_url, new_correlation_id=lambda: "req-17")
        documented_api.plan(UNAVAILABLE, LOST, GATEWAY_DOWN)
        with pytest.raises(TemporarilyUnavailableError) as caught:
            program.call("connections.get", CONNECTION)
        assert caught.value.correlation_id == "req-17"
        documented_api.plan(LOST)
        with pytest.raises(OutcomeUnknownError) as caught:
            call(program, "sessions.open")
        assert caught.value.correlation_id == "req-17"
        program.close()
    assert {one.headers["x-correlation-id"] for one in documented_api.seen} == {"req-17"}


def test_each_call_has_a_correlation_id_of_its_own(program, documented_api):
    for _ in range(3):
        program.call("connections.get", CONNECTION)
    assert len({one.headers["x-correlation-id"] for one in documented_api.seen}) == 3


def test_what_nobody_listens_to_is_a_transport_error_of_bounded_tries():
    for kind in KINDS:
        program = Program(kind, "http://127.0.0.1:9", token="t")
        with pytest.raises(TransportError, match="EVERTOKEN_API") as caught:
            call(program, "sessions.open")
        assert len(program.pauses) == 2
        assert not isinstance(caught.value, OutcomeUnknownError)
        program.close()


def test_without_retries_nothing_is_sent_again(documented_api):
    for kind in KINDS:
        program = Program(kind, documented_api.base_url, retries=0, token="t")
        documented_api.plan(refusal(429, "RATE_LIMITED", retryable=True, retry_after=0))
        with pytest.raises(RateLimitedError):
            program.call("connections.get", CONNECTION)
        program.close()
    with pytest.raises(ConfigurationError, match="retries"):
        RetryPolicy(retries=-1)


def test_the_hook_is_told_how_every_call_ended(documented_api):
    for kind in KINDS:
        told = []
        program = Program(
            kind, documented_api.base_url, on_operation=told.append, new_correlation_id=lambda: "r1"
        )
        program.call("connections.get", CONNECTION)
        documented_api.plan(refusal(409, "REAUTH_REQUIRED"))
        with pytest.raises(Exception, match="Do something else"):
            program.call("connections.token", CONNECTION)
        assert [(one.name, one.success, one.code, one.correlation_id) for one in told] == [
            ("connections.get", True, "", "r1"),
            ("connections.token", False, "REAUTH_REQUIRED", "theirs"),
        ]
        assert all(0 <= one.duration_seconds < 30 for one in told)
        program.close()
