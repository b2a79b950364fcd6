"""A connection's row in DynamoDB: read, and changed by one conditional write whose parts every method shares."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from evertoken.adapters.aws_errors import error_code, unavailable_as
from evertoken.adapters.dynamodb_items import encode_origin, from_item
from evertoken.adapters.dynamodb_keys import connection_key, due_partition, listed_at
from evertoken.adapters.dynamodb_values import Item, Update
from evertoken.domain.connection import (
    Connection,
    ConnectionKey,
    ConnectionStatus,
    FailureRecord,
    PendingRevocation,
    PublicationMode,
)
from evertoken.domain.errors import ConnectionNotFoundError, StoreUnavailableError
from evertoken.domain.origin import Origin
from evertoken.domain.schedule import due_shard
from evertoken.ports import TokenSetCommit

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

UNAVAILABLE = "The store did not answer in time. Try again."


class ConnectionRows:
    """Reads and writes rows; the due index has *shards* partitions."""

    def __init__(self, client: DynamoDBClient, table_name: str, *, shards: int) -> None:
        self._client = client
        self._table = table_name
        self._shards = shards

    def get(self, key: ConnectionKey) -> Connection:
        connection = self.find(key)
        if connection is None:
            raise ConnectionNotFoundError
        return connection

    def find(self, key: ConnectionKey) -> Connection | None:
        with unavailable_as(StoreUnavailableError, UNAVAILABLE):
            answer = self._client.get_item(
                TableName=self._table, Key=connection_key(key), ConsistentRead=True
            )
        return from_item(answer["Item"]) if "Item" in answer else None

    def _write(self, key: ConnectionKey, update: Update) -> tuple[bool, Connection | None]:
        """Return whether the conditions held, and the row as it is now, or None when there is none."""
        with unavailable_as(StoreUnavailableError, UNAVAILABLE):
            try:
                answer = self._client.update_item(
                    TableName=self._table,
                    Key=connection_key(key),
                    ReturnValues="ALL_NEW",
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                    **update.require_present("pk").expression(),
                )
            except ClientError as error:
                if error_code(error) != "ConditionalCheckFailedException":
                    raise
                item: Item | None = error.response.get("Item")  # type: ignore[assignment]  # not in botocore's stub
                return False, from_item(item) if item else None
        return True, from_item(answer["Attributes"])

    def _at(self, epoch: int, generation: int) -> Update:
        return Update().require("epoch", "=", epoch).require("generation", "=", generation)

    def _unchanged(self, row: Connection) -> Update:
        update = self._at(row.epoch, row.generation).require("status", "=", row.status.value)
        return update.require("publication_number", "=", row.publication_number)

    def _commit_update(self, commit: TokenSetCommit, *, publication: PublicationMode) -> Update:
        update = self._at(commit.epoch, commit.generation).require("publication", "=", publication.value)
        self._set_token_set(update, commit)
        return (
            update.set("status", ConnectionStatus.ACTIVE.value)
            .add("generation", 1)
            .add_attribute("publication_number", "publication_step")
        )

    def _set_token_set(self, update: Update, commit: TokenSetCommit) -> None:
        update.set("sealed", commit.sealed.ciphertext).set("key_id", commit.sealed.key_id)
        update.set("issued_at", commit.issued_at).set("expires_at", commit.expires_at)
        update.set("listed_at", listed_at(commit.expires_at)).set("scope", commit.scope)
        update.set("missing_scope", commit.missing_scope).set("has_refresh_token", commit.has_refresh_token)
        update.set("refresh_token_expires_at", commit.refresh_token_expires_at).set(
            "refresh_at", commit.refresh_at
        )
        consent = commit.consent
        if consent is not None or commit.replaces_consent:
            update.set("consent_ends_at", None if consent is None else consent.ends_at)
            update.set("consent_notice_at", None if consent is None else consent.notice_at)
        update.set("commit_id", commit.commit_id).set("open_attempts", 0).set("updated_at", commit.now)
        update.remove("failure_cause", "failure_code", "failure_count", "failed_at", "cooldown_until")

    def _set_failure(self, update: Update, failure: FailureRecord) -> None:
        update.set("failure_cause", failure.cause).set("failure_code", failure.code)
        update.set("failure_count", failure.count).set("failed_at", failure.failed_at)

    def _set_origin(self, update: Update, origin: Origin) -> None:
        update.set("origin", encode_origin(origin))

    def _set_revocation(self, update: Update, revocation: PendingRevocation) -> None:
        update.set("revocation_sealed", revocation.sealed.ciphertext).set(
            "revocation_key_id", revocation.sealed.key_id
        )
        update.set("revocation_epoch", revocation.epoch).set("revocation_generation", revocation.generation)
        update.set("revocation_attempts", revocation.attempts)

    def _set_due(self, update: Update, key: ConnectionKey, due_at: datetime | None, *, now: datetime) -> None:
        if due_at is None:
            update.remove("due_at", "due_shard", "due_set_at")
        else:
            update.set("due_at", due_at).set("due_set_at", now)
            update.set("due_shard", due_partition(due_shard(key.connection_id, self._shards)))
