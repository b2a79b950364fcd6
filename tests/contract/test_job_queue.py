"""The job queue, one suite for the fake and for SQS as moto plays it, and its messages: what is parsed, is parsed totally."""

import itertools
import json

import boto3
import pytest
from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st

from evertoken.adapters.job_messages import encode_job_message, parse_job_message
from evertoken.adapters.sqs_jobs import SQSJobQueue
from evertoken.domain.errors import StoreUnavailableError
from evertoken.domain.job import JobExpansion, JobStepDue, ScheduleTick
from tests.contract.store_under_test import moto_account
from tests.fakes.clock import FakeClock
from tests.fakes.job_queue import FakeJobQueue

__all__ = ["moto_account"]
_numbers = itertools.count(1)
EXPANSION = JobExpansion(tenant_id="acme", job_id="job_a")
STEP = JobStepDue(tenant_id="acme", job_id="job_a", position=7)
TICK = ScheduleTick(tenant_id="acme", schedule_id="sch_a", scheduled_time="2026-11-21T12:00:00Z")


class FakeSide:
    """The fake and what its consumer sees."""

    def __init__(self):
        self.clock = FakeClock()
        self.port = FakeJobQueue(self.clock)

    def receive(self):
        message = self.port.queue.receive()
        return None if message is None else (message.body, self.port.handle_of(message))


class SqsSide:
    """The adapter and what its consumer sees."""

    def __init__(self):
        self.client = boto3.client("sqs")
        self.url = self.client.create_queue(QueueName=f"jobs-{next(_numbers)}")["QueueUrl"]
        self.port = SQSJobQueue(self.client, self.url)

    def receive(self):
        answer = self.client.receive_message(QueueUrl=self.url, VisibilityTimeout=100)
        for message in answer.get("Messages", []):
            return message["Body"], message["ReceiptHandle"]
        return None


@pytest.fixture(params=["fake", "sqs"])
def side(request, moto_account):
    return FakeSide() if request.param == "fake" else SqsSide()


@pytest.mark.parametrize("count", [0, 1, 10, 11, 37])
def test_every_message_arrives_as_it_was(side, count):
    sent = [JobStepDue(tenant_id="acme", job_id="job_a", position=number) for number in range(count)]

    side.port.send(iter(sent))

    arrived = [parse_job_message(side.receive()[0]) for _ in range(count)]
    assert sorted(message.position for message in arrived) == list(range(count))
    assert side.receive() is None


def test_a_message_that_is_postponed_is_invisible_and_then_comes_again(side):
    side.port.send([EXPANSION])
    body, handle = side.receive()

    side.port.postpone(handle, seconds=40)
    assert side.receive() is None
    side.port.postpone(handle, seconds=0)

    assert side.receive()[0] == body


def test_a_message_is_never_postponed_for_longer_than_sqs_takes(moto_account):
    side = SqsSide()
    side.port.send([EXPANSION])
    _, handle = side.receive()

    side.port.postpone(handle, seconds=10**9)
    side.port.postpone(handle, seconds=-5)

    assert side.receive() is not None


class RecordingSqs:
    """An SQS client that refuses the messages of these positions, or fails altogether."""

    def __init__(self, refused=frozenset(), error=""):
        self.entries = []
        self._refused = refused
        self._error = error

    def send_message_batch(self, *, QueueUrl, Entries):  # noqa: N803
        if self._error:
            raise ClientError({"Error": {"Code": self._error}}, "SendMessageBatch")
        self.entries += Entries
        return {"Failed": [{"Id": one["Id"]} for one in Entries if one["Id"] in self._refused]}


@pytest.mark.parametrize("client", [RecordingSqs({"3"}), RecordingSqs(error="ServiceUnavailable")])
def test_a_message_that_was_not_accepted_is_an_error(client):
    with pytest.raises(StoreUnavailableError):
        SQSJobQueue(client, "url").send([STEP] * 5)


def test_tenants_have_fair_groups_of_their_own():
    client = RecordingSqs()
    other = JobExpansion(tenant_id="tenant é " * 30, job_id="job_b")

    SQSJobQueue(client, "url").send([EXPANSION, STEP, other])

    groups = [entry["MessageGroupId"] for entry in client.entries]
    assert groups[0] == groups[1] != groups[2]
    assert all(len(group) <= 128 and group.isalnum() for group in groups)


# the messages

text = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)
messages = st.one_of(
    st.builds(JobExpansion, tenant_id=text, job_id=text),
    st.builds(JobStepDue, tenant_id=text, job_id=text, position=st.integers(0, 999)),
    st.builds(ScheduleTick, tenant_id=text, schedule_id=text, scheduled_time=text | st.just("")),
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=80, deadline=None, derandomize=True)
@given(message=messages)
def test_any_message_comes_back_as_it_was(message):
    assert parse_job_message(encode_job_message(message)) == message


@settings(max_examples=150, deadline=None, derandomize=True)
@given(body=st.text(max_size=60) | json_values.map(json.dumps))
def test_no_body_breaks_the_parser(body):
    assert parse_job_message(body) is None


@settings(max_examples=150, deadline=None, derandomize=True)
@given(data=st.data(), message=st.sampled_from([EXPANSION, STEP, TICK]))
def test_a_body_with_one_member_changed_is_parsed_or_refused(data, message):
    document = json.loads(encode_job_message(message))
    name = data.draw(st.sampled_from(sorted(document)))
    if data.draw(st.booleans()):
        del document[name]
    else:
        document[name] = data.draw(json_values)
    parsed = parse_job_message(json.dumps(document))
    assert parsed is None or parsed.tenant_id == document["tenant_id"]


@pytest.mark.parametrize(
    "body",
    [
        "",
        "null",
        "[]",
        "{}",
        "[" * 5000,
        '{"version":2,"tenant_id":"a","kind":"expansion","job_id":"b"}',
        '{"version":1,"tenant_id":"a","kind":"other","job_id":"b"}',
        '{"version":1,"tenant_id":"","kind":"expansion","job_id":"b"}',
        '{"version":1,"tenant_id":"a","kind":"step","job_id":"b","position":-1}',
        '{"version":1,"tenant_id":"a","kind":"step","job_id":"b","position":true}',
        '{"version":1,"tenant_id":"a","kind":["step"],"job_id":"b","position":1}',
    ],
)
def test_odd_bodies_are_refused(body):
    assert parse_job_message(body) is None
