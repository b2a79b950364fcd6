"""How many AWS calls a refresh costs, counted at boto3's clients, with AWS played in process."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import replace
from typing import Any

import boto3
import pytest

from evertoken.adapters.dynamodb_connections import DynamoDBConnections
from evertoken.adapters.envelope_sealer import EnvelopeSealer
from evertoken.adapters.secrets_publisher import SecretsManagerPublisher
from evertoken.adapters.sqs_queues import SQSRescueSink
from evertoken.domain.connection import PublicationMode
from evertoken.usecases.attend_connection import attend_connection
from evertoken.usecases.refresh_attempt import RefreshDependencies, RefreshReason, RefreshResultKind
from evertoken.usecases.refresh_connection import refresh_connection
from tests.contract.store_under_test import moto_account
from tests.contract.template_table import create_table
from tests.simulation.world import KEY, World, build_row, build_world
from tests.usecases.due_world import hint_of

__all__ = ["moto_account"]
_numbers = itertools.count(1)


class Account:
    """The real adapters on one account, every AWS call counted by name."""

    def __init__(self, mode: PublicationMode) -> None:
        self.calls: list[str] = []
        dynamodb, kms, secrets, sqs = (
            self._counted(name) for name in ("dynamodb", "kms", "secretsmanager", "sqs")
        )
        name = f"{mode}-{next(_numbers)}"
        table = f"budget-{name}"
        create_table(boto3.client("dynamodb"), table)
        self.world: World = build_world("strict_kill")
        world: Any = self.world
        world.store = DynamoDBConnections(dynamodb, table, shards=4)
        key_id = boto3.client("kms").create_key()["KeyMetadata"]["KeyId"]
        world.sealer = EnvelopeSealer(kms, dynamodb, table_name=table, key_id=key_id, clock=world.clock)
        world.publisher = SecretsManagerPublisher(secrets, prefix=f"evertoken/{name}")
        queue_url = boto3.client("sqs").create_queue(QueueName=f"rescue-{name}")["QueueUrl"]
        world.rescue = SQSRescueSink(sqs, queue_url)
        world.publisher.create_empty(KEY)
        ready = world.directory.get_ready("reg-1")
        world.store.create_connecting(build_row(world.clock.now(), ready, publication=mode))
        world.connect()
        self.deps: RefreshDependencies = world.refreshing()
        self.deps.sealer.make_ready(KEY.tenant_id)
        self.pass_time()

    def pass_time(self) -> None:
        self.world.clock.advance(2700)
        self.deps.sealer.make_ready(KEY.tenant_id, self.world.row.sealed.key_id)  # type: ignore[union-attr]
        self.calls.clear()

    def _counted(self, service: str) -> Any:
        client = boto3.client(service)  # type: ignore[call-overload]
        client.meta.events.register("before-call.*.*", lambda model, **_: self.calls.append(model.name))
        return client


@pytest.fixture(params=list(PublicationMode))
def account(request: pytest.FixtureRequest, moto_account: Any) -> Account:
    return Account(request.param)


def _expected(account: Account, *calls: str) -> Counter[str]:
    is_published = "secrets_manager" in account.world.publisher.secret_name(KEY)  # type: ignore[attr-defined]
    published = ["PutSecretValue", "UpdateItem"] if is_published else []
    return Counter([*calls, *published])


def test_a_refresh_from_a_hint_costs_lease_commit_put_and_finish(account: Account) -> None:
    hint = hint_of(account.world)
    account.calls.clear()
    result = attend_connection(account.deps, hint, invocation=account.world.invocation())
    assert result.kind is RefreshResultKind.REFRESHED
    assert Counter(account.calls) == _expected(account, "UpdateItem", "UpdateItem")
    assert len(account.calls) <= 4


def test_a_refresh_on_demand_costs_one_read_more(account: Account) -> None:
    arguments = {"reason": RefreshReason.MANUAL, "invocation": account.world.invocation()}
    assert refresh_connection(account.deps, KEY, **arguments).kind is RefreshResultKind.REFRESHED  # type: ignore[arg-type]
    assert Counter(account.calls) == _expected(account, "GetItem", "UpdateItem", "UpdateItem")
    assert len(account.calls) <= 5


def test_a_late_or_repeated_hint_costs_one_refused_write(account: Account) -> None:
    hint = hint_of(account.world)
    attend_connection(account.deps, hint, invocation=account.world.invocation())
    account.calls.clear()
    attend_connection(account.deps, hint, invocation=account.world.invocation())
    attend_connection(account.deps, replace(hint, generation=2), invocation=account.world.invocation())
    assert account.calls == ["UpdateItem", "UpdateItem"]


def test_a_failed_refresh_costs_lease_and_release(account: Account) -> None:
    account.world.twin.rules.change_profile(clients={})
    account.world.twin.rules.change_secret("client-1", "another")
    attend_connection(account.deps, hint_of(account.world), invocation=account.world.invocation())
    account.calls.remove("GetItem")  # of this test, for the hint
    assert account.calls == ["UpdateItem", "UpdateItem"]
