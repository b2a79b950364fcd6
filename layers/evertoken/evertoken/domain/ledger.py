"""The ledger of a connection: one entry for everything that happened to it, so that a person can tell why it is as it is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from evertoken.domain.connection import ConnectionKey, ConnectionStatus, FailureRecord
from evertoken.domain.origin import Origin


class LedgerType(StrEnum):
    """What happened."""

    CONNECTED = "connected"
    RECONNECTED = "reconnected"
    IMPORTED = "imported"
    ATTEMPT_UNRESOLVED = "attempt_unresolved"
    """A new attempt began although nobody knows how an earlier one of this generation ended: its process died, or its answer was lost."""
    REFRESHED = "refreshed"
    REFRESH_FAILED = "refresh_failed"
    REAUTHORIZATION_REQUIRED = "reauthorization_required"
    RECOVERED = "recovered"
    """The first token set after a failure."""
    HOLD_SET = "hold_set"
    HOLD_LIFTED = "hold_lifted"
    CHANGED = "changed"
    """A name, the policy or the publication was changed."""
    CONSENT_ENDING = "consent_ending"
    """What no refresh can put off comes near."""
    DISCONNECTED = "disconnected"
    REVOKED = "revoked"
    """The provider has been told that the grant is over, or there is no way to tell it."""
    REVOCATION_GIVEN_UP = "revocation_given_up"
    """The last try to tell the provider is over; what it was to revoke runs out by itself."""
    RETIRED = "retired"


BEGINNINGS = frozenset({LedgerType.CONNECTED, LedgerType.RECONNECTED, LedgerType.IMPORTED})
"""Where a grant begins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerEntry:
    """One thing that happened at `at`. `status`, `on_hold`, `failure`, `expires_at` and the consent's instants are the connection's afterwards.

    `origin` is why and in whose name it happened. `duration_seconds` is how long a refresh took from its lease to its commit. `changed` names the
    settings that changed. No entry holds a token, sealed or not.
    """

    key: ConnectionKey
    type: LedgerType
    at: datetime
    epoch: int
    generation: int
    status: ConnectionStatus
    on_hold: bool = False
    failure: FailureRecord | None = None
    origin: Origin | None = None
    duration_seconds: float | None = None
    expires_at: datetime | None = None
    consent_ends_at: datetime | None = None
    consent_noticed_at: datetime | None = None
    changed: tuple[str, ...] = ()
