"""The calls of what operators keep by id: read, put, remove. All are safe to send again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evertoken.client.api_call import ApiCall, Repeat, segment
from evertoken.client.api_decoding import answers_with, answers_with_nothing


def list_call(group: str, path: str, kind: Any, query: Mapping[str, str] | None = None) -> ApiCall[Any]:
    """Return the call for all of them."""
    return _call(f"{group}.list", "GET", path, answers_with(kind), query=query or {})


def get_call(group: str, path: str, key: str, decode: Any) -> ApiCall[Any]:
    """Return the call for one."""
    return _call(f"{group}.get", "GET", f"{path}/{segment(key)}", decode)


def put_call(group: str, path: str, key: str, kind: Any, body: Mapping[str, Any]) -> ApiCall[Any]:
    """Return the call that adds or changes one."""
    return _call(f"{group}.put", "PUT", f"{path}/{segment(key)}", answers_with(kind), body=body)


def delete_call(group: str, path: str, key: str) -> ApiCall[None]:
    """Return the call that removes one."""
    return _call(f"{group}.delete", "DELETE", f"{path}/{segment(key)}", answers_with_nothing)


def _call(name: str, method: str, path: str, decode: Any, **more: Any) -> ApiCall[Any]:
    return ApiCall(name=name, method=method, path=path, decode=decode, repeat=Repeat.ALWAYS, **more)
