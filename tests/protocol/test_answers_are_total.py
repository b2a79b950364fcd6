"""Properties of every reader of answers: for any entry and any answer it ends in a value, and what is issued can be used."""

import json
import re
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from evertoken.domain.answer_shape import (
    STANDARD_MEMBERS,
    AnswerShape,
    ErrorRule,
    ExpiryKind,
    ExpiryShape,
    RetryAfterShape,
    TraceShape,
)
from evertoken.domain.http import HttpAnswer, NoAnswer, NotSent
from evertoken.domain.outcome import FailureKind, Issued
from evertoken.domain.provider import NewRefreshToken, Rotation, RotationClass
from evertoken.domain.provider_shapes import AccountOrigin, AccountSource
from evertoken.domain.token_set_codec import decode_token_set, encode_token_set
from evertoken.protocol.account import find_account
from evertoken.protocol.device_answer import parse_device_authorization
from evertoken.protocol.revocation_answer import RevocationStatus, parse_revocation_answer
from evertoken.protocol.token_answer import Operation
from tests.protocol.clients import NOW, make_token_set, parse, shape_provider

BOUNDED = settings(deadline=None, derandomize=True, max_examples=300)
USABLE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?")
NAMES = st.sampled_from([*STANDARD_MEMBERS, "accessToken", "token", "data", "error", "code", "ok", "open_id"])
POINTERS = st.sampled_from(["", "/data", "/data/0", "/error/code", "/error", "/code", "/~1", "/0"])
TOKENS = st.sampled_from(["at", " at", "a b", "é", "", "eyJ.eyJleHAiOjF9.x", "e30.e30.e30"])
LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9) | TOKENS
    | st.sampled_from(["bearer", "N_A", "invalid_grant", 3600, 10**45, "2026-11-21T13:00:00Z"])
)  # fmt: skip
JSON = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=5),
    max_leaves=10,
)
LIKELY = st.fixed_dictionaries({"access_token": TOKENS}, optional=dict.fromkeys(STANDARD_MEMBERS[1:], LEAVES))
DOCUMENTS = JSON | LIKELY | st.fixed_dictionaries({"data": LIKELY | st.lists(LIKELY, max_size=2)})
BODIES = (
    st.binary(max_size=80)
    | DOCUMENTS.map(lambda document: json.dumps(document).encode())
    | DOCUMENTS.map(lambda document: f"cb({json.dumps(document)});".encode())
    | st.sampled_from(
        [b"", b" ", b"access_token=at&expires_in=5", b"[" * 50_000, b"\xef\xbb\xbf{}", b"cb(", b"9" * 5000]
    )
)
HEADER_NAMES = ("content-type", "retry-after", "x-token", "x-reset")
ANSWERS = st.builds(
    HttpAnswer,
    status=st.sampled_from([200, 201, 302, 400, 401, 403, 429, 500, 503]) | st.integers(100, 999),
    headers=st.fixed_dictionaries({}, optional=dict.fromkeys(HEADER_NAMES, st.text(max_size=20) | TOKENS)),
    body=BODIES,
)
EXPIRIES = st.builds(ExpiryShape, kind=st.sampled_from(list(ExpiryKind)), zero_is_never=st.booleans())
SHAPES = st.builds(
    AnswerShape,
    token_paths=st.lists(POINTERS, min_size=1, max_size=3).map(tuple),
    members=st.dictionaries(
        st.sampled_from(STANDARD_MEMBERS), st.lists(NAMES, min_size=1, max_size=2).map(tuple), max_size=3
    ),
    headers=st.dictionaries(
        st.sampled_from(["access_token", "cst"]), st.sampled_from(HEADER_NAMES), max_size=2
    ),
    keeps=st.lists(NAMES | POINTERS.filter(bool), max_size=4).map(tuple),
    form_encoded=st.booleans(),
    jsonp=st.booleans(),
    expiry=EXPIRIES,
    refresh_token_expiry=EXPIRIES,
    retry_after=st.none()
    | st.builds(
        RetryAfterShape, header=st.just("x-reset"), path=POINTERS, kind=st.sampled_from(list(ExpiryKind))
    ),
    trace=st.none() | st.builds(TraceShape, header=st.just("x-reset"), path=POINTERS),
)
RULES = st.lists(
    st.builds(
        ErrorRule,
        kind=st.sampled_from(list(FailureKind)),
        path=st.none() | POINTERS,
        statuses=st.sampled_from([frozenset(), frozenset({200, 400})]),
        values=st.lists(st.text(max_size=3) | st.integers() | st.booleans(), min_size=1, max_size=2).map(
            tuple
        ),
        contains=st.booleans(),
        negated=st.booleans(),
    ),
    max_size=2,
).map(tuple)
PROVIDERS = st.builds(
    shape_provider,
    answer=SHAPES,
    error_rules=RULES | st.just(()),
    access_token_lifetime_seconds=st.sampled_from([None, 3600]),
    refresh_token_lifetime_seconds=st.sampled_from([None, 86_400]),
    rotation=st.builds(
        Rotation, kind=st.sampled_from(list(RotationClass)), new_token=st.sampled_from(list(NewRefreshToken))
    ),
    account=st.sampled_from(
        [AccountSource(origin=AccountOrigin.ANSWER, member=member) for member in ("open_id", "/data/0", "/")]
    ),
)
OPERATIONS = st.sampled_from(list(Operation))


def check_issued(issued, provider):
    token_set = issued.token_set
    assert USABLE.fullmatch(token_set.access_token)
    assert token_set.refresh_token is None or USABLE.fullmatch(token_set.refresh_token)
    assert token_set.expires_at is None or token_set.expires_at >= NOW
    assert token_set.refresh_token_expires_at is None or token_set.refresh_token_expires_at > NOW
    assert all(len(text) <= 1024 and text.isprintable() for text in token_set.extra.values())
    assert find_account(provider, token_set) != ""
    merged = token_set.following(make_token_set())
    assert merged.refresh_token
    assert decode_token_set(encode_token_set(merged)).access_token == token_set.access_token


@BOUNDED
@given(provider=PROVIDERS, operation=OPERATIONS, answer=ANSWERS)
def test_every_answer_to_every_entry_is_a_usable_set_or_a_failure_of_the_closed_kinds(
    provider, operation, answer
):
    outcome = parse(answer, provider, operation, ("a",))
    if isinstance(outcome, Issued):
        assert 200 <= answer.status < 300
        check_issued(outcome, provider)
        return
    assert re.fullmatch(r"[a-z0-9_.-]{1,64}", outcome.code)
    assert outcome.retry_after_seconds is None or outcome.retry_after_seconds >= 0
    assert outcome.trace_id is None or re.fullmatch(r"[A-Za-z0-9._:-]{1,128}", outcome.trace_id)
    if outcome.kind is FailureKind.GRANT_DEAD:
        assert operation in (Operation.REFRESH, Operation.SESSION_LOGIN, Operation.JWT_BEARER)


@BOUNDED
@given(
    shape=SHAPES,
    token=st.sampled_from(["at", "a b", "eyJ.eyJleHAiOjF9.x"]),
    members=st.dictionaries(
        NAMES.filter(lambda name: name not in ("access_token", "error")), JSON, max_size=6
    ),
    operation=OPERATIONS,
)
def test_whatever_stands_beside_a_good_access_token_it_is_kept_unless_its_company_cannot_be_used(
    shape, token, members, operation
):
    plain = replace(shape, token_paths=("",), members={}, headers={}, form_encoded=False, jsonp=False)
    provider = shape_provider(answer=plain)
    document = {"token_type": "bearer", **members, "access_token": token}
    outcome = parse(
        HttpAnswer(status=200, headers={}, body=json.dumps(document).encode()), provider, operation
    )
    if isinstance(outcome, Issued):
        assert outcome.token_set.access_token == token
        check_issued(outcome, provider)
        return
    refresh_token, token_type = document.get("refresh_token"), document["token_type"]
    is_usable = refresh_token in (None, "") or (
        isinstance(refresh_token, str) and USABLE.fullmatch(refresh_token)
    )
    assert outcome.code == ("token_type_unsupported" if is_usable else "token_unusable")
    assert not is_usable or token_type not in (None, "", "bearer")


@BOUNDED
@given(provider=PROVIDERS, answer=ANSWERS)
def test_every_answer_to_a_device_authorization_or_a_revocation_is_read(provider, answer):
    found = parse_device_authorization(provider, answer, NOW)
    assert found is not None
    for known in (provider, None):
        revoked = parse_revocation_answer(answer, NOW, known)
        assert re.fullmatch(r"[a-z0-9_.-]{1,64}", revoked.code)
        assert revoked.retry_after_seconds is None or revoked.retry_after_seconds >= 0


@BOUNDED
@given(
    provider=PROVIDERS,
    operation=OPERATIONS,
    exchange=st.builds(NotSent, reason=st.text(max_size=40))
    | st.builds(NoAnswer, reason=st.text(max_size=40)),
)
def test_what_was_not_sent_and_what_was_not_answered_stay_apart_at_every_entry(provider, operation, exchange):
    expected = FailureKind.NOT_SENT if isinstance(exchange, NotSent) else FailureKind.OUTCOME_UNKNOWN
    for failure in (
        parse(exchange, provider, operation),
        parse_device_authorization(provider, exchange, NOW),
    ):
        assert failure.kind is expected
    assert parse_revocation_answer(exchange, NOW, provider).status is RevocationStatus.RETRY


@BOUNDED
@given(document=LIKELY, extra=st.dictionaries(st.text(max_size=5), JSON, max_size=3))
def test_members_that_no_entry_names_change_nothing(document, extra):
    plain = parse(HttpAnswer(status=200, headers={}, body=json.dumps(document).encode()))
    unknown = {
        name: value
        for name, value in extra.items()
        if name not in (*STANDARD_MEMBERS, "error", "refresh_expires_in")
    }
    both = parse(HttpAnswer(status=200, headers={}, body=json.dumps({**unknown, **document}).encode()))
    assert plain == both
