"""DynamoDB's attribute values, and update expressions put together clause by clause."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from evertoken.domain.instants import from_milliseconds, to_milliseconds

Item = Mapping[str, Mapping[str, Any]]
Value = str | int | bool | bytes | datetime | tuple[str, ...] | Mapping[str, str]
"""What can be stored: text, whole numbers, truth, bytes, instants, lists of text and maps of text."""
Plain = Value | None
"""A value, or None for an attribute that is absent."""
Comparison = tuple[str, str, Value]


def encode(value: Value) -> dict[str, Any]:
    """Return *value* as DynamoDB writes it; an instant becomes whole milliseconds."""
    match value:
        case bool():
            return {"BOOL": value}
        case str():
            return {"S": value}
        case int():
            return {"N": str(value)}
        case bytes():
            return {"B": value}
        case datetime():
            return {"N": str(to_milliseconds(value))}
        case tuple():
            return {"L": [{"S": member} for member in value]}
        case Mapping():
            return {"M": {name: {"S": member} for name, member in value.items()}}


def encode_item(attributes: Mapping[str, Plain]) -> dict[str, dict[str, Any]]:
    """Return an item of the attributes that are not None."""
    return {name: encode(value) for name, value in attributes.items() if value is not None}


def decode_item(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return the plain values of an item; `encode_item` is its inverse but for the Nones and instants."""
    return {name: _from_attribute(attribute) for name, attribute in item.items()}


def find_instant(values: Mapping[str, Any], name: str) -> datetime | None:
    """Return the instant stored as milliseconds under *name*, or None when it is absent."""
    milliseconds = values.get(name)
    return None if milliseconds is None else from_milliseconds(milliseconds)


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


def text(item: Item, name: str, default: str = "") -> str:
    """Return a string attribute."""
    return str(item[name]["S"]) if name in item else default


def number(item: Item, name: str, default: int = 0) -> int:
    """Return an integer attribute."""
    return int(item[name]["N"]) if name in item else default


def flag(item: Item, name: str) -> bool:
    """Return a boolean attribute, absent being false."""
    return bool(item[name]["BOOL"]) if name in item else False


def instant(item: Item, name: str) -> datetime | None:
    """Return an instant, or None when the attribute is absent."""
    return from_milliseconds(int(item[name]["N"])) if name in item else None


def blob(item: Item, name: str) -> bytes:
    """Return a binary attribute."""
    return bytes(item[name]["B"])


class Update:
    """One UpdateItem: what is set, removed and required. Every name is a placeholder, so that reserved words cannot bite."""

    def __init__(self) -> None:
        self._sets: list[str] = []
        self._removes: list[str] = []
        self._conditions: list[str] = []
        self._names: dict[str, str] = {}
        self._values: dict[str, dict[str, Any]] = {}

    def _name(self, name: str) -> str:
        placeholder = f"#{name}"
        self._names[placeholder] = name
        return placeholder

    def _value(self, value: Value) -> str:
        placeholder = f":v{len(self._values)}"
        self._values[placeholder] = encode(value)
        return placeholder

    def set(self, name: str, value: Value | None) -> Update:
        """Set the attribute, or remove it when *value* is None."""
        if value is None:
            return self.remove(name)
        self._sets.append(f"{self._name(name)} = {self._value(value)}")
        return self

    def add(self, name: str, amount: int) -> Update:
        """Add to a number that is there."""
        self._sets.append(f"{self._name(name)} = {self._name(name)} + {self._value(amount)}")
        return self

    def add_attribute(self, name: str, addend: str) -> Update:
        """Add one number of the item to another: what is to be added was decided when *addend* was stored."""
        self._sets.append(f"{self._name(name)} = {self._name(name)} + {self._name(addend)}")
        return self

    def remove(self, *names: str) -> Update:
        """Remove the attributes."""
        self._removes.extend(self._name(name) for name in names)
        return self

    def require(self, name: str, operator: str, value: Value) -> Update:
        """Require a comparison to hold."""
        self._conditions.append(f"{self._name(name)} {operator} {self._value(value)}")
        return self

    def require_either(self, first: Comparison, second: Comparison) -> Update:
        """Require one of two comparisons to hold."""
        parts = [
            f"{self._name(name)} {operator} {self._value(value)}" for name, operator, value in (first, second)
        ]
        self._conditions.append(f"({' OR '.join(parts)})")
        return self

    def require_equal(self, name: str, other: str) -> Update:
        """Require two attributes to be equal."""
        self._conditions.append(f"{self._name(name)} = {self._name(other)}")
        return self

    def require_absent_or(self, name: str, operator: str, value: Value) -> Update:
        """Require the attribute to be absent, or the comparison to hold."""
        placeholder = self._name(name)
        self._conditions.append(
            f"(attribute_not_exists({placeholder}) OR {placeholder} {operator} {self._value(value)})"
        )
        return self

    def require_present(self, name: str) -> Update:
        """Require the attribute to exist."""
        self._conditions.append(f"attribute_exists({self._name(name)})")
        return self

    def require_absent(self, name: str) -> Update:
        """Require the attribute not to exist."""
        self._conditions.append(f"attribute_not_exists({self._name(name)})")
        return self

    def expression(self) -> dict[str, Any]:
        """Return the parameters of UpdateItem (or of an Update within a transaction)."""
        parts = []
        if self._sets:
            parts.append("SET " + ", ".join(self._sets))
        if self._removes:
            parts.append("REMOVE " + ", ".join(self._removes))
        parameters: dict[str, Any] = {
            "UpdateExpression": " ".join(parts),
            "ExpressionAttributeNames": self._names,
        }
        if self._values:
            parameters["ExpressionAttributeValues"] = self._values
        if self._conditions:
            parameters["ConditionExpression"] = " AND ".join(self._conditions)
        return parameters
