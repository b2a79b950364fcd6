"""Batches, schedules, jobs, statistics, audit and ledgers."""

import os
from typing import Any

from evertoken.entrypoints.cold_start import end_cold_start
from evertoken.entrypoints.invocation import LambdaContext
from evertoken.entrypoints.operations_api import build_operations_api

_api = build_operations_api(os.environ)  # at import: Lambda's init phase has the most CPU
end_cold_start()


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer one request."""
    return _api.handle(event, context)
