"""Start, complete, list, inspect, change, refresh and disconnect connections."""

import os
from typing import Any

from evertoken.entrypoints.cold_start import end_cold_start
from evertoken.entrypoints.connections_api import build_connections_api
from evertoken.entrypoints.invocation import LambdaContext

_api = build_connections_api(os.environ)  # at import: Lambda's init phase has the most CPU
end_cold_start()


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer one request."""
    return _api.handle(event, context)
