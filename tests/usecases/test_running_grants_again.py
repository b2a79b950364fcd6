"""A grant that can run again is run when its refresh fails: once, and never after it was refused."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from evertoken.domain.assertion import SigningAlgorithm, SigningKey
from evertoken.domain.connection import ConnectionStatus, RefreshPolicy
from evertoken.domain.grant import UNKNOWN_CONTEXT, Grant, GrantContext
from evertoken.domain.http import HttpAnswer, NoAnswer, NotSent
from evertoken.domain.provider import RefreshCredential, Rotation, RotationClass
from evertoken.domain.provider_shapes import LimitScope, RequestLimit
from evertoken.domain.request_shape import SESSION_LOGIN, ClientAuthentication, ClientPart, RequestShapes
from evertoken.usecases.attend_connection import attend_connection
from evertoken.usecases.read_token import read_token
from evertoken.usecases.refresh_attempt import RefreshResultKind
from tests.fakes.clock import BEGIN
from tests.fakes.provider_transport import issued, refused
from tests.simulation import service
from tests.simulation.world import KEY
from tests.usecases.due_world import hint_of
from tests.usecases.grant_world import ask, granted, register

Kind = RefreshResultKind
SILENCE = NoAnswer(reason="timeout")
PER_MINUTE = {"limits": (RequestLimit(requests=1, seconds=60, scope=LimitScope.GRANT),)}


def logged_in(*answers, **changes):
    return granted(*answers, grant=Grant.SESSION_LOGIN, **changes)


def is_login(request):
    return request.headers["Content-Type"] == "application/json"


def sent(world):
    """What was sent, in order: `refresh` or `login`."""
    return ["login" if is_login(request) else "refresh" for request in world.transport.requests]


@pytest.mark.parametrize("failure", [refused(), SILENCE, HttpAnswer(status=500, headers={}, body=b"oops")])
def test_a_failed_refresh_is_followed_by_a_login_and_the_caller_sees_a_valid_token(failure):
    world = logged_in(failure, issued("fresh", refresh_token="r-2"), age=3700)
    read = read_token(world.reading(), KEY, invocation=world.invocation())
    assert (read.token_set.access_token, sent(world)) == ("fresh", ["refresh", "login"])
    assert json.loads(world.transport.requests[1].body) == {"username": "user-1", "password": "password-1"}
    assert (world.row.status, world.row.generation, world.row.open_attempts) == (
        ConnectionStatus.ACTIVE,
        2,
        0,
    )


@pytest.mark.parametrize(
    "failure", [refused("slow_down", status=429), refused("x", status=503), NotSent(reason="connect")]
)
def test_what_leaves_the_refresh_token_unspent_is_no_reason_to_log_in(failure):
    world = logged_in(failure)
    assert ask(world).kind is Kind.FAILED
    assert sent(world) == ["refresh"]


def test_a_repeated_silence_of_a_forgiving_provider_is_followed_by_one_login():
    facts = {"rotation": Rotation(kind=RotationClass.STATIC)}
    world = logged_in(SILENCE, SILENCE, issued(), facts=facts)
    assert ask(world).kind is Kind.REFRESHED
    assert sent(world) == ["refresh", "refresh", "login"]


def test_a_refused_login_ends_the_connection_and_is_never_tried_again():
    world = logged_in(refused())
    result = ask(world)
    assert (result.kind, result.lost_in_window) == (Kind.REAUTHORIZATION_REQUIRED, False)
    assert (world.row.failure.cause, world.row.failure.code) == ("grant_dead", "invalid_grant")
    service.run(world, 7200)
    ask(world)
    assert sent(world) == ["refresh", "login"]


@pytest.mark.parametrize("answer", [refused("teapot"), refused("account_locked", status=403)])
def test_a_login_that_is_refused_for_an_unknown_reason_is_tried_once_an_hour(answer):
    world = logged_in(refused(), answer)
    service.run(world, 3 * 3600)
    assert world.row.status is ConnectionStatus.ACTIVE
    assert 3 <= sent(world).count("login") <= 4


def test_a_refused_login_after_a_lost_answer_is_no_lost_response():
    world = logged_in(SILENCE, refused())
    result = ask(world)
    assert (result.kind, result.lost_in_window) == (Kind.REAUTHORIZATION_REQUIRED, False)
    assert world.row.failure.cause == "grant_dead"


def test_an_unanswered_login_is_no_refusal_and_the_next_attempt_spends_no_refresh_token():
    world = logged_in(refused(), SILENCE, issued())
    assert ask(world).kind is Kind.FAILED
    assert (world.row.status, world.row.open_attempts) == (ConnectionStatus.ACTIVE, 1)
    assert ask(world).kind is Kind.COOLING_DOWN
    service.run(world, 90)
    assert sent(world) == ["refresh", "login", "login"]
    assert (world.row.generation, world.row.open_attempts) == (2, 0)


def test_a_provider_that_keeps_silent_is_asked_ever_more_rarely():
    world = logged_in(SILENCE)
    service.run(world, 3600)
    assert world.row.status is ConnectionStatus.ACTIVE
    assert sent(world).count("refresh") == 1
    assert 4 < sent(world).count("login") < 40


def test_without_time_for_a_login_a_dead_refresh_token_ends_nothing():
    world = logged_in(refused(), issued())
    invocation = world.invocation(36)
    real = world.transport.send

    def send(request, *, timeout_seconds):
        world.clock.advance(5)
        return real(request, timeout_seconds=timeout_seconds)

    world.transport.send = send
    assert ask(world, invocation=invocation).kind is Kind.FAILED
    assert world.row.status is ConnectionStatus.ACTIVE
    service.run(world, 90)
    assert (sent(world), world.row.generation) == (["refresh", "login"], 2)


def test_a_limit_of_the_provider_puts_the_login_into_the_next_attempt():
    world = logged_in(refused(), issued(), facts=PER_MINUTE)
    assert ask(world).kind is Kind.FAILED
    assert sent(world) == ["refresh"]
    assert (world.row.cooldown_until - world.clock.now()).total_seconds() >= 60
    service.run(world, 180)
    assert (sent(world), world.row.generation) == (["refresh", "login"], 2)


def test_the_new_grant_keeps_nothing_of_the_old_but_what_it_is_run_with():
    held = {"scope": "read", "extra": {"account_id": "7"}}
    world = logged_in(refused(), issued("fresh", scope=""), token_set=held)
    before = world.token_set()
    ask(world)
    after = world.token_set()
    assert (after.scope, after.extra) == ("read", {"account_id": "7"})
    assert before.refresh_token
    assert after.refresh_token is None, "the old grant's refresh token is no part of the new one"
    assert after.context.credentials == before.context.credentials
    assert after.context.granted_at > before.context.granted_at
    assert not world.row.has_refresh_token
    world.clock.advance(2700)
    assert ask(world).kind is Kind.REFRESHED
    assert sent(world) == ["refresh", "login", "login"]


def die(world):
    """A process takes the lease and is never heard of again."""
    row, now = world.row, world.clock.now()
    world.store.acquire_lease(
        KEY, epoch=row.epoch, generation=row.generation, owner="dead", now=now, until=now, due_by=None
    )


def test_a_dead_process_costs_no_second_use_of_the_refresh_token():
    world = logged_in(issued())
    die(world)
    assert (
        attend_connection(world.refreshing(), hint_of(world), invocation=world.invocation()).kind
        is Kind.REFRESHED
    )
    assert sent(world) == ["login"]


def test_a_login_refused_after_a_process_died_is_no_lost_response():
    world = logged_in(refused())
    die(world)
    result = ask(world)
    assert (result.kind, result.lost_in_window) == (Kind.REAUTHORIZATION_REQUIRED, False)
    assert (sent(world), world.row.failure.cause) == (["login"], "grant_dead")


def test_what_expired_begins_anew_where_nothing_expired_is_renewed():
    facts = {"refreshable_after_expiry": False, "access_token_lifetime_is_assumed": False}
    world = logged_in(issued(), facts=facts, age=3700)
    assert ask(world).kind is Kind.REFRESHED
    assert sent(world) == ["login"]


def test_a_refresh_token_that_ends_needs_no_keeping_alive_where_the_grant_can_run_again():
    ends = {"refresh_token_expires_at": BEGIN + timedelta(days=30)}
    world = logged_in(issued(), token_set=ends, row={"policy": RefreshPolicy.LAZY})
    assert world.row.refresh_at is None


@pytest.mark.parametrize("credential", RefreshCredential)
def test_a_grant_of_the_clients_own_runs_again_whatever_else_the_provider_renews_by(credential):
    world = granted(
        issued("fresh"),
        grant=Grant.CLIENT_CREDENTIALS,
        facts={"refresh_credential": credential},
        token_set={"refresh_token": None, "scope": "read write"},
    )
    assert ask(world).kind is Kind.REFRESHED
    assert world.transport.forms() == [{"grant_type": "client_credentials", "scope": "read write"}]


def test_a_grant_from_before_grants_were_kept_runs_again_and_again():
    facts = {"refresh_credential": RefreshCredential.CLIENT_CREDENTIALS}
    world = granted(issued(), facts=facts, token_set={"refresh_token": None, "context": UNKNOWN_CONTEXT})
    for generation in (2, 3, 4):
        assert ask(world).kind is Kind.REFRESHED
        assert world.row.generation == generation
        assert world.token_set().context.grant is Grant.CLIENT_CREDENTIALS
        world.clock.advance(2700)


def test_a_users_grant_is_never_replaced_by_one_of_the_client():
    facts = {"refresh_credential": RefreshCredential.CLIENT_CREDENTIALS}
    world = granted(issued(), grant=Grant.USER_TOKEN, facts=facts, token_set={"refresh_token": None})
    assert ask(world).kind is Kind.NO_REFRESH_TOKEN
    assert world.transport.requests == []


def jwt_bearer(*answers):
    return granted(*answers, grant=Grant.JWT_BEARER, token_set={"refresh_token": None, "scope": "read"})


def test_a_jwt_bearer_grant_runs_again_with_a_fresh_assertion_in_the_users_name():
    world = jwt_bearer(SILENCE, issued())
    register(world, signing_key=SigningKey(algorithm=SigningAlgorithm.RS256, kms_key_id="alias/key-1"))
    assert ask(world).kind is Kind.FAILED
    assert world.row.open_attempts == 0, "a grant that runs again spends nothing"
    service.run(world, 90)
    first, second = (one.claims for one in world.signer.signed)
    assert (first["sub"], second["sub"]) == ("someone@example.com", "someone@example.com")
    assert first["jti"] != second["jti"]
    assert len({form["assertion"] for form in world.transport.forms()}) == 2
    assert world.row.generation == 2


def test_a_registration_without_the_key_that_its_grant_needs_rests_and_ends_no_connection():
    world = jwt_bearer(issued())
    assert ask(world).kind is Kind.REGISTRATION_PAUSED
    assert (world.row.failure.code, world.row.status) == ("registration_incomplete", ConnectionStatus.ACTIVE)
    assert (world.transport.requests, world.row.lease) == ([], None)


def test_no_credential_shows_in_a_result_a_row_or_a_failure():
    world = logged_in(refused())
    result = ask(world)
    shown = repr((result, world.row, world.token_set(), world.store.history))
    assert "password-1" not in shown
    assert "user-1" in shown, "the owner of the connection, which is no secret"


def test_a_login_has_its_own_endpoint_and_proves_no_client():
    session = RequestShapes(session_login=SESSION_LOGIN)
    world = logged_in(refused(), issued(), facts={"requests": session})
    ask(world)
    assert "Authorization" not in world.transport.requests[1].headers


def test_a_login_that_proves_its_client_by_an_assertion_runs_again_with_a_fresh_one():
    shape = replace(SESSION_LOGIN, client=ClientPart.AUTHENTICATED)
    facts = {
        "client_authentication": (ClientAuthentication.PRIVATE_KEY_JWT,),
        "requests": RequestShapes(session_login=shape),
    }
    world = logged_in(issued("fresh"), facts=facts, token_set={"refresh_token": None})
    register(world, signing_key=SigningKey(algorithm=SigningAlgorithm.RS256, kms_key_id="alias/key-1"))
    assert ask(world).kind is Kind.REFRESHED
    assert "client_assertion" in json.loads(world.transport.requests[0].body)


@pytest.mark.parametrize(("asked", "again"), [((), None), (("read",), "read"), (None, "read all:of:it")])
def test_a_grant_asks_again_for_what_it_asked_for_whatever_the_provider_called_what_it_gave(asked, again):
    context = GrantContext(grant=Grant.CLIENT_CREDENTIALS, granted_at=BEGIN, scopes=asked)
    held = {"refresh_token": None, "scope": "read all:of:it", "context": context}
    world = granted(issued(scope="read all:of:it"), grant=Grant.CLIENT_CREDENTIALS, token_set=held)
    for _ in range(2):
        assert ask(world).kind is Kind.REFRESHED
        assert world.transport.forms()[-1].get("scope") == again
        world.clock.advance(2700)
