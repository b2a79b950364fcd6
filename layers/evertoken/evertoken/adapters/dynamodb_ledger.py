"""Ledgers in DynamoDB: a partition for each connection, one item for each entry, removed by TTL."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from evertoken.adapters.aws_errors import unavailable_as
from evertoken.adapters.dynamodb_keys import (
    LEDGER_BEGUN,
    LEDGER_END,
    key_of,
    ledger_partition,
    ledger_sort,
)
from evertoken.adapters.dynamodb_values import Item, encode, encode_item, flag, instant, number, text
from evertoken.control_ports import LedgerPage
from evertoken.domain.connection import ConnectionKey, ConnectionStatus, FailureRecord
from evertoken.domain.errors import StoreUnavailableError
from evertoken.domain.ledger import BEGINNINGS, LedgerEntry, LedgerType
from evertoken.domain.origin import Origin, Trigger

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_UNAVAILABLE = "The ledger did not answer in time. Try again."


class DynamoDBLedger:
    """Ledger on the table. Entries live *retention_days*; who only reads need not know how long."""

    def __init__(self, client: DynamoDBClient, table_name: str, *, retention_days: int = 0) -> None:
        self._client = client
        self._table = table_name
        self._retention = timedelta(days=retention_days)

    def write(self, entry: LedgerEntry) -> None:
        ttl = int((entry.at + self._retention).timestamp())
        partition = ledger_partition(entry.key)
        sort = ledger_sort(entry.at, entry.type.value, entry.epoch, entry.generation)
        items: list[dict[str, Any]] = [{**key_of(partition, sort), **_to_item(entry, ttl)}]
        if entry.type in BEGINNINGS:
            # Without an end: a connection whose token never expires has no entry left some day, and is known still.
            items.append(dict(key_of(partition, LEDGER_BEGUN)))
        elif entry.type is LedgerType.RETIRED:
            items.append({**key_of(partition, LEDGER_BEGUN), "ttl": encode(ttl)})
        with unavailable_as(StoreUnavailableError, _UNAVAILABLE):
            for item in items:
                self._client.put_item(TableName=self._table, Item=item)

    def list(self, key: ConnectionKey, *, limit: int, position: str | None) -> LedgerPage:
        partition = ledger_partition(key)
        parameters: dict[str, Any] = {
            "TableName": self._table,
            "KeyConditionExpression": "pk = :ledger AND sk < :end",
            "ExpressionAttributeValues": {":ledger": encode(partition), ":end": encode(LEDGER_END)},
            "ScanIndexForward": False,
            "Limit": limit,
        }
        if position is not None:
            parameters["ExclusiveStartKey"] = key_of(partition, position)
        with unavailable_as(StoreUnavailableError, _UNAVAILABLE):
            answer = self._client.query(**parameters)
        last = answer.get("LastEvaluatedKey")
        return LedgerPage(
            entries=tuple(_from_item(key, item) for item in answer["Items"]),
            position=None if last is None else text(last, "sk"),
        )

    def knows(self, key: ConnectionKey) -> bool:
        values = {":ledger": encode(ledger_partition(key)), ":begun": encode(LEDGER_BEGUN)}
        with unavailable_as(StoreUnavailableError, _UNAVAILABLE):
            answer = self._client.query(
                TableName=self._table,
                KeyConditionExpression="pk = :ledger AND sk = :begun",
                ExpressionAttributeValues=values,
            )
        return bool(answer["Items"])


def _to_item(entry: LedgerEntry, ttl: int) -> dict[str, dict[str, Any]]:
    failure, origin, took = entry.failure, entry.origin, entry.duration_seconds
    return encode_item(
        {
            "type": entry.type.value,
            "at": entry.at,
            "epoch": entry.epoch,
            "generation": entry.generation,
            "status": entry.status.value,
            "on_hold": True if entry.on_hold else None,
            "failure_cause": failure.cause if failure else None,
            "failure_code": failure.code if failure else None,
            "failure_count": failure.count if failure else None,
            "failed_at": failure.failed_at if failure else None,
            "origin_trigger": origin.trigger.value if origin else None,
            "origin_actor": origin.actor or None if origin else None,
            "correlation_id": origin.correlation_id or None if origin else None,
            "duration_ms": None if took is None else round(took * 1000),
            "expires_at": entry.expires_at,
            "consent_ends_at": entry.consent_ends_at,
            "consent_noticed_at": entry.consent_noticed_at,
            "changed": " ".join(entry.changed) or None,
            "ttl": ttl,
        }
    )


def _from_item(key: ConnectionKey, item: Item) -> LedgerEntry:
    at, failed_at = instant(item, "at"), instant(item, "failed_at")
    assert at is not None
    return LedgerEntry(
        key=key,
        type=LedgerType(text(item, "type")),
        at=at,
        epoch=number(item, "epoch"),
        generation=number(item, "generation"),
        status=ConnectionStatus(text(item, "status")),
        on_hold=flag(item, "on_hold"),
        failure=None
        if failed_at is None
        else FailureRecord(
            cause=text(item, "failure_cause"),
            code=text(item, "failure_code"),
            count=number(item, "failure_count"),
            failed_at=failed_at,
        ),
        origin=None
        if "origin_trigger" not in item
        else Origin(
            trigger=Trigger(text(item, "origin_trigger")),
            actor=text(item, "origin_actor"),
            correlation_id=text(item, "correlation_id"),
        ),
        duration_seconds=number(item, "duration_ms") / 1000 if "duration_ms" in item else None,
        expires_at=instant(item, "expires_at"),
        consent_ends_at=instant(item, "consent_ends_at"),
        consent_noticed_at=instant(item, "consent_noticed_at"),
        changed=tuple(text(item, "changed").split()),
    )
