"""Streams, schedules and cookies reach functions as on AWS, also over a restart. An emulator of its own, for it is restarted."""

from __future__ import annotations

import contextlib
import io
import json
import os
import time
import urllib.error
import urllib.request
import uuid
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from local import deploy
from local.emulator import process
from local.emulator.http_api import move_cookies
from local.emulator.streams import find_first_failure
from local.stack import LocalStack
from tests.support.stack import find_free_port

WAIT_SECONDS = 20.0
# Writes down what it was given; fails as the records, or a file beside the notes, ask it to.
CODE = """
import json, os, pathlib
def handler(event, context):
    notes = pathlib.Path(os.environ["NOTES"])
    records = event.get("Records")
    keys = [record["dynamodb"]["Keys"]["pk"]["S"] for record in records] if records else event.get("cookies", ["tick"])
    with notes.open("a") as file:
        file.write(json.dumps(keys) + "\\n")
    print(len(keys), "noted")
    if any(key.startswith("poison") for key in keys) or notes.with_suffix(".broken").exists():
        raise RuntimeError("as asked")
    failed = [r["dynamodb"]["SequenceNumber"] for r, key in zip(records or [], keys) if key.startswith("partial")]
    once = notes.with_suffix(".once")
    if failed and not once.exists():
        once.touch()
        return {"batchItemFailures": [{"itemIdentifier": failed[0]}]}
    return {"batchItemFailures": []}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """A bare emulator and what tests need to build on it."""

    stack: LocalStack
    notes_directory: Path

    def client(self, service: str) -> Any:
        return deploy.build_session().client(service, endpoint_url=self.stack.endpoint)

    def make_function(self) -> tuple[str, Path]:
        """Return a function's ARN and the file in which it notes its calls."""
        name = f"consumer-{uuid.uuid4().hex[:8]}"
        notes = self.notes_directory / f"{name}.notes"
        role = self.client("iam").create_role(
            RoleName=name,
            AssumeRolePolicyDocument=json.dumps(
                {
                    "Version": "2012-10-17",
                    "Statement": [
                        {
                            "Effect": "Allow",
                            "Principal": {"Service": "lambda.amazonaws.com"},
                            "Action": "sts:AssumeRole",
                        }
                    ],
                }
            ),
        )["Role"]["Arn"]
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as file:
            file.writestr("handler.py", CODE)
        made = self.client("lambda").create_function(
            FunctionName=name,
            Runtime="python3.12",
            Role=role,
            Handler="handler.handler",
            Timeout=5,
            Code={"ZipFile": archive.getvalue()},
            Environment={"Variables": {"NOTES": str(notes)}},
        )
        return str(made["FunctionArn"]), notes

    def make_table(self) -> tuple[str, str]:
        """Return a table's name and its stream's ARN."""
        name = f"table-{uuid.uuid4().hex[:8]}"
        made = self.client("dynamodb").create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        )
        return name, str(made["TableDescription"]["LatestStreamArn"])

    def put(self, table: str, *keys: str) -> None:
        for key in keys:
            self.client("dynamodb").put_item(TableName=table, Item={"pk": {"S": key}})

    def map_stream(self, stream: str, function: str, **settings: Any) -> None:
        self.client("lambda").create_event_source_mapping(
            EventSourceArn=stream, FunctionName=function, StartingPosition="TRIM_HORIZON", **settings
        )


def read_notes(path: Path) -> list[list[str]]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def is_alive(pid: int) -> bool:
    """Tell whether a process runs; one that has ended and waits to be buried by its parent does not."""
    status = Path(f"/proc/{pid}/stat")
    return status.exists() and status.read_text().rpartition(")")[2].split()[0] != "Z"


def wait_for(condition: Callable[[], bool], seconds: float = WAIT_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    directory = tmp_path_factory.mktemp("emulator")
    stack = LocalStack(port=find_free_port(), directory=directory)
    process.start(stack, owner=os.getpid())
    yield Bench(stack=stack, notes_directory=directory)
    process.stop(stack)


def test_a_poisoned_record_is_isolated_given_up_and_reported_and_the_rest_is_delivered(bench: Bench) -> None:
    function, notes = bench.make_function()
    table, stream = bench.make_table()
    queue = bench.client("sqs").create_queue(QueueName=f"failed-{uuid.uuid4().hex[:8]}")["QueueUrl"]
    arn = bench.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"][
        "QueueArn"
    ]
    bench.put(table, "a", "poison", "b", "c")
    bench.map_stream(
        stream,
        function,
        BatchSize=4,
        MaximumRetryAttempts=1,
        BisectBatchOnFunctionError=True,
        DestinationConfig={"OnFailure": {"Destination": arn}},
    )
    wait_for(lambda: any("c" in batch and "poison" not in batch for batch in read_notes(notes)))
    assert ["poison"] in read_notes(notes)
    report = json.loads(
        bench.client("sqs").receive_message(QueueUrl=queue, WaitTimeSeconds=5)["Messages"][0]["Body"]
    )
    assert report["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert report["DDBStreamBatchInfo"]["batchSize"] == 1


def test_a_partial_failure_is_repeated_from_the_failed_record_on(bench: Bench) -> None:
    function, notes = bench.make_function()
    table, stream = bench.make_table()
    bench.put(table, "a", "partial", "b")
    bench.map_stream(stream, function, BatchSize=3, FunctionResponseTypes=["ReportBatchItemFailures"])
    wait_for(lambda: len(read_notes(notes)) == 2)
    assert read_notes(notes) == [["a", "partial", "b"], ["partial", "b"]]


def test_a_schedule_fires_once_and_stream_records_wait_over_a_restart(bench: Bench) -> None:
    function, notes = bench.make_function()
    table, stream = bench.make_table()
    scheduled, ticks = bench.make_function()
    role = "arn:aws:iam::000000000000:role/none"
    bench.client("scheduler").create_schedule(
        Name=f"once-{uuid.uuid4().hex[:8]}",
        ScheduleExpression="at(2020-01-01T00:00:00)",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": scheduled, "RoleArn": role},
        ActionAfterCompletion="NONE",
    )
    wait_for(lambda: len(read_notes(ticks)) == 1, seconds=8.0)  # the emulator's own tick is ten
    bench.map_stream(stream, function, BatchSize=1)
    bench.put(table, "before")
    wait_for(lambda: ["before"] in read_notes(notes))
    notes.with_suffix(".broken").touch()
    bench.put(table, "pending 1", "pending 2")
    wait_for(lambda: ["pending 1"] in read_notes(notes))

    assert process.stop(bench.stack)
    notes.with_suffix(".broken").unlink()
    process.start(bench.stack, owner=os.getpid())

    wait_for(lambda: ["pending 2"] in read_notes(notes))
    bench.put(table, "after")
    wait_for(lambda: ["after"] in read_notes(notes))
    time.sleep(1.5)  # more than one tick of the scheduler
    assert len(read_notes(ticks)) == 1


def test_stopping_the_emulator_ends_its_workers_too(tmp_path: Path) -> None:
    stack = LocalStack(port=find_free_port(), directory=tmp_path)
    process.start(stack, owner=os.getpid())
    bench = Bench(stack=stack, notes_directory=tmp_path)
    function, _ = bench.make_function()
    bench.client("lambda").invoke(FunctionName=function, Payload=b"{}")
    pid = process.get_background(stack).find_pid()
    assert pid is not None
    group = [
        int(entry.name)
        for entry in Path("/proc").iterdir()
        if entry.name.isdigit() and os.getpgid(int(entry.name)) == pid
    ]
    assert len(group) >= 2, "the worker is in the emulator's group"
    assert process.stop(stack)
    wait_for(lambda: not any(is_alive(member) for member in group))
    with pytest.raises(OSError):
        urllib.request.urlopen(stack.endpoint, timeout=1)


def test_cookies_reach_a_function_as_payload_format_2_says(bench: Bench) -> None:
    function, notes = bench.make_function()
    gateway = bench.client("apigatewayv2")
    api = gateway.create_api(Name="cookies", ProtocolType="HTTP")["ApiId"]
    integration = gateway.create_integration(
        ApiId=api, IntegrationType="AWS_PROXY", IntegrationUri=function, PayloadFormatVersion="2.0"
    )["IntegrationId"]
    gateway.create_route(ApiId=api, RouteKey="$default", Target=f"integrations/{integration}")
    gateway.create_stage(ApiId=api, StageName="$default", AutoDeploy=True)
    address = f"{bench.stack.endpoint}/_aws/execute-api/{api}/$default/any"
    request = urllib.request.Request(address, headers={"cookie": "a=1; b=2"})
    with contextlib.suppress(urllib.error.HTTPError):  # the answer is not the point
        urllib.request.urlopen(request, timeout=10)
    assert read_notes(notes) == [["a=1", "b=2"]]


def test_cookies_are_a_list_of_their_own() -> None:
    event = {"version": "2.0", "headers": {"Cookie": "a=1; b=2", "accept": "*/*"}}
    assert move_cookies(event) == {"version": "2.0", "headers": {"accept": "*/*"}, "cookies": ["a=1", "b=2"]}
    assert move_cookies({"version": "1.0", "headers": {"cookie": "a=1"}})["headers"] == {"cookie": "a=1"}
    assert move_cookies({"version": "2.0", "headers": {}}) == {"version": "2.0", "headers": {}}


def test_the_lowest_failed_record_decides_and_an_unknown_one_fails_the_batch() -> None:
    numbers = ["10", "11", "12"]
    assert find_first_failure({"batchItemFailures": []}, numbers) is None
    assert find_first_failure(None, numbers) is None
    assert (
        find_first_failure(
            {"batchItemFailures": [{"itemIdentifier": "12"}, {"itemIdentifier": "11"}]}, numbers
        )
        == 1
    )
    assert find_first_failure('{"batchItemFailures": [{"itemIdentifier": "99"}]}', numbers) == 0
