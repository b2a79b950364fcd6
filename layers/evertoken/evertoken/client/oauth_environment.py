"""A dataclass of settings from environment variables, one a field."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Final, TypeVar

from evertoken.client.errors import ConfigurationError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    Settings = TypeVar("Settings", bound=DataclassInstance)
else:
    Settings = TypeVar("Settings")

_YES_OR_NO: Final = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


def read_environment(
    settings: type[Settings], prefix: str, environment: Mapping[str, str] | None = None
) -> Settings:
    """Return *settings* built from the variables *prefix* + a field's name in upper case. An empty variable counts as absent.

    A field whose default is neither a text, a number nor a truth value cannot be set so and keeps it.

    Raises:
        ConfigurationError: a variable cannot be read (the message names it and not its value), or the settings refuse what they get.
    """
    variables = os.environ if environment is None else environment
    found: dict[str, Any] = {}
    for one in fields(settings):
        name = prefix + one.name.upper()
        text = variables.get(name, "").strip()
        read = _reader_of(one.default)
        if not text or read is None:
            continue
        try:
            found[one.name] = read(text)
        except (ValueError, KeyError):
            raise ConfigurationError(f"{name} must be {_EXPECTED[read]}.") from None
    try:
        return settings(**found)
    except ConfigurationError as error:
        raise ConfigurationError(
            f"{error} (Settings are read from environment variables that begin with {prefix}.)"
        ) from None


def _truth_of(text: str) -> bool:
    return _YES_OR_NO[text.lower()]


_EXPECTED: Final[dict[Callable[[str], Any], str]] = {
    float: "a number",
    _truth_of: "true or false",
    str: "a text",
}


def _reader_of(default: Any) -> Callable[[str], Any] | None:
    if isinstance(default, bool):
        return _truth_of
    if isinstance(default, float):
        return float
    return str if isinstance(default, str) else None
