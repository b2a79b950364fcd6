"""A Lambda function that calls a provider's API: three lines are about tokens, and none of them is about refreshing.

Its environment has EVERTOKEN_SECRET_PREFIX (evertoken/<stage>/tokens/<tenant>) and PROVIDER_API, its role the stack's reader policy. The client and
httpx come with Evertoken's layer, or with the wheel.
"""

from __future__ import annotations

import os

import httpx

from evertoken.client import ConnectionAuth, TokenReader

# Made once for each environment of the function: tokens are kept as long as they are good.
reader = TokenReader.from_env()
# The provider's address is the function's own, never the event's: who chooses the address is given the token.
http = httpx.Client(base_url=os.environ["PROVIDER_API"])


def handler(event: dict[str, str], context: object) -> dict[str, object]:
    """Return what the provider says of the account of *connection_id*."""
    response = http.get("/me", auth=ConnectionAuth(reader, event["connection_id"]))
    response.raise_for_status()
    return {"status": response.status_code, "body": response.json()}
