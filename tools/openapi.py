"""Writes the API's OpenAPI document from its code: ``python -m tools.openapi``. A test compares the two."""

from __future__ import annotations

import json

from evertoken.entrypoints.documentation_routes import DOCUMENT
from evertoken.entrypoints.openapi.document import build_document
from evertoken.entrypoints.openapi.operations import all_operations
from evertoken.entrypoints.openapi.routes import all_routes


def render() -> str:
    """Return the document as it is committed."""
    document = build_document(all_operations(), all_routes())
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    DOCUMENT.write_text(render(), encoding="utf-8")
    print(f"{DOCUMENT.name}: {DOCUMENT.stat().st_size} bytes")
