"""Due connections on a deployed local stack: written as the product writes them, refreshed by its own refresher through its own queue."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from bench.provider_process import CLIENT_ID, CLIENT_SECRET, RunningProvider
from bench.refreshing import BenchError
from bench.sample import PROVIDER, REGISTRATION, SHARDS, TENANT, Sample, hint_of
from evertoken.adapters.dynamodb_directory import DynamoDBOperatorProviders
from evertoken.adapters.dynamodb_items import to_item
from evertoken.adapters.dynamodb_keys import connection_key
from evertoken.adapters.dynamodb_registrations import DynamoDBRegistrations
from evertoken.adapters.envelope_sealer import EnvelopeSealer
from evertoken.adapters.secrets_publisher import SecretsManagerPublisher
from evertoken.adapters.secrets_registration import SecretsManagerRegistrationSecrets
from evertoken.adapters.sqs_queues import SQSHintQueue
from evertoken.adapters.system import SystemClock
from evertoken.domain.connection import Connection
from evertoken.domain.registration import ClientSecrets, client_binding
from evertoken.domain.token_set_codec import encode_token_set, token_set_purpose
from local.deploy import build_session
from local.stack import LocalStack

WAIT_SECONDS = 120
POLL_SECONDS = 0.1
PAGE = 100
"""Keys of one BatchGetItem."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeployedRefreshes:
    """The stack's table, queue and secrets, as the account's root reaches them."""

    dynamodb: Any
    table: str
    queue: SQSHintQueue
    publisher: SecretsManagerPublisher
    sealer: EnvelopeSealer
    sample: Sample

    @classmethod
    def of(cls, stack: LocalStack, provider: RunningProvider) -> DeployedRefreshes:
        """Return what the benches need of *stack*, with the provider and the registration in place."""
        session = build_session()

        def client(service: Any) -> Any:
            return session.client(service, endpoint_url=stack.endpoint)

        resources = client("cloudformation").describe_stack_resources(StackName=stack.name)["StackResources"]
        ids = {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in resources}
        dynamodb, secrets, table = client("dynamodb"), client("secretsmanager"), ids["Table"]
        sample = Sample(token_endpoint=provider.token_endpoint)
        DynamoDBOperatorProviders(dynamodb, table).put(PROVIDER, sample.provider_document(), sample.now)
        DynamoDBRegistrations(dynamodb, table).put(
            sample.registration(),
            binding=client_binding(provider.token_endpoint, CLIENT_ID),
            expected_version=None,
        )
        prefix = "evertoken/local"
        SecretsManagerRegistrationSecrets(secrets, prefix=prefix).write(
            REGISTRATION, ClientSecrets(client_secret=CLIENT_SECRET)
        )
        return cls(
            dynamodb=dynamodb,
            table=table,
            queue=SQSHintQueue(client("sqs"), ids["HintQueue"]),
            publisher=SecretsManagerPublisher(secrets, prefix=prefix),
            sealer=EnvelopeSealer(
                client("kms"), dynamodb, table_name=table, key_id=ids["DataKey"], clock=SystemClock()
            ),
            sample=sample,
        )

    def connect(self, numbers: Sequence[int], provider: RunningProvider) -> list[Connection]:
        """Write connections that only a hint makes anybody look at."""
        rows = []
        for number in numbers:
            refresh_token = provider.refresh_tokens[number % len(provider.refresh_tokens)]
            row = self.sample.connection(number, refresh_token, issued_seconds_ago=60)
            purpose = token_set_purpose(row.connection_id, row.epoch, row.generation)
            token_set = self.sample.token_set(refresh_token, issued_seconds_ago=60)
            later = self.sample.now + timedelta(hours=1)
            row = replace(
                row,
                sealed=self.sealer.seal(TENANT, purpose, encode_token_set(token_set)),
                refresh_at=later,
                due_at=later,
            )
            self.publisher.create_empty(row.key)
            self.dynamodb.put_item(TableName=self.table, Item=to_item(row, SHARDS))
            rows.append(row)
        return rows

    def refresh(self, rows: Sequence[Connection]) -> float:
        """Ask for a refresh of every row and return the seconds until the last is published. Raises BenchError."""
        began = time.monotonic()
        self.queue.send([replace(hint_of(row), asked=True) for row in rows])
        waiting = list(rows)
        while waiting:
            if time.monotonic() - began > WAIT_SECONDS:
                raise BenchError(
                    f"{len(waiting)} of {len(rows)} connections were not refreshed in {WAIT_SECONDS} s."
                )
            time.sleep(POLL_SECONDS)
            # Looking costs the emulator, too: as long as the last is not done, nobody asks about the others.
            if self._waiting(waiting[-1:]):
                continue
            waiting = [
                row
                for start in range(0, len(waiting), PAGE)
                for row in self._waiting(waiting[start : start + PAGE])
            ]
        return time.monotonic() - began

    def _waiting(self, rows: Sequence[Connection]) -> list[Connection]:
        """Return those of *rows* whose second generation is not published yet."""
        answer = self.dynamodb.batch_get_item(
            RequestItems={
                self.table: {
                    "Keys": [connection_key(row.key) for row in rows],
                    "ProjectionExpression": "sk, published_number",
                }
            }
        )
        done = {
            item["sk"]["S"].removeprefix("CONNECTION#")
            for item in answer["Responses"][self.table]
            if item["published_number"]["N"] == "2"
        }
        return [row for row in rows if row.connection_id not in done]
