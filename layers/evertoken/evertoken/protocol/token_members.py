"""The members of a token answer, from wherever the provider's entry says that they stand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evertoken.domain.answer_shape import AnswerShape
from evertoken.protocol.answer_body import find_at

MAX_EXTRA_CHARACTERS = 1024


def find_token_members(shape: AnswerShape, headers: Mapping[str, str], body: Any) -> Mapping[str, Any] | None:
    """Return the object that holds an access token, with what the answer's headers (lower-case names) say put into it, or None."""
    for path in shape.token_paths:
        found = find_at(body, path) if path else body
        if isinstance(found, Mapping):
            members: Mapping[str, Any] = found
            if shape.headers:
                members = {**members, **_from_headers(shape, headers)}
            if find_member(shape, members, "access_token") not in (None, ""):
                return members
    return None


def find_member(shape: AnswerShape, members: Mapping[str, Any], name: str) -> Any:
    """Return the standard member *name*, under the first of its names that says something, or None."""
    found = None
    for one in shape.names_of(name):
        value = members.get(one)
        if value is not None:
            if value != "":
                return value
            found = value
    return found


def is_null_member(shape: AnswerShape, members: Mapping[str, Any], name: str) -> bool:
    """Return whether the answer has the standard member *name* and gives it no value."""
    return find_member(shape, members, name) is None and any(one in members for one in shape.names_of(name))


def kept_name(member: str) -> str:
    """Return the name under which a member of `keeps` is kept: its own, or the parts of a JSON pointer joined by `_`."""
    return member[1:].replace("/", "_") if member.startswith("/") else member


def find_kept_members(keeps: Mapping[str, None], members: Mapping[str, Any], body: Any) -> dict[str, str]:
    """Return as text what the answer has of *keeps*: names of *members*, or JSON pointers from the root of *body*."""
    kept = {}
    for member in keeps:
        value = find_at(body, member) if member.startswith("/") else members.get(member)
        text = find_text(value)
        if text is not None:
            kept[kept_name(member)] = text
    return kept


def find_text(value: Any) -> str | None:
    """Return a text, number or truth value as printable text of bounded length, a list of plain words joined by spaces; else None."""
    if isinstance(value, list):
        words = [find_text(word) for word in value if not isinstance(word, list)]
        plain = [word for word in words if word is not None and " " not in word]
        text = " ".join(plain) if len(plain) == len(value) else ""
    elif isinstance(value, bool):
        text = "true" if value else "false"
    elif isinstance(value, (int, float)):
        text = str(value)
    else:
        text = value if isinstance(value, str) else ""
    return text if 0 < len(text) <= MAX_EXTRA_CHARACTERS and text.isprintable() else None


def _from_headers(shape: AnswerShape, headers: Mapping[str, str]) -> dict[str, str]:
    found = {
        shape.names_of(member)[0]: headers.get(header, "").strip() for member, header in shape.headers.items()
    }
    return {name: value for name, value in found.items() if value}
