"""Codes, tokens and families: what has been granted, spent and revoked.

A family is one consent and every token that came from it. Spending a refresh token or a code a second time
kills its family (RFC 6749 section 4.1.2, RFC 9700 section 4.14.2). Every method runs inside the caller's
transaction.
"""

import hashlib
import sqlite3
from collections.abc import Callable

from local.demo_provider.records import AuthorizationCode, Client, StoredToken

CODE_SECONDS = 60
# Spent refresh tokens are kept this long, so that a late reuse still finds its family.
_MEMORY_SECONDS = 30 * 86400


class GrantStore:
    """Reads and writes grants on one connection; `now` gives seconds since the epoch."""

    def __init__(self, connection: sqlite3.Connection, now: Callable[[], float]) -> None:
        self._connection = connection
        self._now = now

    def add_code(self, code: str, record: AuthorizationCode) -> None:
        """Keep a fresh code for 60 seconds and open its family."""
        self._connection.execute(
            "INSERT INTO families VALUES (?, ?, ?, NULL)", (record.family, record.client_id, record.username)
        )
        self._connection.execute(
            "INSERT INTO codes VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0)",
            (
                hash_secret(code), record.client_id, record.username, record.family, record.redirect_uri,
                record.scope, record.code_challenge, record.code_challenge_method, self._now() + CODE_SECONDS,
            ),
        )  # fmt: skip

    def find_code(self, code: str, client_id: str) -> AuthorizationCode | None:
        """The live code of this client; a code that was spent before takes its family with it."""
        row = self._connection.execute(
            "SELECT * FROM codes WHERE code_hash = ? AND client_id = ?", (hash_secret(code), client_id)
        ).fetchone()
        if row is None:
            return None
        if row["spent"]:
            self.revoke_family(row["family"], "code_reused")
            return None
        if row["expires_at"] <= self._now():
            return None
        names = AuthorizationCode.__dataclass_fields__
        return AuthorizationCode(**{name: row[name] for name in names})

    def spend_code(self, record: AuthorizationCode) -> None:
        self._connection.execute("UPDATE codes SET spent = 1 WHERE code_hash = ?", (record.code_hash,))

    def add_token(
        self,
        value: str,
        *,
        kind: str,
        client: Client,
        username: str,
        family: str,
        scope: str,
        expires_in: int,
    ) -> None:
        """Keep an issued token; access tokens end after `expires_in` seconds, refresh tokens do not."""
        now = self._now()
        expires_at = now + expires_in if kind == "access" else None
        self._connection.execute(
            "INSERT INTO tokens VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0)",
            (
                hash_secret(value),
                kind,
                client.client_id,
                username,
                family,
                scope,
                expires_in,
                now,
                expires_at,
            ),
        )
        self._connection.execute(
            "DELETE FROM tokens WHERE issued_at < ? AND (expires_at < ? OR spent = 1)",
            (now - _MEMORY_SECONDS, now),
        )

    def find_token(self, value: str) -> StoredToken | None:
        """Any token that was ever issued and is still remembered, live or not."""
        row = self._connection.execute(
            "SELECT t.*, f.revoked_because FROM tokens t LEFT JOIN families f USING (family)"
            " WHERE token_hash = ?",
            (hash_secret(value),),
        ).fetchone()
        if row is None:
            return None
        return StoredToken(
            token_hash=row["token_hash"],
            kind=row["kind"],
            client_id=row["client_id"],
            username=row["username"],
            family=row["family"],
            scope=row["scope"],
            expires_in=row["expires_in"],
            expired=row["expires_at"] is not None and row["expires_at"] <= self._now(),
            revoked=bool(row["revoked"] or row["revoked_because"]),
        )

    def find_refreshable(self, value: str) -> tuple[StoredToken | None, bool]:
        """The live refresh token, or none and whether a spent one was presented, which kills its family."""
        token = self.find_token(value)
        if token is None or token.kind != "refresh":
            return None, False
        row = self._connection.execute(
            "SELECT spent FROM tokens WHERE token_hash = ?", (token.token_hash,)
        ).fetchone()
        if row["spent"]:
            self.revoke_family(token.family, "refresh_token_reused")
            return None, True
        return (None if token.revoked else token), False

    def spend_refresh_token(self, token: StoredToken) -> None:
        self._connection.execute("UPDATE tokens SET spent = 1 WHERE token_hash = ?", (token.token_hash,))

    def revoke_token(self, token: StoredToken, reason: str) -> None:
        """Revoke an access token alone, or the whole family of a refresh token (RFC 7009 section 2.1)."""
        if token.kind == "refresh":
            self.revoke_family(token.family, reason)
        self._connection.execute("UPDATE tokens SET revoked = 1 WHERE token_hash = ?", (token.token_hash,))

    def revoke_family(self, family: str, reason: str) -> None:
        """End a grant with all its tokens; the first reason stays."""
        self._connection.execute(
            "UPDATE families SET revoked_because = ? WHERE family = ? AND revoked_because IS NULL",
            (reason, family),
        )


def hash_secret(value: str) -> str:
    """What is stored in place of a token or code."""
    return hashlib.sha256(value.encode()).hexdigest()
