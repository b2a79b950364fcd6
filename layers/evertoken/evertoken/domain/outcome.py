"""What one call to a token endpoint came to: a new token set, or a failure of a closed list of kinds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from evertoken.domain.token_set import TokenSet


class FailureKind(StrEnum):
    """The classes of DESIGN section 3, step 4. Only `GRANT_DEAD` may ever end a connection."""

    NOT_SENT = "not_sent"
    """Nothing reached the provider: try again."""
    THROTTLED = "throttled"
    """The provider asks us to wait; the refresh token is unspent."""
    OUTCOME_UNKNOWN = "outcome_unknown"
    """The provider may have spent the refresh token; its rotation class decides what is safe."""
    GRANT_DEAD = "grant_dead"
    """The provider says that this grant is over."""
    CLIENT_MISCONFIGURED = "client_misconfigured"
    """The provider refuses our client: the operator's fault, not the connection's."""
    PROVIDER_DOWN = "provider_down"
    """The provider refused to process (503): the refresh token is unspent."""
    USER_ACTION_REQUIRED = "user_action_required"
    """The provider waits for the user to do something there (agree to new terms, say): the refresh token is unspent."""
    REJECTED = "rejected"
    """A code exchange or first grant was refused; there is no stored grant that could be dead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """The provider issued a token set; `anomalies` names what was odd about the answer (never its content)."""

    token_set: TokenSet
    anomalies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """The provider issued nothing.

    `code` is the OAuth error code or our own word for what happened, from a closed alphabet (a-z, 0-9, `_`, `.`, `-`, at
    most 64 characters): never a description. `retry_after_seconds` is what the provider asked for, unclamped. `trace_id` is the provider's name for the request.
    """

    kind: FailureKind
    code: str
    status: int | None = None
    retry_after_seconds: int | None = None
    trace_id: str | None = None


Outcome = Issued | Failure
