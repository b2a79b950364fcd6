"""One operation of the API as its document describes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """What a route takes and answers; *key* is the route's (`GET /v1/jobs/{job_id}`), whose scope the document takes from the route.

    *parameters* is the model of the query, *body* that of the JSON body (a model or a union of models), *answers* the model of each good status (None: no
    body). *errors* are the codes that this route can answer beside those that every route of its kind can (`common_errors`).
    """

    key: str
    tag: str
    summary: str
    description: str = ""
    path: Mapping[str, str] = field(default_factory=dict)
    """What each path parameter is, in a sentence."""
    parameters: Any = None
    body: Any = None
    body_may_be_absent: bool = False
    media_types: tuple[str, ...] = ("application/json",)
    """What the body may come as."""
    answers: Mapping[int, Any]
    answer_media_type: str = "application/json"
    """What good answers come as."""
    errors: tuple[str, ...] = ()
    security: tuple[str, ...] = ()
    """The schemes (of `security.py`) that a route without a scope asks for; any of them will do."""
    shows_errors_as_page: bool = False
    """Whether a browser's user is told what is wrong, by one fixed page."""
