"""GET /v1/connections/{connection_id}/token -> a valid access token."""

import os
from typing import Any

from evertoken.entrypoints.cold_start import end_cold_start
from evertoken.entrypoints.invocation import LambdaContext
from evertoken.entrypoints.token_reader import build_token_reader

_token_reader = build_token_reader(os.environ)  # at import: Lambda's init phase has the most CPU
end_cold_start()


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer one read."""
    return _token_reader.handle(event, context)
