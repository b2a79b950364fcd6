"""When a provider's answer means that it refuses the access token."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import httpx

UNAUTHORIZED = 401


def error_member(
    name: str, *values: str, statuses: tuple[int, ...] = (400, 401, 403)
) -> Callable[[httpx.Response], bool]:
    """Return a predicate for ConnectionAuth's `rejects`: an answer of one of *statuses* whose JSON object has one of *values* as its member *name*.

    For IG: `error_member("errorCode", "error.security.oauth-token-invalid")`.
    """

    def rejects(response: httpx.Response) -> bool:
        if response.status_code not in statuses:
            return False
        try:
            document = json.loads(response.content)
        except (ValueError, RecursionError):
            return False
        return isinstance(document, dict) and document.get(name) in values

    return rejects
