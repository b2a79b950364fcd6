"""Issue access tokens; keep tenants and API clients."""

import os
from typing import Any

from evertoken.entrypoints.cold_start import end_cold_start

# isort: split
from evertoken.entrypoints.auth_api import build_auth_api
from evertoken.entrypoints.invocation import LambdaContext

_api = build_auth_api(os.environ)  # at import: Lambda's init phase has the most CPU
end_cold_start()


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer one request."""
    return _api.handle(event, context)
