"""From JSON to the typed answers: strict in what is known, lenient in what is not."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from evertoken.client.api_exchange import ApiAnswer
from evertoken.client.errors import SecretShapeError

Answer = TypeVar("Answer")
_KEPT = "unknown_fields"


def answers_with(kind: type[Answer]) -> Callable[[ApiAnswer], Answer]:
    """Return what decodes an answer's body as *kind*.

    Fields that are not known are kept in `unknown_fields`. A field that is missing is None where its type admits that (an older service). Raises: SecretShapeError, which names
    the field and never shows the answer.
    """

    def decode_answer(answer: ApiAnswer) -> Answer:
        decoded: Answer = decode(kind, parse(answer), "the answer")
        return decoded

    return decode_answer


def answers_with_one_of(kinds: Any) -> Callable[[ApiAnswer], Any]:
    """Return what decodes an answer's body as that member of the union *kinds* whose fields it has."""
    return lambda answer: decode(kinds, parse(answer), "the answer")


def answers_with_nothing(_: ApiAnswer) -> None:
    """Take an answer without a body (204)."""


def parse(answer: ApiAnswer) -> Any:
    """Return the answer's document. Raises: SecretShapeError."""
    try:
        return json.loads(answer.body)
    except (ValueError, RecursionError):
        # The cause is left out: a JSON error carries the document.
        raise _misshapen("the answer", "JSON") from None


def decode(kind: Any, value: Any, where: str) -> Any:
    """Return *value* as *kind*. Raises: SecretShapeError."""
    if kind is Any:
        return value
    origin = get_origin(kind)
    if origin in {Union, UnionType}:
        return _decode_union(get_args(kind), value, where)
    if origin is tuple:
        return tuple(
            decode(get_args(kind)[0], one, f"{where}[{position}]")
            for position, one in enumerate(_checked(list, value, where))
        )
    if origin is not None:
        members = _checked(dict, value, where)
        return {name: decode(get_args(kind)[1], one, f"{where}.{name}") for name, one in members.items()}
    if is_dataclass(kind):
        return _decode_fields(kind, _checked(dict, value, where), where)
    if kind is datetime:
        return _decode_instant(value, where)
    return float(_checked(int | float, value, where)) if kind is float else _checked(kind, value, where)


def _decode_union(members: tuple[Any, ...], value: Any, where: str) -> Any:
    if value is None and NoneType in members:
        return None
    kinds = [one for one in members if one is not NoneType]
    if len(kinds) == 1:
        return decode(kinds[0], value, where)
    document = _checked(dict, value, where)
    # The member that says the most of what is there: a kind that this release does not know is taken for the plainest.
    known = [kind for kind in kinds if _required(kind) <= set(document)]
    if not known:
        raise _misshapen(where, " or ".join(kind.__name__ for kind in kinds))
    return decode(max(known, key=lambda kind: len(_required(kind))), document, where)


def _decode_fields(kind: Any, document: dict[str, Any], where: str) -> Any:
    hints = _hints(kind)
    missing = _required(kind) - set(document)
    if missing:
        raise _misshapen(f"{where}.{min(missing)}", "present")
    known = {
        name: decode(hint, document.get(name), f"{where}.{name}")
        for name, hint in hints.items()
        if name != _KEPT
    }
    return kind(**known, unknown_fields={name: one for name, one in document.items() if name not in known})


def _decode_instant(value: Any, where: str) -> datetime:
    try:
        moment = datetime.fromisoformat(_checked(str, value, where))
    except ValueError:
        raise _misshapen(where, "an instant") from None
    if moment.tzinfo is None:
        raise _misshapen(where, "an instant with its offset")
    return moment


@functools.cache
def _hints(kind: Any) -> Mapping[str, Any]:
    return get_type_hints(kind)


@functools.cache
def _required(kind: Any) -> frozenset[str]:
    names = {one.name for one in fields(kind)} - {_KEPT}
    return frozenset(name for name in names if NoneType not in get_args(_hints(kind)[name]))


def _checked(kind: Any, value: Any, where: str) -> Any:
    # In Python True is an int, in JSON it is not.
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise _misshapen(where, getattr(kind, "__name__", "a number"))
    return value


def _misshapen(where: str, expected: str) -> SecretShapeError:
    return SecretShapeError(
        f"The API answered in another form than this release knows: {where} is not {expected}. "
        "Check that EVERTOKEN_API is the stack's Output ApiUrl, and that this library is not older than the installation by a major version."
    )
