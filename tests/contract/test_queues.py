"""The queues, one suite for the fakes and for SQS as moto plays it, and their messages: what is parsed, is parsed totally."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evertoken.adapters.sqs_messages import encode_hint, encode_rescued, parse_hint, parse_rescued
from evertoken.adapters.sqs_queues import SQSHintQueue, SQSRescueSink
from evertoken.domain.connection import ConnectionKey, PublicationMode, Sealed
from evertoken.domain.consent import Consent
from evertoken.domain.errors import StoreUnavailableError
from evertoken.domain.hint import Hint
from evertoken.ports import RescuedAnswer, TokenSetCommit
from tests.contract.store_under_test import NOW, moto_account
from tests.fakes.clock import FakeClock
from tests.fakes.queue import FakeHintQueue, FakeRescueSink

__all__ = ["moto_account"]
_numbers = itertools.count(1)
HINT = Hint(
    key=ConnectionKey(tenant_id="tenant-1", connection_id="conn-1"),
    epoch=1,
    generation=2,
    provider_id="provider-1",
    registration_id="reg-1",
    key_id="2026-11",
)
RESCUED = RescuedAnswer(
    key=HINT.key,
    commit=TokenSetCommit(
        epoch=1,
        generation=2,
        commit_id="commit",
        owner="owner",
        sealed=Sealed(key_id="2026-11", ciphertext=b"\x00\xffsealed"),
        issued_at=NOW,
        expires_at=None,
        scope="read",
        missing_scope="",
        has_refresh_token=True,
        refresh_token_expires_at=NOW + timedelta(days=30),
        refresh_at=NOW,
        consent=Consent(ends_at=NOW + timedelta(days=30), notice_at=NOW + timedelta(days=16)),
        due_at=NOW + timedelta(days=16),
        publication=PublicationMode.API_ONLY,
        now=NOW,
    ),
)


class Sent:
    """A queue port and the bodies that reached its queue."""

    def __init__(self, kind: str, fake: type, adapter: type) -> None:
        self._url = ""
        if kind == "fake":
            self.port: Any = fake(FakeClock())
        else:
            self._url = boto3.client("sqs").create_queue(QueueName=f"queue-{next(_numbers)}")["QueueUrl"]
            self.port = adapter(boto3.client("sqs"), self._url)

    def bodies(self) -> list[str]:
        if not self._url:
            return [message.body for message in self.port.queue.messages]
        bodies: list[str] = []
        while (
            messages := boto3.client("sqs")
            .receive_message(QueueUrl=self._url, MaxNumberOfMessages=10)
            .get("Messages")
        ):
            bodies += [message["Body"] for message in messages]
        return bodies


@pytest.fixture(params=["fake", "sqs"])
def hints(request: pytest.FixtureRequest, moto_account: Any) -> Sent:
    return Sent(request.param, FakeHintQueue, SQSHintQueue)


@pytest.fixture(params=["fake", "sqs"])
def sink(request: pytest.FixtureRequest, moto_account: Any) -> Sent:
    return Sent(request.param, FakeRescueSink, SQSRescueSink)


@pytest.mark.parametrize("count", [0, 1, 10, 11, 37])
def test_every_hint_arrives_as_it_was(hints: Sent, count: int) -> None:
    sent = [replace(HINT, generation=number) for number in range(count)]
    assert hints.port.send(iter(sent)) == count
    arrived = [parse_hint(body) for body in hints.bodies()]
    assert sorted(hint.generation for hint in arrived if hint) == list(range(count))
    assert not arrived or HINT in [replace(hint, generation=2) for hint in arrived if hint]


def test_an_answer_waits_in_the_sink_as_it_was(sink: Sent) -> None:
    sink.port.keep(RESCUED)
    assert [parse_rescued(body) for body in sink.bodies()] == [RESCUED]


class RecordingSqs:
    """An SQS client that refuses the messages of these positions."""

    def __init__(self, refused: set[str]) -> None:
        self.entries: list[dict[str, Any]] = []
        self._refused = refused

    def send_message_batch(self, *, QueueUrl: str, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        self.entries += Entries
        return {
            "Successful": [{"Id": one["Id"]} for one in Entries if one["Id"] not in self._refused],
            "Failed": [{"Id": one["Id"]} for one in Entries if one["Id"] in self._refused],
        }


def test_a_hint_that_was_not_accepted_is_an_error_and_not_a_number() -> None:
    queue = SQSHintQueue(RecordingSqs({"3"}), "url")  # type: ignore[arg-type]
    with pytest.raises(StoreUnavailableError):
        queue.send([HINT] * 5)


def test_delays_stay_within_what_sqs_takes_and_groups_are_fair() -> None:
    client = RecordingSqs(set())
    others = (
        replace(HINT, key=replace(HINT.key, tenant_id="tenant é " * 30)),
        replace(HINT, provider_id="other"),
    )
    SQSHintQueue(client, "url").send(
        [replace(HINT, delay_seconds=5000), replace(HINT, delay_seconds=-5), *others]
    )  # type: ignore[arg-type]
    assert [entry["DelaySeconds"] for entry in client.entries] == [900, 0, 0, 0]
    groups = [entry["MessageGroupId"] for entry in client.entries]
    assert groups[0] == groups[1]
    assert len(set(groups)) == 3
    assert all(len(group) <= 128 and group.isalnum() for group in groups)


# the messages

text = st.text(st.characters(codec="utf-8"), max_size=20)
instants = st.datetimes(datetime(1970, 1, 1), datetime(9000, 1, 1), timezones=st.just(UTC)).map(  # noqa: DTZ001
    lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000)
)
keys = st.builds(ConnectionKey, tenant_id=text, connection_id=text)
commits = st.builds(
    TokenSetCommit,
    epoch=st.integers(0, 2**53),
    generation=st.integers(0, 2**53),
    commit_id=text,
    owner=text,
    sealed=st.builds(Sealed, key_id=text, ciphertext=st.binary(max_size=60)),
    issued_at=instants,
    expires_at=st.none() | instants,
    scope=text,
    missing_scope=text,
    has_refresh_token=st.booleans(),
    refresh_token_expires_at=st.none() | instants,
    refresh_at=st.none() | instants,
    consent=st.none() | st.builds(Consent, ends_at=instants, notice_at=st.none() | instants),
    due_at=st.none() | instants,
    publication=st.sampled_from(PublicationMode),
    now=instants,
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(rescued=st.builds(RescuedAnswer, key=keys, commit=commits))
def test_any_rescued_answer_comes_back_as_it_was(rescued: RescuedAnswer) -> None:
    assert parse_rescued(encode_rescued(rescued)) == rescued


@settings(max_examples=60, deadline=None, derandomize=True)
@given(key=keys, epoch=st.integers(), provider_id=text, asked=st.booleans())
def test_any_hint_comes_back_as_it_was(key: ConnectionKey, epoch: int, provider_id: str, asked: bool) -> None:
    hint = replace(HINT, key=key, epoch=epoch, provider_id=provider_id, asked=asked)
    assert parse_hint(encode_hint(hint)) == hint


@settings(max_examples=150, deadline=None, derandomize=True)
@given(body=st.text(max_size=60) | json_values.map(json.dumps))
def test_no_body_breaks_the_parsers(body: str) -> None:
    assert parse_hint(body) is None
    assert parse_rescued(body) is None


@settings(max_examples=200, deadline=None, derandomize=True)
@given(data=st.data(), rescued=st.booleans())
def test_a_body_with_one_member_changed_is_parsed_or_refused(data: st.DataObject, rescued: bool) -> None:
    document = json.loads(encode_rescued(RESCUED) if rescued else encode_hint(HINT))
    name = data.draw(st.sampled_from(sorted(document)))
    if data.draw(st.booleans()):
        del document[name]
    else:
        document[name] = data.draw(json_values)
    body = json.dumps(document)
    parsed = parse_rescued(body) if rescued else parse_hint(body)
    assert parsed is None or parsed.key.tenant_id == document["tenant_id"]


@pytest.mark.parametrize(
    "body", ["", "null", "[]", "{}", "[" * 5000, "1" * 5000, '{"version":2}', '{"version":"1"}', "\ud800"]
)
def test_odd_bodies_are_refused(body: str) -> None:
    assert parse_hint(body) is None
    assert parse_rescued(body) is None


def test_a_body_of_another_version_is_not_understood() -> None:
    for encoded, parse in ((encode_hint(HINT), parse_hint), (encode_rescued(RESCUED), parse_rescued)):
        document = json.loads(encoded)
        assert parse(json.dumps(document | {"version": 2})) is None


def test_a_hint_carries_no_instant_and_no_token() -> None:
    assert set(json.loads(encode_hint(HINT))) == {
        "version",
        "tenant_id",
        "connection_id",
        "epoch",
        "generation",
        "provider_id",
        "registration_id",
        "key_id",
        "asked",
        "correlation_id",
    }
