"""What every typed answer of the API has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiResult:
    """An answer of the API, or a part of one.

    `unknown_fields` are those that this release does not know, as they came: a newer service does not break an older program. Closed lists (a status,
    a code) are plain strings for the same reason.
    """

    unknown_fields: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)
