"""The API's own document, and a page that shows it on the local stage; neither loads anything from anywhere else."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from evertoken.domain.errors import NotFoundError
from evertoken.entrypoints.api import Request, Route
from evertoken.entrypoints.http_answer import Answer

DOCUMENT = Path(__file__).parents[1] / "openapi.json"
"""Made by `python -m tools.openapi` from the code, and compared with it by a test."""
KEPT_SECONDS = 300
LOCAL_STAGE = "local"
PAGE_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; font-src data:; "
    "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
"""All that the page needs stands in it; the requests that a person tries go to this API."""


def documentation_routes(*, stage: str) -> tuple[Route, ...]:
    """Return the routes of the document and of its page, which is there on the local stage alone."""

    def show(_: Request) -> Answer:
        if stage != LOCAL_STAGE:
            raise NotFoundError(
                "The page is shown on the local stage alone. The document is GET /openapi.json."
            )
        headers = {
            "Content-Security-Policy": PAGE_POLICY,
            "Referrer-Policy": "no-referrer",
            "X-Frame-Options": "DENY",
        }
        return Answer(html=_page(), headers=headers)

    return (
        Route(
            key="GET /openapi.json",
            handle=lambda _: Answer(
                body=_document(), headers={"Cache-Control": f"public, max-age={KEPT_SECONDS}"}
            ),
        ),
        Route(key="GET /docs", handle=show),
    )


@cache
def _document() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(DOCUMENT.read_text(encoding="utf-8"))
    return document


@cache
def _page() -> str:
    """Return Swagger UI as Powertools ships it, with the document, script and style sheet inside."""
    from aws_lambda_powertools.event_handler.openapi import swagger_ui
    from aws_lambda_powertools.event_handler.openapi.swagger_ui.html import generate_swagger_html

    assets = Path(swagger_ui.__file__).parent
    return generate_swagger_html(
        json.dumps(_document(), separators=(",", ":")).replace("</", "<\\/"),
        (assets / "swagger-ui-bundle.min.js").read_text(encoding="utf-8"),
        (assets / "swagger-ui.min.css").read_text(encoding="utf-8"),
        swagger_base_url="",
        oauth2_config=None,
    )
