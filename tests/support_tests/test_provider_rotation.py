"""The rotation classes of the scripted provider, and the links that its ledger keeps."""

import json
from typing import Any

import pytest

from tests.support.provider_profile import STATIC, STRICT, STRICT_KILL, ProviderProfile, Rotation, grace
from tests.support.provider_twin import ProviderTwin, build_basic_authorization
from tests.support_tests.virtual_clock import VirtualClock

CREDENTIALS = build_basic_authorization("client-1", "secret: % + & é")


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


def build_twin(clock: VirtualClock, rotation: Rotation, **profile: Any) -> ProviderTwin:
    return ProviderTwin(ProviderProfile(rotation=rotation, **profile), clock=clock, sleep=clock.advance)


def refresh(twin: ProviderTwin, refresh_token: str) -> dict[str, Any]:
    form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
    answer: dict[str, Any] = json.loads(twin.token(form, authorization=CREDENTIALS).body)
    return answer


def test_static_gives_a_new_access_token_and_the_refresh_token_stays(clock: VirtualClock) -> None:
    twin = build_twin(clock, STATIC)
    first = twin.rules.connect()
    for _ in range(3):
        answer = refresh(twin, first["refresh_token"])
        assert "refresh_token" not in answer
        assert answer["access_token"] != first["access_token"]
        assert twin.ledger.is_child_set(
            first["refresh_token"], answer["access_token"], first["refresh_token"]
        )


def test_static_may_repeat_the_refresh_token(clock: VirtualClock) -> None:
    twin = build_twin(clock, STATIC, repeats_refresh_token=True)
    first = twin.rules.connect()
    assert refresh(twin, first["refresh_token"])["refresh_token"] == first["refresh_token"]


def test_strict_replaces_the_refresh_token_and_the_old_one_is_dead_alone(clock: VirtualClock) -> None:
    twin = build_twin(clock, STRICT)
    first = twin.rules.connect()
    second = refresh(twin, first["refresh_token"])
    assert refresh(twin, first["refresh_token"]) == {"error": "invalid_grant"}
    assert twin.rules.accepts(second["access_token"])
    assert "access_token" in refresh(twin, second["refresh_token"])


def test_strict_kill_ends_every_token_of_the_grant_on_reuse_and_no_other_grant(clock: VirtualClock) -> None:
    twin = build_twin(clock, STRICT_KILL)
    first, other = twin.rules.connect(), twin.rules.connect()
    second = refresh(twin, first["refresh_token"])
    assert refresh(twin, first["refresh_token"]) == {"error": "invalid_grant"}
    assert not twin.rules.accepts(first["access_token"])
    assert not twin.rules.accepts(second["access_token"])
    assert refresh(twin, second["refresh_token"]) == {"error": "invalid_grant"}
    assert twin.rules.accepts(other["access_token"])
    assert twin.ledger.get_token(second["access_token"]).revoked_because == "refresh_token_reused"


def test_grace_lets_the_old_token_work_for_its_seconds_and_each_use_has_a_child_of_its_own(
    clock: VirtualClock,
) -> None:
    twin = build_twin(clock, grace(seconds=30, uses=10))
    first = twin.rules.connect()
    second = refresh(twin, first["refresh_token"])
    clock.advance(29.9)
    third = refresh(twin, first["refresh_token"])
    assert third["refresh_token"] not in (first["refresh_token"], second["refresh_token"])
    assert "access_token" in refresh(twin, second["refresh_token"])
    clock.advance(0.1)
    assert refresh(twin, first["refresh_token"]) == {"error": "invalid_grant"}
    assert "access_token" in refresh(twin, third["refresh_token"])


def test_grace_is_counted_from_the_first_use_and_not_from_the_last(clock: VirtualClock) -> None:
    twin = build_twin(clock, grace(seconds=30, uses=10))
    first = twin.rules.connect()
    clock.advance(1000)
    refresh(twin, first["refresh_token"])
    clock.advance(20)
    assert "access_token" in refresh(twin, first["refresh_token"])
    clock.advance(20)
    assert refresh(twin, first["refresh_token"]) == {"error": "invalid_grant"}


def test_grace_ends_after_its_uses_as_well(clock: VirtualClock) -> None:
    twin = build_twin(clock, grace(seconds=30, uses=2))
    first = twin.rules.connect()
    outcomes = ["error" in refresh(twin, first["refresh_token"]) for _ in range(4)]
    assert outcomes == [False, False, False, True]


@pytest.mark.parametrize("kills", [True, False])
def test_reuse_after_the_grace_kills_only_where_the_profile_says_so(clock: VirtualClock, kills: bool) -> None:
    twin = build_twin(clock, grace(seconds=30, uses=10), late_reuse_kills=kills)
    first = twin.rules.connect()
    second = refresh(twin, first["refresh_token"])
    clock.advance(30)
    assert refresh(twin, first["refresh_token"]) == {"error": "invalid_grant"}
    assert twin.rules.is_refreshable(second["refresh_token"]) is not kills


@pytest.mark.parametrize("kills", [True, False])
def test_a_refresh_kills_the_older_access_token_where_the_profile_says_so(
    clock: VirtualClock, kills: bool
) -> None:
    twin = build_twin(clock, STRICT, refresh_kills_access_tokens=kills)
    first = twin.rules.connect()
    second = refresh(twin, first["refresh_token"])
    assert twin.rules.accepts(first["access_token"]) is not kills
    assert twin.rules.accepts(second["access_token"])


def test_an_access_token_dies_at_its_expiry_and_a_grant_when_the_user_ends_it(clock: VirtualClock) -> None:
    twin = build_twin(clock, STRICT, access_token_seconds=60)
    first = twin.rules.connect()
    clock.advance(59.9)
    assert twin.rules.accepts(first["access_token"])
    clock.advance(0.1)
    assert not twin.rules.accepts(first["access_token"])
    assert twin.rules.is_refreshable(first["refresh_token"])
    twin.rules.end_grant(first["refresh_token"])
    assert refresh(twin, first["refresh_token"]) == {"error": "invalid_grant"}


def test_the_ledger_links_every_token_to_its_parent_and_to_the_request_that_made_it(
    clock: VirtualClock,
) -> None:
    twin = build_twin(clock, STRICT)
    first = twin.rules.connect()
    second = refresh(twin, first["refresh_token"])
    third = refresh(twin, second["refresh_token"])
    ancestors = twin.ledger.find_ancestors(third["access_token"])
    assert [token.value for token in ancestors[:2]] == [second["refresh_token"], first["refresh_token"]]
    assert ancestors[-1].kind == "code"
    request = twin.ledger.find_requests(presented=first["refresh_token"])[0]
    assert (request.outcome, request.client_id, request.grant_type) == ("ok", "client-1", "refresh_token")
    assert {token.request for token in twin.ledger.find_children(first["refresh_token"])} == {request.number}


def test_a_child_set_is_one_answer_to_one_refresh_and_nothing_else(clock: VirtualClock) -> None:
    twin = build_twin(clock, grace(seconds=30, uses=10))
    first = twin.rules.connect()
    one, two = refresh(twin, first["refresh_token"]), refresh(twin, first["refresh_token"])
    parent = first["refresh_token"]
    assert twin.ledger.is_child_set(parent, one["access_token"], one["refresh_token"])
    assert not twin.ledger.is_child_set(parent, one["access_token"], two["refresh_token"])
    assert not twin.ledger.is_child_set(parent, one["access_token"], parent)
    assert not twin.ledger.is_child_set(one["refresh_token"], two["access_token"], two["refresh_token"])
    assert not twin.ledger.is_child_set(parent, "never issued", one["refresh_token"])


def test_a_wrong_or_changed_secret_is_invalid_client_and_touches_no_token(clock: VirtualClock) -> None:
    twin = build_twin(clock, STRICT_KILL)
    first = twin.rules.connect()
    twin.rules.change_secret("client-1", "another")
    form = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
    reply = twin.token(form, authorization=CREDENTIALS)
    assert (reply.status, json.loads(reply.body)["error"]) == (401, "invalid_client")
    assert twin.rules.is_refreshable(first["refresh_token"])


def test_a_refresh_token_of_another_client_is_invalid_grant(clock: VirtualClock) -> None:
    twin = build_twin(clock, STRICT_KILL, clients={"client-1": "secret: % + & é", "client-2": "two"})
    first = twin.rules.connect(client_id="client-2")
    assert refresh(twin, first["refresh_token"]) == {"error": "invalid_grant"}
    assert twin.rules.is_refreshable(first["refresh_token"])


def test_client_credentials_give_an_access_token_without_a_refresh_token(clock: VirtualClock) -> None:
    twin = build_twin(clock, STRICT)
    answer = json.loads(twin.token({"grant_type": "client_credentials"}, authorization=CREDENTIALS).body)
    assert twin.rules.accepts(answer["access_token"])
    assert "refresh_token" not in answer


@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
def test_revocation_takes_the_grant_with_a_refresh_token_and_only_itself_with_an_access_token(
    clock: VirtualClock, kind: str
) -> None:
    twin = build_twin(clock, STRICT)
    first = twin.rules.connect()
    assert twin.revoke({"token": first[kind]}, authorization=CREDENTIALS).status == 200
    assert not twin.rules.accepts(first["access_token"])
    assert twin.rules.is_refreshable(first["refresh_token"]) is (kind == "access_token")
    assert twin.revoke({"token": "unknown"}, authorization=CREDENTIALS).status == 200


@pytest.mark.parametrize("expires_in", [None, "3600", 0, -1, 3_600_000, 1.5, [], True])
def test_expires_in_can_be_any_oddity(clock: VirtualClock, expires_in: Any) -> None:
    twin = build_twin(clock, STRICT, expires_in=expires_in)
    answer = refresh(twin, twin.rules.connect()["refresh_token"])
    assert answer.get("expires_in") == expires_in
    assert ("expires_in" in answer) is (expires_in is not None)


def test_the_same_run_gives_the_same_tokens(clock: VirtualClock) -> None:
    runs = []
    for _ in range(2):
        twin = build_twin(VirtualClock(), STRICT)
        runs.append(refresh(twin, twin.rules.connect()["refresh_token"]))
    assert runs[0] == runs[1]


def test_no_token_is_in_any_repr(clock: VirtualClock) -> None:
    twin = build_twin(clock, STRICT)
    first = twin.rules.connect()
    refresh(twin, first["refresh_token"])
    text = repr(list(twin.ledger.tokens.values())) + repr(twin.ledger.requests) + repr(twin.rules.profile)
    for secret in (first["access_token"], first["refresh_token"], "secret: %"):
        assert secret not in text
