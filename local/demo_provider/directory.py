"""Users and clients of the demo provider."""

import json
import secrets
import sqlite3
from collections.abc import Iterable
from dataclasses import replace

from werkzeug.security import check_password_hash, generate_password_hash

from local.demo_provider.records import Client, User
from local.demo_provider.seeds import DEMO_CLIENTS, DEMO_USERS


def seed(connection: sqlite3.Connection) -> None:
    """Create the demo users and clients that are not there yet; what is there keeps its redirect URIs."""
    for user in DEMO_USERS:
        known = connection.execute("SELECT 1 FROM users WHERE username = ?", (user.username,)).fetchone()
        if known is None:
            connection.execute(
                "INSERT INTO users VALUES (?, ?, ?)",
                (user.username, generate_password_hash(user.password), user.name),
            )
    for client in DEMO_CLIENTS:
        if find_client(connection, client.client_id) is None:
            put_client(connection, client)


def get_cookie_key(connection: sqlite3.Connection) -> str:
    """The key that signs session cookies; made once, so that a login survives a restart."""
    row = connection.execute("SELECT value FROM settings WHERE name = 'cookie_key'").fetchone()
    if row is not None:
        return str(row["value"])
    key = secrets.token_urlsafe(32)
    connection.execute("INSERT INTO settings VALUES ('cookie_key', ?)", (key,))
    return key


def find_client(connection: sqlite3.Connection, client_id: str) -> Client | None:
    """The client with this id."""
    row = connection.execute("SELECT * FROM clients WHERE client_id = ?", (client_id,)).fetchone()
    if row is None:
        return None
    return Client(
        client_id=row["client_id"],
        client_secret=row["client_secret"],
        name=row["name"],
        grant_types=tuple(json.loads(row["grant_types"])),
        access_token_seconds=row["access_token_seconds"],
        scopes=tuple(json.loads(row["scopes"])),
        redirect_uris=tuple(json.loads(row["redirect_uris"])),
    )


def put_client(connection: sqlite3.Connection, client: Client) -> None:
    """Create or replace a client."""
    connection.execute(
        "INSERT OR REPLACE INTO clients VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            client.client_id,
            client.client_secret,
            client.name,
            json.dumps(client.grant_types),
            client.access_token_seconds,
            json.dumps(client.scopes),
            json.dumps(client.redirect_uris),
        ),
    )


def add_redirect_uris(connection: sqlite3.Connection, client: Client, redirect_uris: Iterable[str]) -> Client:
    """Register more redirect URIs for a client; known ones stay as they are."""
    merged = replace(client, redirect_uris=tuple(dict.fromkeys((*client.redirect_uris, *redirect_uris))))
    put_client(connection, merged)
    return merged


def find_user(connection: sqlite3.Connection, username: str) -> User | None:
    """The user with this name, without the password."""
    row = connection.execute("SELECT username, name FROM users WHERE username = ?", (username,)).fetchone()
    return None if row is None else User(username=row["username"], password="", name=row["name"])


def verify_password(connection: sqlite3.Connection, username: str, password: str) -> bool:
    """Whether the user exists and this is the password."""
    row = connection.execute("SELECT password_hash FROM users WHERE username = ?", (username,)).fetchone()
    return row is not None and check_password_hash(row["password_hash"], password)
