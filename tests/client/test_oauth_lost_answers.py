"""A refresh token that was sent and got no answer is not sent again blindly."""

import pytest

from evertoken.client import ConnectionNeedsUserError, OutcomeUnknownError, TransportError
from tests.client.oauth_world import KINDS, REDIRECT_URI, OAuthWorld
from tests.support.provider_faults import answer, drop_after_commit, drop_before, hang, truncated
from tests.support.provider_profile import STATIC, STRICT_KILL, grace

LOST = [
    drop_after_commit(),
    drop_after_commit(reset=True),
    truncated(),
    answer(500, b"oops", commits=True),
    answer(502, b"<html>", commits=True),
    answer(200, b"<html>", {"Content-Type": "text/html"}, commits=True),
    answer(400, b'{"error":"server_error"}', commits=True),
]


@pytest.fixture(params=KINDS)
def world(request):
    world = OAuthWorld(request.param, rotation=STRICT_KILL)
    yield world
    world.close()


@pytest.mark.parametrize("fault", LOST, ids=lambda fault: fault.name)
def test_the_living_token_is_used_to_its_end_and_then_one_late_attempt_is_made(world, fault):
    client, first = world.connected()
    world.clock.move(3400)
    world.provider.script.add(fault)
    assert client.get_token() == first.access_token
    world.clock.move(199)
    assert client.get_token() == first.access_token
    assert world.count() == 2, "not repeated while the access token lives"
    assert world.operations[-1].code == "OUTCOME_UNKNOWN"
    world.clock.move(2)
    with pytest.raises(ConnectionNeedsUserError, match="earlier refresh was lost"):
        client.get_token()
    for _ in range(3):
        with pytest.raises(ConnectionNeedsUserError):
            client.get_token()
    assert world.count() == 3


def test_a_late_attempt_wins_where_the_provider_had_not_worked(world):
    client, _ = world.connected()
    world.clock.move(3400)
    world.provider.script.add(drop_before())
    client.get_token()
    world.clock.move(201)
    assert world.provider.rules.accepts(client.get_token())


def test_two_lost_answers_are_enough(world):
    client, _ = world.connected()
    world.clock.move(3700)
    world.provider.script.add(drop_before(), times=9)
    for _ in range(4):
        with pytest.raises(OutcomeUnknownError):
            client.get_token()
    assert world.count() == 3, "the connecting one, the lost one and the late one"


def test_the_error_says_what_is_unknown_and_is_not_retryable(world):
    client, first = world.connected()
    world.provider.script.add(drop_after_commit())
    with pytest.raises(OutcomeUnknownError, match=r"may be spent.*rotation=.*authorize again") as caught:
        client.refresh()
    assert not caught.value.retryable
    assert client.get_token() == first.access_token
    assert world.count() == 2


def test_what_the_program_asked_for_and_lost_is_not_sent_again_by_itself(world):
    client, first = world.connected()
    world.provider.script.add(drop_after_commit())
    with pytest.raises(OutcomeUnknownError):
        client.refresh()
    world.clock.move(3500)
    assert client.get_token() == first.access_token
    assert world.count() == 2


def test_a_refused_access_token_ends_the_waiting(world):
    client, first = world.connected()
    world.clock.move(3400)
    world.provider.script.add(drop_before())
    assert client.get_token() == first.access_token
    assert client.renew_refused(first.access_token).access_token == client.get_token()
    assert world.provider.rules.accepts(client.get_token())
    assert world.count() == 3


def test_each_loss_has_its_late_attempt(world):
    world.provider.rules.change_profile(rotation=STATIC)
    client, _ = world.connected()
    for _ in range(3):
        old = client.get_token()
        world.clock.move(3400)
        world.provider.script.add(drop_before())
        assert client.get_token() == old
        world.clock.move(201)
        assert client.get_token() != old


@pytest.mark.parametrize("rotation", [STATIC, grace(600, 3)], ids=["static", "grace"])
def test_where_old_refresh_tokens_live_on_it_is_sent_again(world, rotation):
    world.provider.rules.change_profile(rotation=rotation)
    client, first = world.connected(config=world.config(rotation=rotation.kind))
    world.clock.move(3400)
    world.provider.script.add(drop_after_commit())
    assert client.get_token() == first.access_token
    world.clock.move(3)
    second = client.get_token()
    assert second != first.access_token
    assert world.provider.rules.accepts(second)
    world.provider.script.add(drop_after_commit())
    with pytest.raises(OutcomeUnknownError) as caught:
        client.refresh()
    assert caught.value.retryable


def test_a_provider_that_keeps_silent_is_left_after_the_timeout(world):
    client, _ = world.connected(config=world.config(timeout_seconds=0.3))
    world.provider.script.add(hang(commits=True))
    with pytest.raises(OutcomeUnknownError, match=r"no whole answer in 0\.3 seconds"):
        client.refresh()


def test_a_code_is_sent_once(world):
    client = world.client()
    request = client.authorization_url()
    world.provider.script.add(drop_after_commit())
    url = f"{REDIRECT_URI}?code=canary-code&state={request.state}"
    with pytest.raises(OutcomeUnknownError):
        client.exchange_code(url)
    with pytest.raises(Exception, match="completed before"):
        client.exchange_code(url)
    assert world.count() == 1


def test_credentials_that_nothing_is_spent_by_are_sent_again(world):
    client = world.client(world.config(grant="client_credentials"))
    world.provider.script.add(drop_after_commit())
    with pytest.raises(TransportError, match="Try again") as caught:
        client.initialize()
    assert caught.value.retryable
    assert not isinstance(caught.value, OutcomeUnknownError)
    world.clock.move(3)
    assert client.initialize().access_token


def test_what_was_not_sent_is_told_apart(world):
    client, first = world.connected()
    world.provider.stop()
    with pytest.raises(TransportError, match="nothing was sent") as caught:
        client.refresh()
    assert caught.value.retryable
    assert client.get_token() == first.access_token
