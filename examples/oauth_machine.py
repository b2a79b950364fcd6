"""Machine to machine without a service between: client credentials, refreshed in time, on every request.

    python oauth_machine.py URL

Reads OAUTH_TOKEN_URL, OAUTH_CLIENT_ID, OAUTH_CLIENT_SECRET.
"""

from __future__ import annotations

import sys

import httpx

from evertoken.client import OAuthAuth, OAuthClient


def main(url: str) -> None:
    """Call *url* twice with one token."""
    with OAuthClient.from_env() as client:
        # Those who rather look at results than catch exceptions: every operation has this form, too.
        result = client.results.initialize()
        if not result.success:
            sys.exit(f"no token: {result.error} (trace id {result.trace_id or 'none'})")
        with httpx.Client(auth=OAuthAuth(client)) as http:
            for _ in range(2):
                answer = http.get(url)
                answer.raise_for_status()
                print(answer.json())


if __name__ == "__main__":
    main(sys.argv[1])
