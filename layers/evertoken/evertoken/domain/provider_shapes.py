"""The smaller facts of a provider, as data: how browsers are sent there and come back, who the account is, what a client may do how often."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationShape:
    """How an authorization URL looks: fixed `parameters`, and the names of those that a caller may add.

    `names` renames parameters (standard name -> this provider's), `omits` leaves standard ones out. The values of `parameters` may hold placeholders that
    the provider's `parameters` fill.
    """

    scope_separator: str = " "
    always_scopes: tuple[str, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)
    omits: frozenset[str] = frozenset()
    parameters: Mapping[str, str] = field(default_factory=dict)
    accepts: frozenset[str] = frozenset()


RFC_AUTHORIZATION = AuthorizationShape()


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackShape:
    """How the browser comes back: the name of the code's parameter, suffixes that are no part of the code, parameters that are kept with the grant."""

    code_parameter: str = "code"
    code_suffixes: tuple[str, ...] = ()
    keeps: tuple[str, ...] = ()


RFC_CALLBACK = CallbackShape()


class AccountOrigin(StrEnum):
    """Where the provider's stable name of a user comes from."""

    ID_TOKEN = "id_token"  # noqa: S105  # a name, no secret
    ANSWER = "answer"
    CALLBACK = "callback"
    PARAMETER = "parameter"
    """One of the values that fill the provider's templates: a shop, say."""
    CALLER = "caller"
    """Nowhere: the caller's label is used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSource:
    """Where to find the account; `member` names the member of the answer (as in `keeps`), the callback's parameter, or the template's."""

    origin: AccountOrigin = AccountOrigin.CALLER
    member: str | None = None


CALLERS_ACCOUNT = AccountSource()


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateParameter:
    """What fills one `{placeholder}` of a provider.

    In a host it is one DNS label before a fixed domain; or one of `choices`; or one label before one of `suffixes`; or, with `operator_host`, a whole
    host name that only a client registration may give. Elsewhere it is one path segment. `from_callback` names the callback's parameter, `from_answer`
    the kept member, that says it; of a URL there, the host counts.
    """

    description: str
    in_host: bool
    default: str | None = None
    choices: tuple[str, ...] = ()
    suffixes: tuple[str, ...] = ()
    operator_host: bool = False
    from_callback: str | None = None
    from_answer: str | None = None


class LimitScope(StrEnum):
    """Whose requests a limit counts."""

    GRANT = "grant"
    CLIENT = "client"


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestLimit:
    """At most `requests` to the token endpoint in `seconds`, of one grant or of one client."""

    requests: int
    seconds: int
    scope: LimitScope


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantSharing:
    """What one user's grants to one client have to do with each other.

    `limit` is how many may live side by side (a further one ends the oldest), None when unknown; `refresh_ends_others` whether a refresh of one ends the others.
    """

    limit: int | None = None
    refresh_ends_others: bool = False


UNKNOWN_SHARING = GrantSharing()


class Stage(StrEnum):
    """Where a provider's API is in its life."""

    ACTIVE = "active"
    RETIRING = "retiring"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifecycle:
    """Where the provider is in its life; `ends_on` is a date (ISO 8601) and `successor` another entry's id, where they are known."""

    stage: Stage = Stage.ACTIVE
    ends_on: str | None = None
    successor: str | None = None
    note: str | None = None


ACTIVE = Lifecycle()
