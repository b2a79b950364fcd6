"""The demo provider's own account of what it was asked: the oracle of every claim about its clients."""

import hashlib
import json
import sqlite3
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

KEPT_ENTRIES = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One request at the token or revocation endpoint; fingerprints stand for tokens, empty for none.

    `family` is the same for all tokens of one consent. `outcome` is "ok" or the OAuth error code; `detail`
    tells a reused token from one that was never issued.
    """

    endpoint: str
    client_id: str
    grant_type: str
    outcome: str
    detail: str
    username: str
    family: str
    presented: str
    issued_access: str
    issued_refresh: str


def get_fingerprint(token: str) -> str:
    """The first twelve hexadecimal digits of the token's SHA-256; empty for no token."""
    return hashlib.sha256(token.encode()).hexdigest()[:12] if token else ""


def add_entry(connection: sqlite3.Connection, entry: Entry, at: float) -> None:
    """Append and count; the oldest entries go when there are more than 20,000, the counts stay."""
    cursor = connection.execute(
        "INSERT INTO ledger (at, entry) VALUES (?, ?)", (at, json.dumps(asdict(entry)))
    )
    connection.execute("DELETE FROM ledger WHERE number <= ?", ((cursor.lastrowid or 0) - KEPT_ENTRIES,))
    name = f"{entry.endpoint}:{entry.client_id}:{entry.grant_type}:{entry.outcome}"
    connection.execute(
        "INSERT INTO counters VALUES (?, 1) ON CONFLICT (name) DO UPDATE SET value = value + 1", (name,)
    )


def find_entries(connection: sqlite3.Connection, *, since: int, limit: int) -> list[dict[str, Any]]:
    """Entries with a number above `since`, oldest first, each with its number and its time in UTC."""
    rows = connection.execute(
        "SELECT * FROM ledger WHERE number > ? ORDER BY number LIMIT ?", (since, limit)
    ).fetchall()
    return [
        {
            "number": row["number"],
            "at": datetime.fromtimestamp(row["at"], UTC).isoformat(timespec="milliseconds"),
            **json.loads(row["entry"]),
        }
        for row in rows
    ]


def get_last_number(connection: sqlite3.Connection) -> int:
    """The number of the newest entry; zero for an empty ledger."""
    row = connection.execute("SELECT COALESCE(MAX(number), 0) AS number FROM ledger").fetchone()
    return int(row["number"])


def get_counters(connection: sqlite3.Connection) -> dict[str, int]:
    """Requests since the beginning, by `endpoint:client:grant_type:outcome`."""
    return {row["name"]: row["value"] for row in connection.execute("SELECT * FROM counters ORDER BY name")}
