"""How requests to a provider look, as data: where they differ from the RFCs, and only there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from typing import Any


class Operation(StrEnum):
    """What a request for tokens is for."""

    CODE_EXCHANGE = "code_exchange"
    FOLLOWING_EXCHANGE = "following_exchange"
    """A further exchange that makes the first answer's token into the one that is kept."""
    REFRESH = "refresh"
    CLIENT_CREDENTIALS = "client_credentials"
    USER_TOKEN = "user_token"  # noqa: S105  # a name, no secret
    SESSION_LOGIN = "session_login"
    TOKEN_EXCHANGE = "token_exchange"  # noqa: S105  # likewise
    DEVICE_CODE = "device_code"
    JWT_BEARER = "jwt_bearer"


class ClientAuthentication(StrEnum):
    """How a client proves itself at the token endpoint (the names of RFC 7591 section 2).

    `client_secret_post` puts client_id and client_secret among the parameters, wherever those go: form, JSON or query.
    """

    CLIENT_SECRET_BASIC = "client_secret_basic"  # noqa: S105  # a name, no secret
    CLIENT_SECRET_POST = "client_secret_post"  # noqa: S105  # a name, no secret
    CLIENT_SECRET_JWT = "client_secret_jwt"  # noqa: S105  # a name, no secret
    PRIVATE_KEY_JWT = "private_key_jwt"
    SIGNED_CLIENT_SECRET = "signed_client_secret"  # noqa: S105  # a name, no secret
    """The client secret itself is a JWT that the client's private key signs; it goes where `client_secret_post` puts it."""
    NONE = "none"

    @property
    def signs(self) -> bool:
        """Whether an assertion is made for each request."""
        return self in (
            ClientAuthentication.CLIENT_SECRET_JWT,
            ClientAuthentication.PRIVATE_KEY_JWT,
            ClientAuthentication.SIGNED_CLIENT_SECRET,
        )


class ClientPart(StrEnum):
    """What of the client a request carries."""

    AUTHENTICATED = "authenticated"
    """The client authenticates by its method."""
    ID_ONLY = "id_only"
    """The parameter `client_id` alone."""
    SECRET_ONLY = "secret_only"  # noqa: S105  # a name, no secret
    """The parameter `client_secret` alone."""
    SECRET_AS_USERNAME = "secret_as_username"  # noqa: S105  # likewise
    """HTTP Basic with the secret as user name and no password."""
    ABSENT = "absent"
    """Nothing: the token alone is believed."""


class Encoding(StrEnum):
    """Where the parameters of a request go."""

    FORM = "form"
    JSON = "json"
    QUERY = "query"


class HeaderCredential(StrEnum):
    """What an `Authorization` header of a scheme of the provider's own carries."""

    ACCESS_TOKEN = "access_token"  # noqa: S105  # a name, no secret
    REFRESH_TOKEN = "refresh_token"  # noqa: S105  # likewise
    USER_TOKEN = "user_token"  # noqa: S105  # likewise
    CLIENT_SECRET = "client_secret"  # noqa: S105  # likewise


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationHeader:
    """An `Authorization` header that is no client authentication of the RFCs: `scheme`, a space, the credential."""

    scheme: str
    credential: HeaderCredential


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestShape:
    """One kind of request; the defaults are those of RFC 6749.

    `url` None means the token endpoint (the revocation endpoint for a revocation). `grant_type` None sends none. `token_parameter` is the name under which
    the token goes that the request spends; an empty one sends it in the header or path alone. `names` renames parameters (standard name -> this
    provider's), `omits` leaves standard parameters out.

    `url`, and the values of `parameters` and `headers`, may hold placeholders: `{client_id}`, what the provider's `parameters` fill, and in values also
    `{redirect_uri}`, `{scope}`, `{state}`, `{random}`; in `url` also `{refresh_token}`, `{access_token}` and members that the answer `keeps`. A value with a
    placeholder that nothing fills is not sent.
    """

    url: str | None = None
    method: str = "POST"
    encoding: Encoding = Encoding.FORM
    client: ClientPart = ClientPart.AUTHENTICATED
    client_authentication: ClientAuthentication | None = None
    authorization_header: AuthorizationHeader | None = None
    grant_type: str | None = None
    token_parameter: str | None = None
    names: Mapping[str, str] = field(default_factory=dict)
    omits: frozenset[str] = frozenset()
    parameters: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


RFC_CODE_EXCHANGE = RequestShape(grant_type="authorization_code")
RFC_REFRESH = RequestShape(grant_type="refresh_token", token_parameter="refresh_token")  # noqa: S106  # a name
RFC_CLIENT_CREDENTIALS = RequestShape(grant_type="client_credentials")
RFC_USER_TOKEN = RequestShape(grant_type="client_credentials", token_parameter="user_access_token")  # noqa: S106  # a name
SESSION_LOGIN = RequestShape(encoding=Encoding.JSON, client=ClientPart.ABSENT)
RFC_TOKEN_EXCHANGE = RequestShape(
    grant_type="urn:ietf:params:oauth:grant-type:token-exchange",
    token_parameter="subject_token",  # noqa: S106  # a name
)
RFC_DEVICE_AUTHORIZATION = RequestShape(client=ClientPart.AUTHENTICATED)
RFC_DEVICE_CODE = RequestShape(grant_type="urn:ietf:params:oauth:grant-type:device_code")
RFC_JWT_BEARER = RequestShape(
    grant_type="urn:ietf:params:oauth:grant-type:jwt-bearer", client=ClientPart.ABSENT
)
RFC_REVOCATION = RequestShape(token_parameter="token")  # noqa: S106  # a name


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestShapes:
    """Every request of a provider.

    `authorization` is None unless the URL that the browser is sent to must be asked for; its answer holds it at the JSON pointer
    `authorization_url_path`.
    """

    authorization: RequestShape | None = None
    authorization_url_path: str = ""
    code_exchange: RequestShape = RFC_CODE_EXCHANGE
    following_exchanges: tuple[RequestShape, ...] = ()
    refresh: RequestShape = RFC_REFRESH
    client_credentials: RequestShape = RFC_CLIENT_CREDENTIALS
    user_token: RequestShape = RFC_USER_TOKEN
    session_login: RequestShape = SESSION_LOGIN
    token_exchange: RequestShape = RFC_TOKEN_EXCHANGE
    device_authorization: RequestShape = RFC_DEVICE_AUTHORIZATION
    device_code: RequestShape = RFC_DEVICE_CODE
    jwt_bearer: RequestShape = RFC_JWT_BEARER
    revocation: RequestShape = RFC_REVOCATION

    def of(self, operation: Operation) -> RequestShape:
        """Return the request of an operation that has exactly one."""
        shape = getattr(self, operation.value)
        assert isinstance(shape, RequestShape)
        return shape

    def all(self) -> tuple[RequestShape, ...]:
        """Return every request."""
        values = [getattr(self, one.name) for one in fields(self)]
        listed = [value if isinstance(value, tuple) else (value,) for value in values]
        return tuple(shape for one in listed for shape in one if isinstance(shape, RequestShape))

    def mapped(self, change: Callable[[RequestShape], RequestShape]) -> RequestShapes:
        """Return these requests with each of them changed."""
        changes: dict[str, Any] = {}
        for one in fields(self):
            value = getattr(self, one.name)
            if isinstance(value, RequestShape):
                changes[one.name] = change(value)
            elif isinstance(value, tuple):
                changes[one.name] = tuple(change(shape) for shape in value)
        return replace(self, **changes)


RFC_REQUESTS = RequestShapes()
