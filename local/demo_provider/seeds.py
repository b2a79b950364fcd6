"""The users and clients that the demo provider is born with; they are public, and worth nothing elsewhere."""

# ruff: noqa: S106 - published on purpose: they open nothing but this server on this machine

from typing import Final

from local.demo_provider.records import Client, User

SCOPES: Final = ("profile", "reports:read", "reports:write")

DEMO_USERS: Final = (
    User(username="alice", password="alice-demo-password", name="Alice Example"),
    User(username="bob", password="bob-demo-password", name="Bob Example"),
)

_CODE_GRANTS: Final = ("authorization_code", "refresh_token")

DEMO_CLIENTS: Final = (
    Client(
        client_id="demo", client_secret="demo-client-secret", name="Evertoken demo", grant_types=_CODE_GRANTS,
        access_token_seconds=120, scopes=SCOPES, redirect_uris=(),
    ),
    Client(
        client_id="demo-short", client_secret="demo-short-client-secret", name="Evertoken demo, short tokens",
        grant_types=_CODE_GRANTS, access_token_seconds=60, scopes=SCOPES, redirect_uris=(),
    ),
    Client(
        client_id="demo-m2m", client_secret="demo-m2m-client-secret", name="Evertoken demo, no user",
        grant_types=("client_credentials",), access_token_seconds=120, scopes=SCOPES, redirect_uris=(),
    ),
)  # fmt: skip
