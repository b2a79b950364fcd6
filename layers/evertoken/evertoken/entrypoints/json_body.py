"""JSON bodies, read strictly: one object, no member twice, no number that is none, not too deep, not too long (security facts 5c)."""

from __future__ import annotations

import json
from typing import Any

from evertoken.domain.errors import InvalidInputError
from evertoken.entrypoints.http_event import LARGEST_BODY, HttpEvent

DEEPEST = 10


def get_text(event: HttpEvent, *, largest_body: int = LARGEST_BODY) -> str:
    """Return the body as text; *largest_body* is what its route takes. Raises InvalidInputError: it is too long or not UTF-8."""
    if event.body is None:
        raise InvalidInputError(f"The body is longer than {largest_body} bytes, or cannot be decoded.")
    try:
        return event.body.decode()
    except UnicodeDecodeError:
        raise InvalidInputError("The body is not UTF-8.") from None


def get_json_object(event: HttpEvent, *, largest_body: int = LARGEST_BODY) -> dict[str, Any]:
    """Return the body's JSON object. Raises InvalidInputError, which says what is wrong and repeats nothing of it."""
    if event.content_type() != "application/json":
        raise InvalidInputError("Send the body as Content-Type: application/json.")
    try:
        parsed = json.loads(
            get_text(event, largest_body=largest_body),
            object_pairs_hook=_without_duplicates,
            parse_constant=_refuse_constant,
        )
        # A lone surrogate is valid JSON and no text: nothing could store it.
        json.dumps(parsed, ensure_ascii=False).encode()
    except InvalidInputError:
        raise
    except (ValueError, RecursionError):
        raise InvalidInputError("The body is not valid JSON.") from None
    if not isinstance(parsed, dict):
        raise InvalidInputError("The body must be one JSON object.")
    if _depth(parsed) > DEEPEST:
        raise InvalidInputError(f"The body is nested deeper than {DEEPEST} levels.")
    return parsed


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise InvalidInputError("The body has a member twice. Send each once.")
    return members


def _refuse_constant(constant: str) -> None:
    raise ValueError(constant)


def _depth(value: Any) -> int:
    deepest, level = 0, [value]
    while level:
        deepest += 1
        level = [
            member
            for parent in level
            for member in (parent.values() if isinstance(parent, dict) else parent)
            if isinstance(member, dict | list)
        ]
    return deepest
