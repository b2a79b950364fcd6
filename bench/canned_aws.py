"""What AWS answers in the benches: written down beforehand, so that the other side of a call costs next to nothing.

It grants every lease and accepts every commit, and knows no state but how often each connection was written: that AWS does what it
should is the tests' business. Every bench checks that its work came to the end that it was meant to come to.
"""

from __future__ import annotations

import base64
import json
import re
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import boto3
from botocore.awsrequest import AWSResponse
from botocore.model import OperationModel

from bench.provider_process import CLIENT_SECRET
from bench.sample import LIFETIME_SECONDS, PROVIDER, SHARDS, TENANT, Sample
from evertoken.adapters import aws_clients
from evertoken.adapters.dynamodb_directory import DynamoDBOperatorProviders
from evertoken.adapters.dynamodb_items import to_item
from evertoken.adapters.dynamodb_registrations import DynamoDBRegistrations
from evertoken.adapters.dynamodb_values import encode_item
from evertoken.domain.connection import Connection, Lease, PublicationMode

TABLE = "evertoken"
REGION = "us-east-1"
_KEY = re.compile(rb'"pk":\s*\{"S":\s*"([^"]+)"\},\s*"sk":\s*\{"S":\s*"([^"]+)"\}')
_NOTHING = b"{}"


class CannedAws:
    """Answers by operation and key; safe under threads as long as each connection is one thread's."""

    def __init__(self, sample: Sample, rows: Iterable[Connection], *, public_key: bytes = b"") -> None:
        keeper = _Keeper()
        table: Any = keeper
        DynamoDBRegistrations(table, TABLE).put(sample.registration(), binding="bench", expected_version=None)
        DynamoDBOperatorProviders(table, TABLE).put(PROVIDER, sample.provider_document(), sample.now)
        keeper.keep(f"TENANT#{TENANT}", f"DATAKEY#{sample.month}", encode_item({"wrapped": b"wrapped"}))
        self._writes: dict[bytes, tuple[bytes, ...]] = {}
        self._written: Counter[bytes] = Counter()
        for row in rows:
            item = to_item(row, SHARDS)
            keeper.keep(item["pk"]["S"], item["sk"]["S"], item)
            self._writes[item["sk"]["S"].encode()] = tuple(
                _json({"Attributes": to_item(one, SHARDS)}) for one in _stages_of_a_refresh(row, sample.now)
            )
        self._reads = {
            (partition.encode(), sort.encode()): _json({"Item": item})
            for (partition, sort), item in keeper.items.items()
        }
        self._others = {
            "Decrypt": _json({"Plaintext": sample.data_key, "KeyId": "key"}),
            "GetPublicKey": _json({"PublicKey": public_key, "KeySpec": "ECC_NIST_P256"}),
            "GetSecretValue": _json({"SecretString": json.dumps({"client_secret": CLIENT_SECRET})}),
            "PutSecretValue": _json({"Name": "secret", "VersionStages": ["AWSCURRENT"]}),
            # The one query that a measured function makes: the list of the revoked, with nobody in it.
            "Query": _json({"Items": [], "Count": 0, "ScannedCount": 0}),
        }

    def answer(self, operation: str, body: bytes) -> bytes:
        """Return the body of the answer. Raises KeyError for an operation that no bench should meet."""
        if operation in self._others:
            return self._others[operation]
        key = _KEY.search(body)
        assert key is not None
        if operation == "GetItem":
            return self._reads.get((key[1], key[2]), _NOTHING)
        stages = self._writes[key[2]] if operation == "UpdateItem" else ()
        stage = self._written[key[2]]
        self._written[key[2]] = (stage + 1) % len(stages)
        return stages[stage]


@dataclass(slots=True, kw_only=True)
class InProcessAws:
    """botocore with everything but the network: each request is signed, and answered *latency_seconds* later.

    `calls` counts the requests; `parameters` keeps what the clients were asked for, while it is a list.
    """

    canned: CannedAws
    latency_seconds: float = 0.0
    calls: Counter[str] = field(default_factory=Counter)
    parameters: list[tuple[str, str, dict[str, Any]]] | None = None

    def respond(self, request: Any, **_: Any) -> AWSResponse:
        """Answer instead of the network (botocore's event `before-send`)."""
        target = request.headers["X-Amz-Target"]
        operation = (target.decode() if isinstance(target, bytes) else target).rpartition(".")[2]
        self.calls[operation] += 1
        if self.latency_seconds:
            time.sleep(self.latency_seconds)
        body = self.canned.answer(operation, request.body)
        headers = {"content-type": "application/x-amz-json-1.0", "content-length": str(len(body))}
        return AWSResponse(request.url, 200, headers, _Body(body))  # type: ignore[arg-type]  # any mapping serves

    def note(self, params: dict[str, Any], model: OperationModel, **_: Any) -> None:
        """Keep what a client was asked for (botocore's event `provide-client-params`)."""
        if self.parameters is not None:
            self.parameters.append((str(model.service_model.service_name), model.name, dict(params)))


def begin_session() -> boto3.Session:
    """Return a new default session, from which the product makes its clients anew."""
    for cached in (
        aws_clients.dynamodb_client,
        aws_clients.kms_client,
        aws_clients.secrets_client,
        aws_clients.sqs_client,
    ):
        cached.cache_clear()
    boto3.setup_default_session(aws_access_key_id="bench", aws_secret_access_key="bench", region_name=REGION)
    session = boto3.DEFAULT_SESSION
    assert session is not None
    return session


def install(aws: InProcessAws) -> None:
    """Let every client that the product makes in this process from now on be answered by *aws*."""
    session = begin_session()
    session.events.register("before-send", aws.respond)  # type: ignore[arg-type]  # this event takes an answer
    session.events.register("provide-client-params", aws.note)


class _Body:
    """The raw side of an answer, as botocore reads it."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self, *_: object, **__: object) -> Iterator[bytes]:
        yield self._content


class _Keeper:
    """A table that keeps what the adapters write, so that the benches know no item's form."""

    def __init__(self) -> None:
        self.items: dict[tuple[str, str], Mapping[str, Any]] = {}

    def keep(self, partition: str, sort: str, item: Mapping[str, Any]) -> None:
        self.items[(partition, sort)] = item

    def get_item(self, **_: object) -> dict[str, Any]:
        return {}

    def put_item(self, Item: Mapping[str, Any], **_: object) -> None:  # noqa: N803  # boto3's name
        self.keep(Item["pk"]["S"], Item["sk"]["S"], Item)

    def transact_write_items(self, TransactItems: Iterable[Mapping[str, Any]]) -> None:  # noqa: N803  # boto3's name
        for write in TransactItems:
            self.put_item(**write["Put"])


def _stages_of_a_refresh(row: Connection, now: datetime) -> Iterator[Connection]:
    """Yield the row as each write of one refresh returns it: leased, committed, and (where it is published) finished."""
    publishes = row.publication is PublicationMode.SECRETS_MANAGER
    lease = Lease(owner="the owner", until=now + timedelta(seconds=60))
    leased = replace(row, lease=lease, attempted_at=now, open_attempts=1)
    yield leased
    committed = replace(
        leased,
        generation=row.generation + 1,
        open_attempts=0,
        issued_at=now,
        expires_at=now + timedelta(seconds=LIFETIME_SECONDS),
        refresh_at=now + timedelta(seconds=0.7 * LIFETIME_SECONDS),
        publication_number=row.publication_number + (1 if publishes else 0),
        lease=lease if publishes else None,
    )
    yield committed
    if publishes:
        yield replace(committed, published_number=committed.publication_number, lease=None)


def _json(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, default=lambda raw: base64.b64encode(raw).decode()).encode()
