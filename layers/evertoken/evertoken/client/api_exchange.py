"""One exchange with the API, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiRequest:
    """A request to the API; nothing that may be a secret is in the representation. The body is a form or *content*, not both."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    bearer: str = field(default="", repr=False)
    basic: tuple[str, str] | None = field(default=None, repr=False)
    form: Mapping[str, str] | None = field(default=None, repr=False)
    content: bytes | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiAnswer:
    """An answer; *headers* have lower-case names, the body is not in the representation."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class NeedBearer:
    """A bearer is needed, and not the one that was just refused ("" when none was)."""

    refused: str = field(default="", repr=False)
