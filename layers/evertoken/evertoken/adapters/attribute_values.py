"""DynamoDB's attribute values for the few kinds of value that we store; None is stored by being absent."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from evertoken.domain.instants import from_milliseconds

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

Plain = str | int | bool | bytes | tuple[str, ...] | Mapping[str, str] | None
"""What can be stored: text, whole numbers, truth, bytes, lists of text and maps of text."""


def to_item(values: Mapping[str, Plain]) -> dict[str, AttributeValueTypeDef]:
    """Return *values* as an item, without those that are None."""
    return {name: _to_attribute(value) for name, value in values.items() if value is not None}


def from_item(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return the plain values of an item; `to_item` is its inverse but for the Nones."""
    return {name: _from_attribute(attribute) for name, attribute in item.items()}


def find_instant(values: Mapping[str, Any], name: str) -> datetime | None:
    """Return the instant stored as milliseconds under *name*, or None when it is absent."""
    milliseconds = values.get(name)
    return None if milliseconds is None else from_milliseconds(milliseconds)


def _to_attribute(value: Plain) -> AttributeValueTypeDef:
    match value:
        case bool():
            return {"BOOL": value}
        case str():
            return {"S": value}
        case int():
            return {"N": str(value)}
        case bytes():
            return {"B": value}
        case tuple():
            return {"L": [{"S": member} for member in value]}
        case Mapping():
            return {"M": {name: {"S": member} for name, member in value.items()}}
        case None:
            return {"NULL": True}


def _from_attribute(attribute: Mapping[str, Any]) -> Any:
    (kind, value), *_ = attribute.items()
    match kind:
        case "N":
            return int(value)
        case "B":
            return bytes(value)
        case "L":
            return tuple(_from_attribute(member) for member in value)
        case "M":
            return {name: _from_attribute(member) for name, member in value.items()}
        case "NULL":
            return None
        case _:
            return value
