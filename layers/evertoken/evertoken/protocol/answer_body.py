"""The body of an answer as JSON, read strictly: what two readers could understand differently is refused."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from evertoken.domain.http import HttpAnswer

_MAX_FORM_FIELDS = 100
_INDEX_DIGITS = 4
_INTEGER_DIGITS = 40


class UnreadableBodyError(ValueError):
    """The body is not what it should be; the message is one word and holds nothing of the body."""


def parse_body(answer: HttpAnswer, *, form_encoded: bool = False) -> Any:
    """Return the JSON value of a body, or where *form_encoded* the members of a form body, unless it says or shows that it is JSON.

    UTF-8 only (a byte order mark is tolerated), no member twice, numbers of any size, NaN and Infinity as None.

    Raises:
        UnreadableBodyError: in every other case.
    """
    is_json = "json" in answer.headers.get("content-type", "").lower() or answer.body.lstrip()[:1] == b"{"
    if form_encoded and not is_json:
        return _parse_form(answer.body)
    try:
        return json.loads(
            answer.body.decode("utf-8-sig"),
            object_pairs_hook=_object,
            parse_int=_integer,
            parse_constant=_no_number,
        )
    except UnreadableBodyError:
        raise
    except UnicodeDecodeError:
        raise UnreadableBodyError("not_utf_8") from None
    except (ValueError, RecursionError):
        raise UnreadableBodyError("not_json") from None


def find_at(document: Any, pointer: str) -> Any:
    """Return what a JSON pointer (RFC 6901) names in *document*, or None."""
    for part in pointer.split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        if isinstance(document, Mapping):
            document = document.get(name)
        elif (
            isinstance(document, list) and name.isascii() and name.isdecimal() and len(name) <= _INDEX_DIGITS
        ):
            document = document[int(name)] if int(name) < len(document) else None
        else:
            return None
    return document


def _parse_form(body: bytes) -> dict[str, str]:
    try:
        pairs = parse_qsl(
            body.decode("utf-8"),
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=_MAX_FORM_FIELDS,
        )
    except ValueError:
        raise UnreadableBodyError("not_a_form") from None
    return _object(pairs)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise UnreadableBodyError("member_twice")
    return members


def _integer(digits: str) -> int | float:
    """Python refuses integers of thousands of digits; as floats they are merely large."""
    return int(digits) if len(digits) <= _INTEGER_DIGITS else float(digits)


def _no_number(_: str) -> None:
    return None
