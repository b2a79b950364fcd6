"""The simulated server understands what its entry describes and nothing else: otherwise every client would conform to it."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from evertoken.domain.connection import RefreshPolicy
from evertoken.domain.errors import ProviderRefusedError
from tests.conformance.connecting import connect
from tests.conformance.deviations import OPTIONAL, OPTIONAL_IN_JWT_BEARER, deviations_of
from tests.conformance.entry_document import CONNECTING, Entry, read_entry, shipped_ids
from tests.conformance.grants import GrantRefusedError, Grants
from tests.conformance.journey import renew
from tests.conformance.world import Trial

PLAIN = {
    "id": "plain",
    "name": "Plain",
    "endpoints": {
        "authorization": "https://plain.example/authorize",
        "token": "https://plain.example/token",
        "revocation": "https://plain.example/revoke",
    },
    "client_authentication": {"methods": ["client_secret_basic"], "form_encodes_basic": True},
    "pkce": {"support": "required"},
    "rotation": {"kind": "strict_kill"},
}

ALSO_RIGHT = ("user_token", "client_credentials")
"""Without the user's token the one is the other."""


def entry_with(**sections):
    return Entry({**PLAIN, **sections})


def test_the_simulation_shares_no_code_with_what_it_judges():
    waiting, read = ["authorization_server"], set()
    while waiting:
        name = waiting.pop()
        read.add(name)
        source = Path(__file__).with_name(f"{name}.py").read_text(encoding="utf-8")
        assert "evertoken." not in source, f"{name} imports what it judges"
        waiting += set(re.findall(r"from tests\.conformance\.(\w+) import", source)) - read - set(waiting)

    assert {"entry_document", "request_checks", "answers", "grants", "error_answers"} <= read


@pytest.mark.parametrize("provider_id", shipped_ids())
def test_whatever_deviates_from_a_right_request_is_refused_with_a_reason(provider_id):
    entry = read_entry(provider_id)
    taken = []
    for grant in (one for one in entry.grants if one in CONNECTING):
        with Trial(entry, over_http=False).world() as world:
            server, answer = world.server, world.server.answer

            def deviate_first(call, server=server, answer=answer):
                finding = server.understand(call)
                assert finding.problems == []
                fixed = frozenset(
                    name.lower() for name in entry.request(finding.operation, finding.step).headers
                )
                optional = OPTIONAL | (
                    OPTIONAL_IN_JWT_BEARER if finding.operation == "jwt_bearer" else frozenset()
                )
                for name, other in deviations_of(call, fixed_headers=fixed - {"accept"}, optional=optional):
                    found = server.understand(other)
                    if (
                        other != call
                        and not found.problems
                        and (finding.operation, found.operation) != ALSO_RIGHT
                    ):
                        taken.append(f"{finding.operation}: {name}")
                return answer(call)

            world.service.transport.answering = deviate_first
            row = connect(world, grant)
            renew(world, row)
            world.service.disconnect(world.service.store.get(row.key))

    assert taken == []


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (("client_id=client-1", "client_id=client-2"), "client_id is wrong"),
        (("response_type=code", "response_type=token"), "response_type is wrong"),
        (("code_challenge_method=S256", "code_challenge_method=plain"), "code_challenge_method is wrong"),
        (("scope=read+write", "scope=read"), "scope is wrong"),
        (("https://plain.example", "http://plain.example"), "the scheme is http"),
        (("plain.example", "other.example"), "the host is other.example"),
        (("/authorize?", "/authorise?"), "the path is /authorise"),
        (("state=", "nonce="), "the parameter state is missing"),
    ],
)
def test_a_wrong_authorization_url_is_refused_with_its_reason(change, reason):
    with Trial(entry_with(), over_http=False).world() as world:
        url = world.service.start(world.service.wish({})).authorization_url
        assert world.server.authorize(url)
        assert world.server.authorize(url.replace(*change)) == ""

    assert reason in world.server.refusals[0]


def begin(**sections):
    grants = Grants(entry_with(**sections))
    grant = grants.begin("authorization_code", ("read",), 0)
    grants.issue(grant, 0, with_refresh_token=True)
    return grants, grant


def refresh(grants, text, now):
    grant = grants.spend(text, now)
    grants.renew(grant, now)
    return grant.refresh[-1].text


def test_an_old_refresh_token_ends_the_grant_where_rotation_is_unknown_or_unverified():
    unverified = {"kind": "static", "source": {"url": "-", "checked_on": "-", "confidence": "unverified"}}
    for rotation in ({"kind": "strict_kill"}, {"kind": "unknown"}, {}, unverified):
        grants, grant = begin(rotation=rotation)
        refresh(grants, "refresh-1-1", 10)
        with pytest.raises(GrantRefusedError, match="used before"):
            grants.spend("refresh-1-1", 11)
        assert grant.is_dead
        assert grants.violations == ["a refresh token that was used before"]


def test_an_old_refresh_token_is_refused_and_the_grant_lives_where_rotation_is_strict():
    grants, grant = begin(rotation={"kind": "strict"})
    newest = refresh(grants, "refresh-1-1", 10)
    with pytest.raises(GrantRefusedError):
        grants.spend("refresh-1-1", 11)

    assert not grant.is_dead
    assert refresh(grants, newest, 12) == "refresh-1-3"


def test_an_old_refresh_token_works_for_the_grace_and_not_longer():
    grants, _ = begin(rotation={"kind": "grace", "grace_seconds": 60})
    refresh(grants, "refresh-1-1", 10)

    refresh(grants, "refresh-1-1", 70)
    with pytest.raises(GrantRefusedError):
        grants.spend("refresh-1-1", 71)


def test_a_grace_that_ends_on_use_ends_when_the_new_token_is_used():
    grants, _ = begin(rotation={"kind": "grace", "grace_seconds": 60, "grace_ends_on_use": True})
    newest = refresh(grants, "refresh-1-1", 10)
    refresh(grants, newest, 20)
    with pytest.raises(GrantRefusedError):
        grants.spend("refresh-1-1", 21)


def test_a_static_refresh_token_stays():
    grants, grant = begin(rotation={"kind": "static"})

    assert refresh(grants, "refresh-1-1", 10) == refresh(grants, "refresh-1-1", 20) == "refresh-1-1"
    assert len(grant.refresh) == 1


def test_a_refresh_ends_the_access_token_where_the_entry_says_so():
    for kills in (True, False):
        grants, grant = begin(rotation={"kind": "static", "kills_access_token": kills})
        refresh(grants, "refresh-1-1", 10)
        assert [token.is_ended for token in grant.access] == [kills, False]


@pytest.mark.parametrize(
    ("sections", "now", "reason"),
    [
        ({"refresh": {"minimum_age_seconds": 3000}}, 2999, "too young"),
        ({"refresh": {"window_seconds": 60}}, 3539, "too early"),
        ({"lifetimes": {"refresh_token_seconds": 100}}, 100, "expired"),
        ({"lifetimes": {"grant_seconds": 500}}, 500, "over"),
    ],
)
def test_a_refresh_at_the_wrong_time_is_refused(sections, now, reason):
    grants, _ = begin(**sections)
    with pytest.raises(GrantRefusedError, match=reason):
        grants.spend("refresh-1-1", now)


def test_an_access_token_that_expired_renews_nothing_where_the_entry_says_so():
    for after_expiry in (True, False):
        grants, grant = begin(refresh={"credential": "access_token", "after_expiry": after_expiry})
        if after_expiry:
            assert grants.spend("access-1-1", 3600) is grant
        else:
            with pytest.raises(GrantRefusedError):
                grants.spend("access-1-1", 3600)


def test_one_request_more_than_the_limit_is_throttled_and_noted():
    limits = [{"requests": 2, "seconds": 60, "per": "grant"}]
    entry = entry_with(limits=limits, rotation={"kind": "static"})
    with Trial(entry, over_http=False).world() as world:
        row = connect(world, "authorization_code", RefreshPolicy.SCHEDULED)
        calls = []
        answer = world.server.answer
        world.service.transport.answering = lambda call: calls.append(call) or answer(call)
        renew(world, row)
        assert world.server.violations == []
        assert [world.server.answer(calls[0]).status for _ in range(2)] == [200, 429]

    assert world.server.violations == ["3 requests in 60 s, and 2 are allowed"]


def test_a_code_is_not_given_for_another_verifier():
    with Trial(entry_with(), over_http=False).world() as world:
        right = world.server.answer

        def with_another_verifier(call):
            body = re.sub(rb"code_verifier=[^&]+", b"code_verifier=" + b"x" * 43, call.body)
            return right(replace(call, body=body))

        world.service.transport.answering = with_another_verifier
        with pytest.raises(ProviderRefusedError):
            connect(world, "authorization_code")

    assert world.server.violations == ["code_exchange: a verifier that is not the challenge's"]


@pytest.mark.parametrize(
    ("wanted", "sent", "reason"),
    [
        ("access_token", "refresh-1-1", "not the grant's current access_token"),
        ("refresh_token", "access-1-1", "not the grant's current refresh_token"),
        (None, "access-1-0", "the token was never issued"),
    ],
)
def test_a_revocation_of_another_token_is_refused(wanted, sent, reason):
    entry = entry_with(revocation={} if wanted is None else {"token": wanted})
    with Trial(entry, over_http=False).world() as world:
        row = connect(world, "authorization_code")
        right = world.server.answer

        def with_another_token(call):
            body = re.sub(rb"(?<![a-z_])token=[^&]+", b"token=" + sent.encode(), call.body)
            return right(replace(call, body=body))

        world.service.transport.answering = with_another_token
        world.service.disconnect(row)

    assert reason in world.server.refusals[0]
    assert not world.server.grants.latest.is_dead


def test_an_answer_that_is_lost_was_given_all_the_same():
    with Trial(entry_with(), over_http=False).world() as world:
        row = connect(world, "authorization_code")
        world.server.answers_to_lose = 1
        assert renew(world, row).failure.kind == "outcome_unknown"
        assert len(world.server.grants.latest.refresh) == 2


def test_an_assertion_is_good_once_and_only_for_its_audience():
    entry = entry_with(client_authentication={"methods": ["private_key_jwt"]})
    with Trial(entry, over_http=False).world() as world:
        calls = []
        answer = world.server.answer
        world.service.transport.answering = lambda call: calls.append(call) or answer(call)
        connect(world, "authorization_code")
        assert "jti is missing or was used before" in world.server.understand(calls[0]).problems[0]

    elsewhere = {**PLAIN["endpoints"], "token": "https://plain.example/token2"}
    other = entry_with(endpoints=elsewhere, client_authentication={"methods": ["private_key_jwt"]})
    with Trial(other, over_http=False).world() as world:
        [problem] = [one for one in world.server.understand(calls[0]).problems if "path" in one]
        assert "/token2" in problem


def test_a_device_that_asks_too_soon_is_told_to_slow_down():
    device = {**PLAIN["endpoints"], "device_authorization": "https://plain.example/device"}
    entry = entry_with(grants=["device_code", "refresh_token"], endpoints=device)
    with Trial(entry, over_http=False).world() as world:
        world.service.start_device(world.service.wish({}))
        devices = world.server.devices
        assert devices.poll("device-1") == "authorization_pending"
        world.clock.advance(4)
        assert devices.poll("device-1") == "slow_down"
        world.clock.advance(5)
        devices.approve()
        assert devices.poll("device-1") is None
        assert devices.poll("device-1") == "expired_token"
