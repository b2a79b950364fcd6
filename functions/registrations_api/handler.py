"""Keep providers and client registrations."""

import os
from typing import Any

from evertoken.entrypoints.invocation import LambdaContext
from evertoken.entrypoints.registrations_api import build_registrations_api

_api = build_registrations_api(os.environ)  # at import: Lambda's init phase has the most CPU


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer one request."""
    return _api.handle(event, context)
