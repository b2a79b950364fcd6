"""Receive browsers from providers."""

import os
from typing import Any

from evertoken.entrypoints.cold_start import end_cold_start
from evertoken.entrypoints.invocation import LambdaContext
from evertoken.entrypoints.oauth_callback import build_oauth_callback

_api = build_oauth_callback(os.environ)  # at import: Lambda's init phase has the most CPU
end_cold_start()


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer one request."""
    return _api.handle(event, context)
