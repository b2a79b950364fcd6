"""A Socket.IO connection for a call that is longer than any token: opened again with the current token, back in its room, without a line for it.

    python video_call.py SOCKET_URL ROOM_ID SECONDS

Wants the extra: pip install 'evertoken[socketio]'
"""

from __future__ import annotations

import sys

from evertoken.client import EvertokenClient, SessionTokens
from evertoken.client.socketio import SessionSocket


def main(url: str, room_id: str, seconds: float) -> None:
    """Join a room and stay in it."""
    with EvertokenClient.from_env() as backend:
        opened = backend.sessions.open("137", role="PATIENT")

    tokens = SessionTokens.from_env(token=opened.access_token, expires_at=opened.expires_at)
    with tokens, SessionSocket(url, tokens) as socket:
        socket.on("connect", lambda: print("connected", flush=True))
        socket.on("joined_room", lambda room: print(f"joined {room['room_id']}", flush=True))
        socket.connect()
        socket.join(room_id, user_id="137", role="PATIENT")
        socket.wait(seconds)
        tokens.end_session(opened.session.session_id)
    print("hung up")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], float(sys.argv[3]))
