"""A user's session in a program that runs for longer than a token lives: a valid token at every moment, and a poll that ends with the session.

    python session_refresh.py FILE [POLLS]

FILE keeps the token between runs. The first half is the backend's, the second half the program's of the user.
"""

from __future__ import annotations

import sys

from evertoken.client import EvertokenClient, FileTokenStorage, SessionTokens


def main(path: str, polls: int) -> None:
    """Open a session, watch it, end it."""
    with EvertokenClient.from_env() as backend:
        opened = backend.sessions.open("137", role="PATIENT", email="user@example.com", name="User Name")
    session_id = opened.session.session_id

    with SessionTokens.from_env(
        token=opened.access_token,
        expires_at=opened.expires_at,
        storage=FileTokenStorage(path),
    ) as tokens:
        tokens.refresh()
        assert tokens.user is not None
        print(f"{tokens.user.name} is {tokens.user.role}")
        for number, state in enumerate(tokens.poll_session(session_id, every_seconds=0.2), start=1):
            print(f"session {state.status} until {state.ends_at}")
            # Send it as "Authorization: Bearer …" to your own service, which verifies it with /.well-known/jwks.json.
            assert state.status != "active" or tokens.get_valid_token()
            if number == polls:
                tokens.end_session(session_id)
    print("logged out")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 3)
