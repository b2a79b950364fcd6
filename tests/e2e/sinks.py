"""Everything into which a stack writes and that others may read: searched for values that must not be there."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx

from local.deploy import build_session
from local.stack import LocalStack
from tests.support.stack import AwsClients

AWS_SOURCES = ("dynamodb", "events", "kms", "lambda", "scheduler", "secretsmanager", "sqs", "sts")
"""What the event history is read for; the emulator also records requests to the API itself, which CloudTrail does not see."""


def record_history(stack: LocalStack) -> None:
    """Have the emulator keep its history of AWS calls from now on (its CloudTrail)."""
    answer = httpx.post(
        f"{stack.endpoint}/_ministack/config",
        content=json.dumps({"cloudtrail._recording_enabled": "true"}),
        trust_env=False,
    )
    assert answer.json() == {"applied": {"cloudtrail._recording_enabled": True}}, answer.text


@dataclass(frozen=True, slots=True, kw_only=True)
class Sinks:
    """One stack's sinks, read with the rights of its account's root."""

    stack: LocalStack
    aws: AwsClients

    def read_all(self) -> dict[str, str]:
        """Return the whole text of every sink, by its name."""
        readers: dict[str, Callable[[], Iterator[str]]] = {
            "logs": self._logs,
            "queues": self._queues,
            "table items": self._items,
            "table stream": self._stream,
            "history of AWS calls": self._history,
            "process output": self._output,
        }
        return {name: "\n".join(read()) for name, read in readers.items()}

    def read_published(self) -> Iterator[tuple[str, str]]:
        """Every version of every secret that readers may read, with its name."""
        client = self.aws.client("secretsmanager")
        for page in client.get_paginator("list_secrets").paginate():
            for secret in page["SecretList"]:
                if "/tokens/" not in secret["Name"]:
                    continue
                for version in client.list_secret_version_ids(
                    SecretId=secret["Name"], IncludeDeprecated=True
                )["Versions"]:
                    content = client.get_secret_value(SecretId=secret["Name"], VersionId=version["VersionId"])
                    yield secret["Name"], content["SecretString"]

    def _logs(self) -> Iterator[str]:
        client = self.aws.client("logs")
        for groups in client.get_paginator("describe_log_groups").paginate():
            for group in groups["logGroups"]:
                pages = client.get_paginator("filter_log_events").paginate(logGroupName=group["logGroupName"])
                for page in pages:
                    for event in page["events"]:
                        yield event["message"]

    def _queues(self) -> Iterator[str]:
        # A look at the messages that moves none of them, those in work and those delayed included.
        answer = httpx.get(f"{self.stack.endpoint}/_ministack/sqs/messages", trust_env=False)
        yield json.dumps(answer.json(), ensure_ascii=False)

    def _items(self) -> Iterator[str]:
        pages = (
            self.aws.client("dynamodb")
            .get_paginator("scan")
            .paginate(TableName=self.aws.physical_id("Table"))
        )
        for page in pages:
            for item in page["Items"]:
                yield from texts_in(item)

    def _stream(self) -> Iterator[str]:
        table = self.aws.client("dynamodb").describe_table(TableName=self.aws.physical_id("Table"))["Table"]
        client, arn = self.aws.client("dynamodbstreams"), table["LatestStreamArn"]
        for shard in client.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]:
            iterator = client.get_shard_iterator(
                StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
            )["ShardIterator"]
            while iterator:
                page = client.get_records(ShardIterator=iterator)
                if not page["Records"]:
                    break
                for record in page["Records"]:
                    yield from texts_in(record["dynamodb"])
                iterator = page.get("NextShardIterator")

    def _history(self) -> Iterator[str]:
        # A client for itself, because it is changed.
        client, until, seen = self.aws.client("cloudtrail", build_session()), time.time() + 60, set[str]()

        def set_end(params: dict[str, Any], **_: Any) -> None:
            # The SDK would round the instant to a second, which holds hundreds of calls.
            params["body"] = json.dumps({"EndTime": until}).encode()

        client.meta.events.register("before-call.cloudtrail.LookupEvents", set_end)
        while True:
            new = [event for event in client.lookup_events()["Events"] if event["EventId"] not in seen]
            if not new:
                return
            seen.update(event["EventId"] for event in new)
            until = min(event["EventTime"] for event in new).timestamp()
            for event in new:
                if event["EventSource"].partition(".")[0] in AWS_SOURCES:
                    yield event["CloudTrailEvent"]

    def _output(self) -> Iterator[str]:
        for path in sorted(self.stack.directory.glob("*.log")):
            yield path.read_text(errors="replace")


def texts_in(value: Any) -> Iterator[str]:
    """Every text in a DynamoDB item; binary values as the text that their bytes are, and as base64."""
    if isinstance(value, dict):
        for name, part in value.items():
            yield str(name)
            yield from texts_in(part)
    elif isinstance(value, list | tuple | set):
        for part in value:
            yield from texts_in(part)
    elif isinstance(value, bytes):
        yield value.decode("latin-1")
        yield base64.b64encode(value).decode()
    else:
        yield str(value)


def find_leaks(canaries: tuple[str, ...], sinks: dict[str, str]) -> list[tuple[str, str]]:
    """Return in which sink which canary was found; the canary is named by its first characters only."""
    # One search for each: a pattern of hundreds of alternatives would try them all at every character.
    return sorted(
        {(name, canary[:10] + "…") for name, text in sinks.items() for canary in canaries if canary in text}
    )
