"""In a user's name without a service between: the browser once, then tokens from a file, refreshed in time and saved before they are used.

    python oauth_user.py FILE URL

Reads OAUTH_TOKEN_URL, OAUTH_AUTHORIZATION_URL, OAUTH_REDIRECT_URI, OAUTH_USERINFO_URL, OAUTH_CLIENT_ID, OAUTH_CLIENT_SECRET.
"""

from __future__ import annotations

import sys

import httpx

from evertoken.client import ConnectionNeedsUserError, FileTokenStorage, OAuthAuth, OAuthClient


def main(path: str, url: str) -> None:
    """Call *url* as the user."""
    with OAuthClient.from_env(storage=FileTokenStorage(path)) as client:
        try:
            client.initialize()
        except ConnectionNeedsUserError:
            print(f"Open {client.authorization_url(scope='read').url}", flush=True)
            # State, PKCE and issuer are checked here, and the tokens are in the file before this returns.
            client.exchange_code(input("The browser came back to: "))
        print(f"acting as {client.get_current_user()['sub']}")
        with httpx.Client(auth=OAuthAuth(client)) as http:
            print(http.get(url).raise_for_status().json())


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
