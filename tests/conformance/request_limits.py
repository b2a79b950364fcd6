"""How often a provider may be asked for tokens."""

from dataclasses import dataclass

from tests.conformance.entry_document import Entry
from tests.conformance.grants import Grant

NO_TOKENS = ("revocation", "authorization")
"""The operations that no limit on the token endpoint counts."""


@dataclass(frozen=True)
class Seen:
    """A request that was understood."""

    operation: str
    at: float
    grant: Grant | None


def broken_limit(entry: Entry, seen: list[Seen], grant: Grant | None, now: float) -> str | None:
    """Which of the entry's limits the newest of *seen* breaks, or None."""
    for limit in entry.document.get("limits", ()):
        counted = [
            one
            for one in seen
            if one.at > now - limit["seconds"]
            and one.operation not in NO_TOKENS
            and (limit.get("per", "client") == "client" or (grant is not None and one.grant is grant))
        ]
        if len(counted) > limit["requests"]:
            return f"{len(counted)} requests in {limit['seconds']} s, and {limit['requests']} are allowed"
    return None
