"""One refresh, counted: the AWS calls, the write units of every write, the bytes of the log.

It runs on moto's table with the template's indexes, because the bill of a write depends on the item before and after it.
"""

from __future__ import annotations

import contextlib
import io
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import boto3
from moto import mock_aws

from bench.billing import STORED_OVERHEAD_BYTES, Index, Item, read_indexes, read_units, size_of, write_units
from bench.canned_aws import TABLE, begin_session
from bench.environments import Context, hint_event
from bench.provider_process import CLIENT_ID, CLIENT_SECRET, RunningProvider
from bench.refreshing import ENVIRON, BenchError
from bench.sample import PROVIDER, REGISTRATION, SHARDS, TENANT, Sample
from evertoken.adapters import aws_clients
from evertoken.adapters.dynamodb_directory import DynamoDBOperatorProviders
from evertoken.adapters.dynamodb_items import to_item
from evertoken.adapters.dynamodb_keys import connection_key
from evertoken.adapters.dynamodb_registrations import DynamoDBRegistrations
from evertoken.adapters.secrets_registration import SecretsManagerRegistrationSecrets
from evertoken.domain.connection import Connection, PublicationMode
from evertoken.domain.registration import ClientSecrets, client_binding
from evertoken.domain.token_set_codec import encode_token_set, token_set_purpose
from evertoken.entrypoints.refresher import RefresherEntrypoint, build_refresher
from tests.contract.template_table import create_table

_SAID = io.StringIO()
"""One for all counts: Powertools keeps a service's first logger, and the stream that it writes to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What one refresh from a hint uses in a warm environment, and what its row takes."""

    calls: Counter[str]
    write_units: Counter[str]
    read_units: float
    stored_bytes: int
    due_entry_bytes: int
    log_bytes: int


def count_refresh(
    provider: RunningProvider, publication: PublicationMode, *, token_set_bytes: int
) -> Counted:
    """Return the counts where a sealed token set has this size. Raises BenchError: the refresh did not end as it should."""
    with mock_aws(), contextlib.redirect_stdout(_SAID):
        sample = Sample(token_endpoint=provider.token_endpoint)
        refresher = _make_account(sample)
        table = boto3.client("dynamodb")
        warm, row = (
            _connect(refresher, table, sample, number, provider.refresh_tokens[0], publication)
            for number in (1, 2)
        )
        refresher.handle(hint_event([warm]), Context())
        meter = _Meter(table=table, row=row, token_set_bytes=token_set_bytes)
        said_before = _SAID.tell()
        refresher.handle(hint_event([row]), Context())
        log_bytes = _SAID.tell() - said_before
        after = meter.stop()
    if after["generation"]["N"] != "2" or "lease_until" in after:
        raise BenchError("The counted refresh did not end as it should.")
    entries = {index.name: index.entry(after) for index in meter.indexes}
    return Counted(
        calls=meter.calls,
        write_units=meter.units,
        read_units=read_units(size_of(after), consistent=True),
        stored_bytes=sum(size_of(one) + STORED_OVERHEAD_BYTES for one in (after, *entries.values()) if one),
        due_entry_bytes=size_of(entries["due"] or {}),
        log_bytes=log_bytes,
    )


def _make_account(sample: Sample) -> RefresherEntrypoint:
    """Make table, key, provider and registration, and return a refresher that is wired to them."""
    begin_session()
    table, secrets = boto3.client("dynamodb"), boto3.client("secretsmanager")
    create_table(table, TABLE)
    DynamoDBOperatorProviders(table, TABLE).put(PROVIDER, sample.provider_document(), sample.now)
    binding = client_binding(sample.token_endpoint, CLIENT_ID)
    DynamoDBRegistrations(table, TABLE).put(sample.registration(), binding=binding, expected_version=None)
    SecretsManagerRegistrationSecrets(secrets, prefix=ENVIRON["SECRET_PREFIX"]).write(
        REGISTRATION, ClientSecrets(client_secret=CLIENT_SECRET)
    )
    key_id = boto3.client("kms").create_key()["KeyMetadata"]["KeyId"]
    return build_refresher({**ENVIRON, "DATA_KEY_ID": key_id})


def _connect(
    refresher: RefresherEntrypoint,
    table: Any,
    sample: Sample,
    number: int,
    refresh_token: str,
    publication: PublicationMode,
) -> Connection:
    """Write a due connection, sealed under the account's own key."""
    row = sample.connection(number, refresh_token, publication=publication)
    token_set = encode_token_set(sample.token_set(refresh_token, issued_seconds_ago=60))
    purpose = token_set_purpose(row.connection_id, row.epoch, row.generation)
    sealed = refresher.dependencies.sealer.seal(TENANT, purpose, token_set)
    item = to_item(row, SHARDS)
    item["sealed"], item["key_id"] = {"B": sealed.ciphertext}, {"S": sealed.key_id}
    table.put_item(TableName=TABLE, Item=item)
    refresher.dependencies.publisher.create_empty(row.key)
    return row


@dataclass(slots=True, kw_only=True)
class _Meter:
    """Reads the item after every write and adds up what the writes cost; every call of the process is counted but its own."""

    table: Any
    row: Connection
    token_set_bytes: int
    indexes: tuple[Index, ...] = field(default_factory=read_indexes)
    calls: Counter[str] = field(default_factory=Counter)
    units: Counter[str] = field(default_factory=Counter)
    _last: Item = field(init=False)

    def __post_init__(self) -> None:
        self._last = self._read()
        for client in _clients():
            client.meta.events.register("after-call", self._note)

    def stop(self) -> Item:
        """Stop counting and return the item as it is now."""
        for client in _clients():
            client.meta.events.unregister("after-call", self._note)
        return self._last

    def _note(self, model: Any, **_: Any) -> None:
        self.calls[model.name] += 1
        if model.name == "UpdateItem":
            before, self._last = self._last, self._read()
            self.units.update(write_units(before, self._last, self.indexes))

    def _read(self) -> Item:
        item: dict[str, Any] = self.table.get_item(
            TableName=TABLE, Key=connection_key(self.row.key), ConsistentRead=True
        )["Item"]
        # The scripted provider's tokens are short; a row is billed with token sets of the given size.
        item["sealed"] = {"B": item["sealed"]["B"].ljust(self.token_set_bytes, b"\0")}
        return item


def _clients() -> tuple[Any, ...]:
    """Return the clients that the product has made."""
    return (
        aws_clients.dynamodb_client(),
        aws_clients.kms_client(),
        aws_clients.secrets_client(),
        aws_clients.sqs_client(),
    )
