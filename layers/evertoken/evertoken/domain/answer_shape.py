"""How a provider's answers and errors look, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from evertoken.domain.outcome import FailureKind
from evertoken.domain.request_shape import Operation


class ExpiryKind(StrEnum):
    """What the member that says when a token ends means; numbers may be written as strings."""

    SECONDS = "seconds"
    """From now; what RFC 6749 means by `expires_in`."""
    MILLISECONDS = "milliseconds"
    EPOCH_SECONDS = "epoch_seconds"
    EPOCH_MILLISECONDS = "epoch_milliseconds"
    ISO_8601 = "iso_8601"
    """An instant; without a zone it is UTC."""
    JWT_EXP = "jwt_exp"
    """The claim `exp` of the access token, which is a JWT."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpiryShape:
    """How an answer says when a token ends; `zero_is_never` where zero, a negative number or null mean that it does not."""

    kind: ExpiryKind = ExpiryKind.SECONDS
    zero_is_never: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryAfterShape:
    """Where an answer says how long to wait when not in `Retry-After`: a header (lower case), or a JSON pointer into the body."""

    header: str | None = None
    path: str | None = None
    kind: ExpiryKind = ExpiryKind.SECONDS


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceShape:
    """Where an answer carries the id under which the provider's support finds the request: a header (lower case), or a JSON pointer."""

    header: str | None = None
    path: str | None = None


STANDARD_MEMBERS = (
    "access_token",
    "token_type",
    "expires_in",
    "refresh_token",
    "refresh_token_expires_in",
    "scope",
    "id_token",
)
"""The members of a token answer under the names that we know them by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerShape:
    """How a token answer looks.

    `token_paths` are JSON pointers to the object that holds the members, tried in turn. `members` names a standard member otherwise: names to try in turn.
    `keeps` names further members that are kept with the token set: a name inside that object, or a JSON pointer from the root, kept under its parts
    joined by `_`. `headers` takes members from headers (member -> header in lower case). `token_types` are further values of `token_type` (lower case)
    that mean a bearer token, `authorization_scheme` what calls with the token are authorized by.
    """

    token_paths: tuple[str, ...] = ("",)
    members: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    keeps: tuple[str, ...] = ()
    form_encoded: bool = False
    jsonp: bool = False
    scope_separator: str = " "
    token_types: frozenset[str] = frozenset()
    authorization_scheme: str = "Bearer"
    expiry: ExpiryShape = ExpiryShape()
    refresh_token_expiry: ExpiryShape = ExpiryShape(zero_is_never=True)
    retry_after: RetryAfterShape | None = None
    trace: TraceShape | None = None

    def names_of(self, member: str) -> tuple[str, ...]:
        """Return the names under which a standard member may stand, to be tried in turn."""
        default = _DEFAULT_NAMES.get(member, (member,))
        return self.members.get(member, default)


_DEFAULT_NAMES = {
    "refresh_token_expires_in": (
        "refresh_token_expires_in",
        "refresh_expires_in",
        "x_refresh_token_expires_in",
    )
}
RFC_ANSWER = AnswerShape()


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorRule:
    """How one of the provider's own errors is to be understood; it applies when everything that it names is so.

    `path` is a JSON pointer into the body; `values` are compared with what is there (`contains`: as parts of it, without regard to case; `negated`: when
    something is there and it is none of them). An empty `operations` or `statuses` means any.
    """

    kind: FailureKind
    operations: frozenset[Operation] = frozenset()
    statuses: frozenset[int] = frozenset()
    path: str | None = None
    values: tuple[str | int | bool, ...] = ()
    contains: bool = False
    negated: bool = False
    code: str | None = None
