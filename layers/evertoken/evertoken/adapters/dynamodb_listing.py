"""Lists of a tenant's connections: from the tenant index, or by user from the account bindings; never another tenant's rows."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from evertoken.adapters.dynamodb_items import from_item
from evertoken.adapters.dynamodb_keys import (
    TENANT_INDEX,
    connection_key,
    listed_at,
    tenant_partition,
    user_prefix,
)
from evertoken.adapters.dynamodb_values import Item, encode, text
from evertoken.domain.connection import Connection, ConnectionKey, ConnectionStatus
from evertoken.domain.errors import InvalidInputError
from evertoken.ports import ConnectionFilter, ConnectionPage

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

BATCH_LIMIT = 100
"""What BatchGetItem takes."""
HIDDEN = (ConnectionStatus.CONNECTING, ConnectionStatus.RETIRED)
"""Statuses that nobody asked to see: not yet a connection, and no more one."""


def list_connections(
    client: DynamoDBClient,
    table: str,
    tenant_id: str,
    *,
    only: ConnectionFilter,
    limit: int,
    position: str | None,
) -> ConnectionPage:
    """Return up to *limit* connections that pass the filter, from *position* on.

    A page reads until it is full or the index ends, so that a filter cannot make an empty page that is not the last.
    """
    start = None if position is None else _parse_position(position)
    found: list[Connection] = []
    while True:
        items, start = _read(client, table, tenant_id, only, limit - len(found), start)
        found.extend(_summary(row) for row in map(from_item, items) if _passes(row, only))
        if start is None or len(found) >= limit:
            return ConnectionPage(
                connections=tuple(found),
                position=None if start is None else json.dumps(start, separators=(",", ":")),
            )


def _read(
    client: DynamoDBClient, table: str, tenant_id: str, only: ConnectionFilter, limit: int, start: Any
) -> tuple[list[Item], Any]:
    parameters: dict[str, Any] = {"TableName": table, "Limit": min(max(limit, 1), BATCH_LIMIT)}
    if start is not None:
        parameters["ExclusiveStartKey"] = start
    if only.user_id is not None:
        parameters["KeyConditionExpression"] = "pk = :tenant AND begins_with(sk, :user)"
        parameters["ExpressionAttributeValues"] = {
            ":tenant": encode(tenant_partition(tenant_id)),
            ":user": encode(user_prefix(only.user_id)),
        }
        answer = client.query(**parameters)
        ids = [text(item, "connection_id") for item in answer["Items"]]
        return _get_many(client, table, tenant_id, ids), answer.get("LastEvaluatedKey")
    parameters["IndexName"] = TENANT_INDEX
    parameters["KeyConditionExpression"] = "tenant_id = :tenant"
    parameters["ExpressionAttributeValues"] = {":tenant": encode(tenant_id)}
    if only.expires_before is not None:
        parameters["KeyConditionExpression"] += " AND listed_at < :before"
        parameters["ExpressionAttributeValues"][":before"] = encode(listed_at(only.expires_before))
    answer = client.query(**parameters)
    return list(answer["Items"]), answer.get("LastEvaluatedKey")


def _get_many(client: DynamoDBClient, table: str, tenant_id: str, connection_ids: list[str]) -> list[Item]:
    """Return the rows of the ids, in their order; unprocessed keys are asked for again."""
    keys = [connection_key(ConnectionKey(tenant_id=tenant_id, connection_id=one)) for one in connection_ids]
    pending: dict[str, Any] = {table: {"Keys": keys}} if keys else {}
    rows: dict[str, Item] = {}
    while pending:
        answer = client.batch_get_item(RequestItems=pending)
        for item in answer["Responses"].get(table, []):
            rows[text(item, "sk").removeprefix("CONNECTION#")] = item
        pending = dict(answer.get("UnprocessedKeys") or {})
    return [rows[one] for one in connection_ids if one in rows]


def _summary(row: Connection) -> Connection:
    """Return *row* without ciphertext, lease and journal facts: a list by user reads whole rows."""
    return replace(row, sealed=None, lease=None, revocation=None, commit_id=None, attempted_at=None)


def _passes(row: Connection, only: ConnectionFilter) -> bool:
    if row.status in HIDDEN:
        return False
    if only.status is not None and row.status is not only.status:
        return False
    if only.is_refreshable and not row.is_refreshable:
        return False
    if only.expires_before is not None:
        is_dead = row.status is ConnectionStatus.REAUTHORIZATION_REQUIRED
        if is_dead or row.expires_at is None or row.expires_at >= only.expires_before:
            return False
    return all(
        wanted is None or wanted == actual
        for wanted, actual in (
            (only.user_id, row.user_id),
            (only.provider_id, row.provider_id),
            (only.account, row.account),
        )
    )


def _parse_position(position: str) -> Any:
    try:
        return json.loads(position)
    except ValueError as error:
        raise InvalidInputError(
            "The cursor is not one that this API gave. Start the list again without it."
        ) from error
