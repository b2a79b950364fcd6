"""A Lambda function that calls a provider's API: three lines are about tokens, and none of them is about refreshing.

Its environment has EVERTOKEN_SECRET_PREFIX (evertoken/<stage>/tokens/<tenant>), its role the stack's reader policy. The client comes
from Evertoken's layer or the wheel; httpx from the function's own package.
"""

from __future__ import annotations

import httpx

from evertoken.client import ConnectionAuth, TokenReader

# Made once for each environment of the function: tokens are kept as long as they are good.
reader = TokenReader.from_env()
http = httpx.Client()


def handler(event: dict[str, str], context: object) -> dict[str, object]:
    """Return what the provider says at *url*, in the name of *connection_id*."""
    response = http.get(event["url"], auth=ConnectionAuth(reader, event["connection_id"]))
    response.raise_for_status()
    return {"status": response.status_code, "body": response.json()}
