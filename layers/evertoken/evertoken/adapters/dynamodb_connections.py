"""The connections in DynamoDB: one item each, every change one conditional write (DESIGN sections 2 and 3)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from evertoken.adapters.aws_errors import error_code, unavailable_as
from evertoken.adapters.dynamodb_imports import ImportedRows
from evertoken.adapters.dynamodb_items import due_from_item, to_item
from evertoken.adapters.dynamodb_keys import (
    DUE_INDEX,
    account_sort,
    connection_key,
    due_partition,
    key_of,
    listed_at,
    tenant_partition,
)
from evertoken.adapters.dynamodb_listing import list_connections
from evertoken.adapters.dynamodb_rows import UNAVAILABLE
from evertoken.adapters.dynamodb_values import Update, encode, encode_item, text
from evertoken.domain.connection import (
    Connection,
    ConnectionKey,
    ConnectionStatus,
    PendingRevocation,
    PublicationMode,
    RefreshPolicy,
    publication_numbers,
)
from evertoken.domain.due import due_when_settled
from evertoken.domain.errors import StoreUnavailableError
from evertoken.domain.origin import NOBODY, Origin
from evertoken.ports import (
    CommitAccepted,
    CommitSuperseded,
    ConnectionFilter,
    ConnectionPage,
    DueConnection,
    FirstConnect,
)

RETIRED_TTL_SECONDS = 7 * 86_400
_REVOCATION = (
    "revocation_sealed",
    "revocation_key_id",
    "revocation_epoch",
    "revocation_generation",
    "revocation_attempts",
)
_CONSENT = ("consent_ends_at", "consent_notice_at", "consent_noticed_at")


class DynamoDBConnections(ImportedRows):
    """ConnectionStore on one table."""

    def find_due(self, *, shard: int, before: datetime) -> Iterator[Sequence[DueConnection]]:
        parameters: dict[str, Any] = {
            "TableName": self._table,
            "IndexName": DUE_INDEX,
            "KeyConditionExpression": "due_shard = :shard AND due_at < :before",
            "ExpressionAttributeValues": {":shard": encode(due_partition(shard)), ":before": encode(before)},
        }
        while True:
            with unavailable_as(StoreUnavailableError, UNAVAILABLE):
                answer = self._client.query(**parameters)
            yield [due_from_item(item) for item in answer["Items"]]
            if "LastEvaluatedKey" not in answer:
                return
            parameters["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def find_account(
        self, *, tenant_id: str, registration_id: str, user_id: str, account: str
    ) -> ConnectionKey | None:
        key = key_of(tenant_partition(tenant_id), account_sort(user_id, registration_id, account))
        with unavailable_as(StoreUnavailableError, UNAVAILABLE):
            answer = self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True)
        if "Item" not in answer:
            return None
        return ConnectionKey(tenant_id=tenant_id, connection_id=text(answer["Item"], "connection_id"))

    def list_by_tenant(
        self, tenant_id: str, *, only: ConnectionFilter, limit: int, position: str | None
    ) -> ConnectionPage:
        with unavailable_as(StoreUnavailableError, UNAVAILABLE):
            return list_connections(
                self._client, self._table, tenant_id, only=only, limit=limit, position=position
            )

    def create_connecting(self, connection: Connection) -> None:
        item = to_item(connection, self._shards)
        with unavailable_as(StoreUnavailableError, UNAVAILABLE):
            try:
                self._client.put_item(
                    TableName=self._table, Item=item, ConditionExpression="attribute_not_exists(pk)"
                )
            except ClientError as error:
                if error_code(error) != "ConditionalCheckFailedException":
                    raise

    def connect(self, connect: FirstConnect) -> CommitAccepted | CommitSuperseded:
        before, commit = connect.connection, connect.commit
        update = self._unchanged(before)
        self._set_token_set(update, commit)
        update.set("status", ConnectionStatus.ACTIVE.value).add("epoch", 1).add("generation", 1)
        numbers = publication_numbers(before.publication, connect.publication, shows_token=not before.on_hold)
        update.add("publication_number", numbers).set("publication_step", _step(connect.publication))
        for name in ("provider_id", "registration_id", "binding", "account", "name", "display_name"):
            update.set(name, getattr(connect, name))
        update.set("policy", connect.policy.value).set("publication", connect.publication.value)
        update.remove("lease_owner", "lease_until", "disconnected_at", "consent_noticed_at", *_REVOCATION)
        self._set_origin(update, connect.origin)
        self._set_due(update, before.key, commit.now if numbers else commit.due_at, now=commit.now)
        binding = key_of(
            tenant_partition(before.tenant_id),
            account_sort(before.user_id, connect.registration_id, connect.account),
        )
        mine = {":mine": encode(before.connection_id)}
        transaction: list[Any] = [
            {
                "Update": {
                    "TableName": self._table,
                    "Key": connection_key(before.key),
                    **update.expression(),
                    "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
                }
            },
            {
                "Put": {
                    "TableName": self._table,
                    "Item": {
                        **binding,
                        **encode_item({"connection_id": before.connection_id, "user_id": before.user_id}),
                    },
                    "ConditionExpression": "attribute_not_exists(pk) OR connection_id = :mine",
                    "ExpressionAttributeValues": mine,
                }
            },
        ]
        with unavailable_as(StoreUnavailableError, UNAVAILABLE):
            try:
                self._client.transact_write_items(TransactItems=transaction)
            except ClientError as error:
                if error_code(error) not in ("TransactionCanceledException", "TransactionConflictException"):
                    raise
                row = self.find(before.key)
                if row is not None and row.commit_id == commit.commit_id:
                    return CommitAccepted(connection=row)
                return CommitSuperseded(connection=row)
        return CommitAccepted(connection=self.get(before.key))

    def disconnect(
        self,
        key: ConnectionKey,
        *,
        expected: Connection,
        revoke: bool,
        now: datetime,
        origin: Origin = NOBODY,
    ) -> Connection | None:
        update = self._unchanged(expected).set("status", ConnectionStatus.DISCONNECTED.value).add("epoch", 1)
        update.set("disconnected_at", now).set("updated_at", now).set("has_refresh_token", False).set(
            "open_attempts", 0
        )
        update.add(
            "publication_number",
            publication_numbers(expected.publication, expected.publication, shows_token=False),
        )
        update.remove("sealed", "lease_owner", "lease_until", "refresh_at", "cooldown_until", "expires_at")
        update.remove("refresh_token_expires_at", "key_id", *_CONSENT).set("listed_at", listed_at(None))
        self._set_origin(update, origin)
        if revoke and expected.sealed is not None:
            self._set_revocation(
                update,
                PendingRevocation(
                    sealed=expected.sealed, epoch=expected.epoch, generation=expected.generation
                ),
            )
        self._set_due(update, key, now, now=now)
        written, row = self._write(key, update)
        return row if written else None

    def set_hold(
        self,
        key: ConnectionKey,
        *,
        expected: Connection,
        on_hold: bool,
        now: datetime,
        origin: Origin = NOBODY,
    ) -> Connection | None:
        shows_token = expected.sealed is not None and not on_hold
        numbers = publication_numbers(expected.publication, expected.publication, shows_token=shows_token)
        update = self._unchanged(expected).set("on_hold", True if on_hold else None).set("updated_at", now)
        update.add("publication_number", numbers)
        self._set_origin(update, origin)
        settled = replace(expected, on_hold=on_hold)
        self._set_due(update, key, now if numbers else due_when_settled(settled), now=now)
        written, row = self._write(key, update)
        return row if written else None

    def update_settings(
        self,
        key: ConnectionKey,
        *,
        expected: Connection,
        name: str,
        display_name: str,
        policy: RefreshPolicy,
        publication: PublicationMode,
        refresh_at: datetime | None,
        now: datetime,
        origin: Origin = NOBODY,
    ) -> Connection | None:
        update = self._unchanged(expected).set("name", name).set("display_name", display_name)
        update.set("policy", policy.value).set("updated_at", now).set("refresh_at", refresh_at)
        self._set_origin(update, origin)
        numbers = 0
        if publication is not expected.publication:
            shows_token = expected.sealed is not None and not expected.on_hold
            numbers = publication_numbers(expected.publication, publication, shows_token=shows_token)
            update.add("publication_number", numbers).set("publication_step", _step(publication))
            update.set("publication", publication.value)
        update.require_absent_or("lease_until", "<=", now)
        # Another change of settings moves neither epoch nor generation: what it set must not be set back.
        update.require("name", "=", expected.name).require("policy", "=", expected.policy.value)
        update.require_absent_or("display_name", "=", expected.display_name)
        settled = due_when_settled(replace(expected, refresh_at=refresh_at))
        self._set_due(update, key, now if numbers or expected.owes_publication else settled, now=now)
        written, row = self._write(key, update)
        return row if written else None

    def finish_revocation(
        self,
        key: ConnectionKey,
        *,
        epoch: int,
        revoked: PendingRevocation,
        due_at: datetime | None,
        retry: bool,
        now: datetime,
    ) -> bool:
        update = (
            Update().require("epoch", "=", epoch).require("status", "=", ConnectionStatus.DISCONNECTED.value)
        )
        update.require("revocation_generation", "=", revoked.generation).require(
            "revocation_epoch", "=", revoked.epoch
        )
        update.set("updated_at", now)
        update.require_equal("published_number", "publication_number")  # the withdrawal comes first
        if retry:
            update.add("revocation_attempts", 1)
        else:
            update.remove(*_REVOCATION)
        self._set_due(update, key, due_at, now=now)
        return self._write(key, update)[0]

    def replace_revocation(
        self, key: ConnectionKey, *, epoch: int, revocation: PendingRevocation, now: datetime
    ) -> bool:
        update = (
            Update().require("epoch", "=", epoch).require("status", "=", ConnectionStatus.DISCONNECTED.value)
        )
        self._set_revocation(update, revocation)
        self._set_due(update, key, now, now=now)
        return self._write(key, update)[0]

    def retire(self, key: ConnectionKey, *, expected: Connection, now: datetime) -> bool:
        update = (
            self._unchanged(expected).set("status", ConnectionStatus.RETIRED.value).set("updated_at", now)
        )
        update.set("ttl", int(now.timestamp()) + RETIRED_TTL_SECONDS).remove(*_REVOCATION)
        self._set_due(update, key, now, now=now)
        written, _ = self._write(key, update)
        if written:
            self._free_account(expected)
        return written

    def forget_retired_secret(self, key: ConnectionKey, *, expected: Connection, now: datetime) -> None:
        self._free_account(expected)  # again, in case the retiring call died between its two writes
        update = Update().require("status", "=", ConnectionStatus.RETIRED.value).set("updated_at", now)
        self._set_due(update, key, None, now=now)
        self._write(key, update)

    def _free_account(self, row: Connection) -> None:
        if not row.account:
            return
        key = key_of(
            tenant_partition(row.tenant_id), account_sort(row.user_id, row.registration_id, row.account)
        )
        with unavailable_as(StoreUnavailableError, UNAVAILABLE):
            try:
                self._client.delete_item(
                    TableName=self._table,
                    Key=key,
                    ConditionExpression="connection_id = :mine",
                    ExpressionAttributeValues={":mine": encode(row.connection_id)},
                )
            except ClientError as error:
                if error_code(error) != "ConditionalCheckFailedException":
                    raise


def _step(publication: PublicationMode) -> int:
    """Return what a new token set adds to the publication number; stored, so that the commit needs no read."""
    return 1 if publication is PublicationMode.SECRETS_MANAGER else 0
