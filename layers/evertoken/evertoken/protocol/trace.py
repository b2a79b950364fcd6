"""The id under which a provider's support finds a request."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from evertoken.domain.answer_shape import TraceShape
from evertoken.protocol.answer_body import find_at

_TRACE_ID = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")


def find_trace_id(shape: TraceShape | None, headers: Mapping[str, str], body: Any) -> str | None:
    """Return the answer's id, of a closed alphabet, so that nothing else of an answer can reach a log in its place; else None."""
    if shape is None:
        return None
    value = headers.get(shape.header) if shape.header is not None else None
    if value is None and shape.path is not None:
        value = find_at(body, shape.path)
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    return text if isinstance(text, str) and _TRACE_ID.fullmatch(text) else None
