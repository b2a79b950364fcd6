"""The two stores that one suite is held against, and the values that its tests are made of."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ReadTimeoutError
from moto import mock_aws

from evertoken.adapters.dynamodb_connections import DynamoDBConnections
from evertoken.domain.connection import (
    Connection,
    ConnectionKey,
    ConnectionStatus,
    PublicationMode,
    RefreshPolicy,
    Sealed,
)
from evertoken.domain.consent import Consent
from evertoken.ports import (
    CommitAccepted,
    ConnectionStore,
    DueConnection,
    FirstConnect,
    LeaseGranted,
    TokenSetCommit,
)
from tests.contract.template_table import create_table
from tests.fakes.clock import FakeClock
from tests.fakes.connection_store import FakeConnectionStore
from tests.simulation.numbered import FAULTS, Fault, Numbered, disturb
from tests.support.aws_account import build_session, make_calls_atomic, read_attribute_values_plainly

NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)
SHARDS = 4
_numbers = itertools.count(1)


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


class LossyClient:
    """A boto client whose next call can take effect without its answer arriving."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.answers_to_lose = 0

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._client, name)

        def call(**parameters: Any) -> Any:
            answer = method(**parameters)
            if self.answers_to_lose:
                self.answers_to_lose -= 1
                raise ReadTimeoutError(endpoint_url="https://dynamodb")
            return answer

        return call


@dataclass(kw_only=True)
class StoreUnderTest:
    """A store, and a way to lose the answer to its next write."""

    name: str
    port: Any
    lossy: LossyClient | None = None
    answers_to_lose: int = 0

    @property
    def store(self) -> ConnectionStore:
        return self.port

    def lose_next_answer(self) -> None:
        if self.lossy is not None:
            self.lossy.answers_to_lose = 1
        else:
            self.answers_to_lose = 1

    def gate(self, port: str, method: str, effect: Any) -> Any:
        assert method in FAULTS[port]
        fault = Fault.TIMEOUT_AFTER if self.answers_to_lose else None
        self.answers_to_lose = 0
        return disturb(fault, port, effect)


@pytest.fixture(scope="module")
def moto_account() -> Iterator[Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "testing")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        patch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
        patch.delenv("AWS_ENDPOINT_URL", raising=False)
        patch.delenv("AWS_PROFILE", raising=False)
        with mock_aws():
            boto3.DEFAULT_SESSION = build_session()  # moto puts the one before back
            make_calls_atomic(patch)
            read_attribute_values_plainly(patch)
            yield boto3.client("dynamodb")


@pytest.fixture(params=["fake", "dynamodb"])
def under_test(request: pytest.FixtureRequest) -> StoreUnderTest:
    if request.param == "fake":
        return build_fake()
    return build_dynamodb(request.getfixturevalue("moto_account"))


@pytest.fixture
def store(under_test: StoreUnderTest) -> ConnectionStore:
    return under_test.store


def build_fake() -> StoreUnderTest:
    wrapped = StoreUnderTest(name="fake", port=None)
    wrapped.port = Numbered("store", FakeConnectionStore(FakeClock(), shards=SHARDS), wrapped.gate)
    return wrapped


def build_dynamodb(client: Any) -> StoreUnderTest:
    table = f"table-{next(_numbers)}"
    create_table(client, table)
    lossy = LossyClient(client)
    return StoreUnderTest(
        name="dynamodb",
        port=DynamoDBConnections(lossy, table, shards=SHARDS),
        lossy=lossy,  # type: ignore[arg-type]
    )


def connecting(connection_id: str = "conn-1", **changes: Any) -> Connection:
    row = Connection(
        tenant_id="tenant-1",
        connection_id=connection_id,
        provider_id="provider-1",
        registration_id="reg-1",
        binding="binding-1",
        user_id="user-1",
        account=f"account-of-{connection_id}",
        name="A name with ü",
        status=ConnectionStatus.CONNECTING,
        due_at=after(900),
        created_at=NOW,
        updated_at=NOW,
    )
    return replace(row, **changes)


def commit_of(row: Connection, *, owner: str = "owner-1", at: float = 0, **changes: Any) -> TokenSetCommit:
    commit = TokenSetCommit(
        epoch=row.epoch,
        generation=row.generation,
        commit_id=owner,
        owner=owner,
        sealed=Sealed(
            key_id="2026-11", ciphertext=f"ciphertext {row.epoch}.{row.generation + 1} {owner}".encode()
        ),
        issued_at=after(at),
        expires_at=after(at + 3600),
        scope="read write",
        missing_scope="",
        has_refresh_token=True,
        refresh_token_expires_at=after(at + 86_400),
        refresh_at=after(at + 2400),
        consent=Consent(ends_at=after(at + 80_000), notice_at=after(at + 40_000)),
        due_at=after(at + 2400),
        publication=row.publication,
        now=after(at),
    )
    return replace(commit, **changes)


def first_connect(row: Connection, **changes: Any) -> FirstConnect:
    connect = FirstConnect(
        connection=row,
        provider_id=row.provider_id,
        registration_id=row.registration_id,
        binding=row.binding,
        account=row.account,
        name=row.name,
        policy=RefreshPolicy.SCHEDULED,
        publication=row.publication,
        commit=commit_of(row, owner=f"connect-{row.connection_id}-{row.epoch}"),
    )
    return replace(connect, **changes)


def make_active(
    store: ConnectionStore, connection_id: str = "conn-1", *, published: bool = True, **changes: Any
) -> Connection:
    """A connected row whose publication was acknowledged, unless it was not *published*."""
    store.create_connecting(connecting(connection_id, **changes))
    key = connecting(connection_id, **changes).key
    result = store.connect(first_connect(store.get(key)))
    assert isinstance(result, CommitAccepted)
    row = result.connection
    if published and row.publication is PublicationMode.SECRETS_MANAGER:
        store.acknowledge_publication(
            key, number=row.publication_number, owner=None, due_at=row.refresh_at, now=NOW
        )
    return store.get(key)


def lease(
    store: ConnectionStore,
    row: Connection,
    owner: str = "owner-1",
    *,
    at: float = 0,
    seconds: float = 60,
    **changes: Any,
) -> Any:
    arguments: dict[str, Any] = {
        "epoch": row.epoch,
        "generation": row.generation,
        "owner": owner,
        "now": after(at),
        "until": after(at + seconds),
        "due_by": None,
    }
    return store.acquire_lease(row.key, **(arguments | changes))


def make_leased(
    store: ConnectionStore, connection_id: str = "conn-1", *, published: bool = True
) -> Connection:
    row = make_active(store, connection_id, published=published)
    granted = lease(store, row)
    assert isinstance(granted, LeaseGranted)
    return granted.connection


def due(store: ConnectionStore, before: datetime) -> list[DueConnection]:
    """All that is due before *before*, over all shards."""
    return [
        entry
        for shard in range(SHARDS)
        for page in store.find_due(shard=shard, before=before)
        for entry in page
    ]


def key_of(connection_id: str = "conn-1") -> ConnectionKey:
    return connecting(connection_id).key
