"""IAM condition ``dynamodb:LeadingKeys``: without it the emulator lets every role into every partition.

AWS compares the partition keys that a request touches, each part of a transaction by itself:
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html (read 2026-11-21).
"""

# ruff: noqa: SLF001 - the emulator has no public way to these
from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from local.emulator.patching import get_module, replace, require

CONDITION_KEY = "dynamodb:LeadingKeys"
# A request that cannot be read matches no policy.
UNREADABLE = ["<unreadable>"]
_EQUALITY = re.compile(r"(#?[\w.-]+)\s*=\s*(:\w+)")


class ItemArn(str):
    """The ARN of one part of a transaction, which also says which partitions the part touches."""

    __slots__ = ("leading_keys",)
    leading_keys: list[str]


def _find_partition_attribute(table_name: str, index_name: str | None) -> str | None:
    table = get_module("services.dynamodb")._tables.get(str(table_name).split("table/")[-1])
    if not table:
        return None
    schema = table["KeySchema"]
    for index in table.get("GlobalSecondaryIndexes") or []:
        if index_name and index["IndexName"] == index_name:
            schema = index["KeySchema"]
    return next(str(key["AttributeName"]) for key in schema if key["KeyType"] == "HASH")


def _value(attribute_value: dict[str, Any]) -> str:
    return str(next(iter(attribute_value.values())))


def _keys_of_item(item: dict[str, Any]) -> Iterator[str]:
    attribute = _find_partition_attribute(item.get("TableName", ""), item.get("IndexName"))
    if attribute is None:
        return
    for member in ("Key", "Item"):
        if attribute in (item.get(member) or {}):
            yield _value(item[member][attribute])
    names = item.get("ExpressionAttributeNames") or {}
    values = item.get("ExpressionAttributeValues") or {}
    for name, placeholder in _EQUALITY.findall(item.get("KeyConditionExpression") or ""):
        if names.get(name, name) == attribute and placeholder in values:
            yield _value(values[placeholder])
    condition = (item.get("KeyConditions") or {}).get(attribute)
    if condition:
        yield _value(condition["AttributeValueList"][0])


def _keys_of_batch(table_name: str, requests: Any) -> Iterator[str]:
    attribute = _find_partition_attribute(table_name, None)
    entries = requests.get("Keys", []) if isinstance(requests, dict) else requests
    for entry in entries:
        item = entry.get("PutRequest", {}).get("Item") or entry.get("DeleteRequest", {}).get("Key") or entry
        if attribute in item:
            yield _value(item[attribute])


def parse_leading_keys(body: bytes) -> list[str]:
    """Return the partition keys that a request touches; an unreadable request touches one that no policy names."""
    try:
        data = json.loads(body or b"{}")
        keys = list(_keys_of_item(data))
        for table_name, requests in (data.get("RequestItems") or {}).items():
            keys += _keys_of_batch(table_name, requests)
        for part in data.get("TransactItems") or []:
            keys += [key for item in part.values() for key in _keys_of_item(item)]
    except (AttributeError, IndexError, KeyError, StopIteration, TypeError, ValueError):
        return UNREADABLE
    return keys


def _with_leading_keys(original: Any) -> Any:
    def dynamodb_service_context(body: bytes) -> dict[str, Any]:
        context: dict[str, Any] = original(body)
        keys = parse_leading_keys(body)
        return {**context, CONDITION_KEY: keys} if keys else context

    return dynamodb_service_context


def _check_each_part(original: Any) -> Any:
    def dynamodb_transaction_checks(action: str, body: bytes, *where: str) -> list[tuple[str, str]]:
        if not original(action, body, *where):
            return []
        checks: list[tuple[str, str]] = []
        for part in json.loads(body)["TransactItems"]:
            alone = json.dumps({"TransactItems": [part]}).encode()
            for part_action, arn in original(action, alone, *where):
                keyed = ItemArn(arn)
                keyed.leading_keys = parse_leading_keys(alone)
                checks.append((part_action, keyed))
        return checks

    return dynamodb_transaction_checks


def _enforce_keys_of_part(original: Any) -> Any:
    def enforce(*arguments: Any, resource_arn: str = "*", service_context: Any = None, **named: Any) -> Any:
        if isinstance(resource_arn, ItemArn):
            service_context = {**(service_context or {}), CONDITION_KEY: resource_arn.leading_keys}
        return original(*arguments, resource_arn=resource_arn, service_context=service_context, **named)

    return enforce


def apply() -> None:
    """Give DynamoDB requests their leading keys, before a policy is asked."""
    actions, evaluator = get_module("core.iam_actions"), get_module("core.iam_evaluator")
    require(get_module("services.dynamodb"), "_tables")
    replace(actions, "dynamodb_service_context", _with_leading_keys)
    replace(actions, "dynamodb_transaction_checks", _check_each_part)
    replace(evaluator, "enforce", _enforce_keys_of_part)
