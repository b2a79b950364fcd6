"""A program that trades for hours: `error.security.oauth-token-invalid` is answered with a newer token, once, and the call goes through.

    python broker_session.py CONNECTION_ID URL [CALLS]

No session behind a mutex, no refresh task, no check before each call: the request's `auth` does it, for any number of threads at once.
"""

from __future__ import annotations

import sys
import time

import httpx

from evertoken.client import ConnectionAuth, EvertokenClientError, TokenReader, error_member

TOKEN_INVALID = error_member("errorCode", "error.security.oauth-token-invalid")


def main(connection_id: str, url: str, calls: int) -> None:
    """Call *url* once a second."""
    with TokenReader.from_env() as reader:
        auth = ConnectionAuth(reader, connection_id, rejects=TOKEN_INVALID)
        with httpx.Client(auth=auth) as broker:
            for _ in range(calls):
                answer = broker.get(url)
                answer.raise_for_status()
                print(answer.json(), flush=True)
                time.sleep(1)


if __name__ == "__main__":
    try:
        main(sys.argv[1], sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 10)
    except EvertokenClientError as error:
        # The message says how to mend it; a revoked consent is a ConnectionNeedsUserError.
        sys.exit(f"{error.code}: {error} (correlation id {error.correlation_id or 'none'})")
