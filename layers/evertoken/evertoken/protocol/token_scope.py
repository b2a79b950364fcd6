"""The scope that an answer says was granted (RFC 6749 section 5.1), as text separated by spaces."""

from __future__ import annotations

import re
from typing import Any

MAX_SCOPE_CHARACTERS = 8192
_SCOPE_TOKEN = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")


def parse_scope(value: Any, separator: str, anomalies: list[str]) -> str:
    """Return the scope that *value* (a text or a list of texts) means; what cannot be scopes is dropped and named in *anomalies*. Never raises."""
    if isinstance(value, str):
        texts = [value]
    elif isinstance(value, list) and all(isinstance(text, str) for text in value):
        texts = value
    else:
        texts = []
        anomalies.append("scope_unreadable")
    parts = " ".join(texts).replace(separator, " ").split()
    kept = [part for part in dict.fromkeys(parts) if _SCOPE_TOKEN.fullmatch(part)]
    if len(kept) < len(parts):
        anomalies.append("scope_repaired")
    scope = " ".join(kept)
    if len(scope) > MAX_SCOPE_CHARACTERS:
        anomalies.append("scope_too_long")
        return scope[: max(0, scope.rfind(" ", 0, MAX_SCOPE_CHARACTERS))]
    return scope
