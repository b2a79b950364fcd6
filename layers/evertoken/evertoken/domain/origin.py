"""Why a row changed, who asked for it, and the correlation id of the request: what events and the ledger say of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Trigger(StrEnum):
    """What set a change off."""

    SCHEDULE = "schedule"
    """Evertoken's own plan."""
    READ = "read"
    """A reader met a token too old to hand out."""
    REJECTED = "rejected"
    """A reader reported that the provider refused the token."""
    MANUAL = "manual"
    """A caller asked for this one connection."""
    JOB = "job"
    """A batch, or a schedule that a tenant made."""
    CONNECT = "connect"
    IMPORT = "import"
    CHANGE = "change"
    DISCONNECT = "disconnect"


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """One cause: *actor* is the API client that asked (empty when nobody did), *correlation_id* its request's."""

    trigger: Trigger
    actor: str = ""
    correlation_id: str = ""


NOBODY = Origin(trigger=Trigger.SCHEDULE)
"""The cause of what happens by plan."""
