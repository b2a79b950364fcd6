"""What a process knows of each connection's token: one immutable entry a connection, replaced as a whole, so that no read is torn."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass, replace

from evertoken.client.errors import EvertokenClientError
from evertoken.client.token import Token

MARGIN_SHARE = 0.1
LONGEST_MARGIN_SECONDS = 120.0
SHORTEST_MARGIN_SECONDS = 1.0
"""A token is looked for anew before it expires: a tenth of the life that it had when it came, two minutes at most; below a second, when it expires."""
ENDLESS_TOKEN_SECONDS = 3600.0
"""A token without an end is looked at again after this time: it may have been withdrawn."""
MOST_CONNECTIONS = 10_000


# Nobody compares entries, and each method that a dataclass makes costs import time.
@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Entry:
    """One connection as this process knows it; times are seconds since the epoch.

    `generation` is the highest ever seen, `refused` the highest that the provider refused. While the first is not above the second,
    nobody is asked before `ask_again_at`; `refusals` counts how often somebody was, lately. `failure` is what was said the last time.
    """

    token: Token | None = None
    serve_until: float = 0.0
    expires: float = math.inf
    generation: int = -1
    refused: int = -1
    refusals: int = 0
    ask_again_at: float = 0.0
    failure: EvertokenClientError | None = None
    failures: int = 0
    api_only_until: float = 0.0

    @property
    def is_refused(self) -> bool:
        """Whether the newest generation known is one that the provider refused."""
        return self.refused >= 0 and self.generation <= self.refused

    def token_good_for(self, seconds: float, now: float) -> Token | None:
        """Return the token if it will not have expired in *seconds*, however old this knowledge is."""
        return self.token if now + seconds < self.expires else None


_UNKNOWN = Entry()


class TokenCache:
    """Entries by connection id; safe under threads. The generation that is served never falls."""

    def __init__(self, *, most_connections: int = MOST_CONNECTIONS) -> None:
        self._entries: dict[str, Entry] = {}
        self._most = most_connections
        self._lock = threading.Lock()

    def find(self, connection_id: str, min_ttl_seconds: float, now: float) -> Token | None:
        """Return the token that may be served without asking anybody."""
        # No lock: a dictionary hands out the old entry or the new one, and an entry never changes.
        entry = self._entries.get(connection_id)
        if entry is not None and now < entry.serve_until and now + min_ttl_seconds < entry.expires:
            return entry.token
        return None

    def entry(self, connection_id: str) -> Entry:
        """Return what is known of the connection."""
        return self._entries.get(connection_id, _UNKNOWN)

    def keep(self, connection_id: str, token: Token, *, remaining_seconds: float, now: float) -> None:
        """Keep *token*, which is good for *remaining_seconds*; one of an earlier generation than is known is ignored."""
        with self._lock:
            entry = self.entry(connection_id)
            if token.generation < entry.generation:
                return
            serve_until = now + remaining_seconds - margin_seconds(remaining_seconds)
            if token.expires_at is None:
                serve_until = now + ENDLESS_TOKEN_SECONDS
            self._replace(
                connection_id,
                replace(
                    entry,
                    token=token,
                    serve_until=0.0 if token.generation <= entry.refused else serve_until,
                    expires=now + remaining_seconds,
                    generation=token.generation,
                    failure=None,
                    failures=0,
                ),
            )

    def remember_api_only(self, connection_id: str, *, until: float) -> None:
        """Keep in mind that there is nothing in the secret to read."""
        with self._lock:
            self._replace(connection_id, replace(self.entry(connection_id), api_only_until=until))

    def refuse(self, connection_id: str, generation: int, *, lately_seconds: float, now: float) -> None:
        """Note that the provider refused *generation*: it is not served again while a newer one may be had."""
        with self._lock:
            entry = self.entry(connection_id)
            if generation <= entry.refused or generation < entry.generation:
                return
            is_recent = now < entry.ask_again_at + lately_seconds
            refusals = entry.refusals if is_recent else 0
            self._replace(
                connection_id, replace(entry, refused=generation, refusals=refusals, serve_until=0.0)
            )

    def rest(self, connection_id: str, *, until: float) -> None:
        """Count a round of questions for something newer than what was refused, and have the next not begin before *until*."""
        with self._lock:
            entry = self.entry(connection_id)
            self._replace(connection_id, replace(entry, ask_again_at=until, refusals=entry.refusals + 1))

    def serve(self, connection_id: str, *, until: float) -> None:
        """Serve what there is until then; what has expired is not found anyway."""
        with self._lock:
            entry = self.entry(connection_id)
            self._replace(connection_id, replace(entry, serve_until=max(entry.serve_until, until)))

    def put_off(self, connection_id: str, failure: EvertokenClientError, *, until: float) -> None:
        """Count a failure, and serve what there is until then."""
        with self._lock:
            entry = self.entry(connection_id)
            self._replace(connection_id, replace(entry, failure=failure, failures=entry.failures + 1))
        self.serve(connection_id, until=until)

    def withdraw(self, connection_id: str, failure: EvertokenClientError) -> None:
        """Serve nothing; generations still never fall."""
        with self._lock:
            entry = self.entry(connection_id)
            self._replace(connection_id, replace(entry, token=None, serve_until=0.0, failure=failure))

    def forget(self, connection_id: str | None = None) -> None:
        """Forget one connection, or all of them, generations included."""
        with self._lock:
            if connection_id is None:
                self._entries.clear()
            else:
                self._entries.pop(connection_id, None)

    def _replace(self, connection_id: str, entry: Entry) -> None:
        if connection_id not in self._entries and len(self._entries) >= self._most:
            self._entries.pop(next(iter(self._entries)))
        self._entries[connection_id] = entry


def margin_seconds(remaining_seconds: float) -> float:
    """Return how long before its end a token that is good for *remaining_seconds* is looked for anew."""
    margin = min(remaining_seconds * MARGIN_SHARE, LONGEST_MARGIN_SECONDS)
    return margin if margin >= SHORTEST_MARGIN_SECONDS else 0.0
