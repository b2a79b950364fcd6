"""JSON pointers (RFC 6901), read and written by the simulation's own hand."""

from typing import Any


def parts_of(pointer: str) -> list[str]:
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]


def find(document: Any, pointer: str) -> Any:
    """What stands there, or None."""
    for part in parts_of(pointer):
        if isinstance(document, dict):
            document = document.get(part)
        elif isinstance(document, list) and part.isdigit() and int(part) < len(document):
            document = document[int(part)]
        else:
            return None
    return document


def put(document: Any, pointer: str, value: Any) -> Any:
    """*document* with *value* there; numbers make lists, and the empty pointer is the document itself."""
    parts = parts_of(pointer)
    if not parts:
        if isinstance(document, dict) and isinstance(value, dict):
            document.update(value)
            return document
        return value
    first, rest = parts[0], "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in parts[1:])
    if first.isdigit() and not isinstance(document, dict):
        listed = document if isinstance(document, list) else []
        while len(listed) <= int(first):
            listed.append({})
        listed[int(first)] = put(listed[int(first)], rest, value)
        return listed
    members = document if isinstance(document, dict) else {}
    below = members.get(first)
    if below is None and rest[1:2].isdigit():
        below = []
    members[first] = put({} if below is None else below, rest, value)
    return members


def kept_name(where: str) -> str:
    """The name under which a kept member is found again: a pointer's parts joined by `_`."""
    return "_".join(parts_of(where)) if where.startswith("/") else where
