"""The document and its page."""

from __future__ import annotations

from typing import Any

from evertoken.entrypoints.openapi.operation import Operation

OPERATIONS: tuple[Operation, ...] = (
    Operation(
        key="GET /openapi.json",
        tag="Documentation",
        summary="This API as an OpenAPI 3.1 document",
        answers={200: dict[str, Any]},
    ),
    Operation(
        key="GET /docs",
        tag="Documentation",
        summary="The document as a page",
        description="On the local stage alone.",
        answers={200: None},
        answer_media_type="text/html",
        errors=("NOT_FOUND",),
    ),
)
