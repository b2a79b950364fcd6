"""Turn changes of connections into ledger entries and events."""

import os
from typing import Any

from evertoken.entrypoints.cold_start import end_cold_start
from evertoken.entrypoints.event_relay import build_event_relay
from evertoken.entrypoints.invocation import LambdaContext

_relay = build_event_relay(os.environ)  # at import: Lambda's init phase has the most CPU
end_cold_start()


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, list[dict[str, str]]]:
    """Tell one batch of changes."""
    return _relay.handle(event, context)
