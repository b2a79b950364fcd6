"""The body of an answer as JSON, read strictly: what two readers could understand differently is refused."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from evertoken.domain.http import HttpAnswer

_MAX_FORM_FIELDS = 100
_INDEX_DIGITS = 4
_INTEGER_DIGITS = 40
_CALLBACK = re.compile(rb"[A-Za-z_$][A-Za-z0-9_$.]{0,63}[ \t\r\n]*")


class UnreadableBodyError(ValueError):
    """The body is not what it should be; the message is one word and holds nothing of the body."""


def parse_body(answer: HttpAnswer, *, form_encoded: bool = False, jsonp: bool = False) -> Any:
    """Return the JSON value of a body, or where *form_encoded* the members of a form body, unless it says or shows that it is JSON.

    UTF-8 only (a byte order mark is tolerated), no member twice, numbers of any size, NaN and Infinity as None. Where *jsonp*, the call of a function
    around the value is taken away.

    Raises:
        UnreadableBodyError: in every other case.
    """
    body = _unwrap(answer.body) if jsonp else answer.body
    if form_encoded and not _is_json(answer.headers, body):
        return _parse_form(body)
    try:
        return json.loads(
            body.decode("utf-8-sig"),
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


def _is_json(headers: Mapping[str, str], body: bytes) -> bool:
    return "json" in headers.get("content-type", "").lower() or body.lstrip()[:1] == b"{"


def _unwrap(body: bytes) -> bytes:
    name, opening, rest = body.strip().partition(b"(")
    inner, closing, end = rest.rpartition(b")")
    is_call = opening and closing and end.strip() in (b"", b";") and _CALLBACK.fullmatch(name)
    return inner if is_call else body


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
