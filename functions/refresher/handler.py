"""A batch of hints or rescued answers -> refresh, publish, revoke, adopt -> what to deliver again."""

import os
from typing import Any

from evertoken.entrypoints.cold_start import end_cold_start
from evertoken.entrypoints.invocation import LambdaContext
from evertoken.entrypoints.refresher import build_refresher

_refresher = build_refresher(os.environ)  # at import: Lambda's init phase has the most CPU
end_cold_start()


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, list[dict[str, str]]]:
    """Work through the batch and report its failures."""
    return _refresher.handle(event, context)
