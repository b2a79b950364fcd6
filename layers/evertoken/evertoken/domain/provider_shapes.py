"""The shapes of a provider's requests and answers, as data: where they differ from the RFCs, and only there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from evertoken.domain.outcome import FailureKind


class Operation(StrEnum):
    """What a request to a provider is for."""

    CODE_EXCHANGE = "code_exchange"
    FOLLOWING_EXCHANGE = "following_exchange"
    """A further exchange that makes the first answer's token into the one that is kept."""
    REFRESH = "refresh"
    CLIENT_CREDENTIALS = "client_credentials"


class ClientAuthentication(StrEnum):
    """How a client proves itself at the token endpoint (the names of RFC 7591 section 2)."""

    CLIENT_SECRET_BASIC = "client_secret_basic"  # noqa: S105  # a name, no secret
    CLIENT_SECRET_POST = "client_secret_post"  # noqa: S105  # a name, no secret
    NONE = "none"


class ClientPart(StrEnum):
    """What of the client a request carries."""

    AUTHENTICATED = "authenticated"
    """The client authenticates by its method."""
    SECRET_ONLY = "secret_only"  # noqa: S105  # a name, no secret
    """The parameter `client_secret` alone."""
    ABSENT = "absent"
    """Nothing: the token alone is believed."""


class Encoding(StrEnum):
    """Where the parameters of a request go."""

    FORM = "form"
    JSON = "json"
    QUERY = "query"


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestShape:
    """One kind of request; the defaults are those of RFC 6749.

    `url` None means the token endpoint (the revocation endpoint for a revocation). `grant_type` None sends none. `token_parameter` is the name under which
    the token goes that the request spends. Header values and `url` may hold `{client_id}`.
    """

    url: str | None = None
    method: str = "POST"
    encoding: Encoding = Encoding.FORM
    client: ClientPart = ClientPart.AUTHENTICATED
    client_authentication: ClientAuthentication | None = None
    grant_type: str | None = None
    token_parameter: str | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


RFC_CODE_EXCHANGE = RequestShape(grant_type="authorization_code")
RFC_REFRESH = RequestShape(grant_type="refresh_token", token_parameter="refresh_token")  # noqa: S106  # a name
RFC_CLIENT_CREDENTIALS = RequestShape(grant_type="client_credentials")
RFC_REVOCATION = RequestShape(token_parameter="token")  # noqa: S106  # a name


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationShape:
    """How an authorization URL looks: fixed `parameters`, and the names of those that a caller may add."""

    scope_separator: str = " "
    always_scopes: tuple[str, ...] = ()
    parameters: Mapping[str, str] = field(default_factory=dict)
    accepts: frozenset[str] = frozenset()


RFC_AUTHORIZATION = AuthorizationShape()


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerShape:
    """How a token answer looks.

    `token_paths` are JSON pointers to the object that holds the members, tried in turn. `keeps` names further members that are kept with the token set.
    `token_types` are further values of `token_type` (lower case) that mean a bearer token.
    """

    token_paths: tuple[str, ...] = ("",)
    form_encoded: bool = False
    scope_members: tuple[str, ...] = ("scope",)
    scope_separator: str = " "
    keeps: tuple[str, ...] = ()
    token_types: frozenset[str] = frozenset()


RFC_ANSWER = AnswerShape()


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorRule:
    """How one of the provider's own errors is to be understood; it applies when everything that it names is so.

    `path` is a JSON pointer into the body; `values` are compared with what is there (`contains`: as parts of it, without regard to case).
    An empty `operations` or `statuses` means any.
    """

    kind: FailureKind
    operations: frozenset[Operation] = frozenset()
    statuses: frozenset[int] = frozenset()
    path: str | None = None
    values: tuple[str | int, ...] = ()
    contains: bool = False
    code: str | None = None


class AccountOrigin(StrEnum):
    """Where the provider's stable name of a user comes from."""

    ID_TOKEN = "id_token"  # noqa: S105  # a name, no secret
    ANSWER = "answer"
    CALLER = "caller"
    """Nowhere: the caller's label is used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSource:
    """Where to find the account; `member` names the member of the token answer where it comes from there."""

    origin: AccountOrigin = AccountOrigin.CALLER
    member: str | None = None


CALLERS_ACCOUNT = AccountSource()


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateParameter:
    """What fills one `{placeholder}` of a provider's URLs: one DNS label in a host, one segment in a path."""

    description: str
    in_host: bool
    default: str | None = None
