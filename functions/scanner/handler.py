"""EventBridge Scheduler -> scan what is due -> hints."""

import os
from typing import Any

from evertoken.entrypoints.cold_start import end_cold_start
from evertoken.entrypoints.invocation import LambdaContext
from evertoken.entrypoints.scanner import build_scanner

_scanner = build_scanner(os.environ)  # at import: Lambda's init phase has the most CPU
end_cold_start()


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    """Scan once; what the event says does not matter."""
    return _scanner.handle(context)
