"""A provider: what an authorization server is known to do, as data. What is unknown is None or `unknown`, never guessed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from evertoken.domain.provider_shapes import (
    CALLERS_ACCOUNT,
    RFC_ANSWER,
    RFC_AUTHORIZATION,
    RFC_CLIENT_CREDENTIALS,
    RFC_CODE_EXCHANGE,
    RFC_REFRESH,
    RFC_REVOCATION,
    AccountSource,
    AnswerShape,
    AuthorizationShape,
    ClientAuthentication,
    ErrorRule,
    RequestShape,
    TemplateParameter,
)
from evertoken.domain.provider_template import fill_template, resolve_parameters


class RotationClass(StrEnum):
    """What becomes of a refresh token that was used (facts: security section 4.4)."""

    STATIC = "static"
    """It stays valid; the answer carries none or the same."""
    GRACE = "grace"
    """A new one is issued; the old one works for `grace_seconds` more."""
    STRICT = "strict"
    """A new one is issued; the old one is refused from then on."""
    STRICT_KILL = "strict_kill"
    """As strict, and using the old one ends the whole grant."""
    UNKNOWN = "unknown"
    """Not known: treated as the strictest."""


class IssParameter(StrEnum):
    """Whether the provider names itself in authorization responses (RFC 9207)."""

    ALWAYS = "always"
    """It says so; a response without `iss` is refused."""
    NEVER = "never"
    UNKNOWN = "unknown"


class RefreshCredential(StrEnum):
    """What a new access token is had with."""

    REFRESH_TOKEN = "refresh_token"  # noqa: S105  # a name, no secret
    ACCESS_TOKEN = "access_token"  # noqa: S105  # likewise
    CLIENT_CREDENTIALS = "client_credentials"
    NONE = "none"


class Pkce(StrEnum):
    """Whether the provider takes a PKCE challenge (RFC 7636); only S256 is ever sent."""

    REQUIRED = "required"
    SUPPORTED = "supported"
    UNSUPPORTED = "unsupported"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """A provider's rotation class and, for `grace`, how long the old refresh token works."""

    kind: RotationClass = RotationClass.UNKNOWN
    grace_seconds: int = 0

    @property
    def may_repeat_at_once(self) -> bool:
        """Whether a request of unknown outcome may be repeated without risk to the grant."""
        return self.kind in (RotationClass.STATIC, RotationClass.GRACE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a fact is known from: a page, the day on which it was read (ISO 8601), and `verified`, `secondary` or `unverified`."""

    url: str
    checked_on: str
    confidence: str


ASSUMED_ACCESS_TOKEN_LIFETIME_SECONDS = 3600
"""What a token is taken to live where neither the answer nor the entry says (security facts P12)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """An authorization server as its entry describes it.

    `access_token_lifetime_seconds` is what a token lives where an answer says nothing: an hour is assumed (and `access_token_lifetime_is_assumed`
    says so) unless the entry knows better; None means that the entry says: does not expire. `refresh_token_lifetime_seconds` likewise, None being
    unknown or endless; `use_extends_refresh_token` when each use starts it anew. `minimum_age_seconds` is how old an access token must be before the provider
    renews it. `refresh_kills_access_token` and `refreshable_after_expiry` are facts about refreshing; `revocation_ends_grant` is True where it is unknown.
    """

    provider_id: str
    name: str
    documentation: str | None = None
    issuer: str | None = None
    iss_parameter: IssParameter = IssParameter.UNKNOWN
    grants: frozenset[str] = frozenset({"authorization_code", "refresh_token"})
    authorization_endpoint: str | None = None
    token_endpoint: str
    revocation_endpoint: str | None = None
    parameters: Mapping[str, TemplateParameter] = field(default_factory=dict)

    client_authentication: tuple[ClientAuthentication, ...] = (ClientAuthentication.CLIENT_SECRET_BASIC,)
    form_encodes_basic: bool = True
    pkce: Pkce = Pkce.UNKNOWN

    rotation: Rotation = Rotation()
    refresh_credential: RefreshCredential = RefreshCredential.REFRESH_TOKEN
    minimum_age_seconds: int = 0
    refreshable_after_expiry: bool = True
    refresh_kills_access_token: bool = False
    access_token_lifetime_seconds: int | None = ASSUMED_ACCESS_TOKEN_LIFETIME_SECONDS
    access_token_lifetime_is_assumed: bool = True
    refresh_token_lifetime_seconds: int | None = None
    use_extends_refresh_token: bool = False
    revocation_ends_grant: bool = True

    authorization: AuthorizationShape = RFC_AUTHORIZATION
    code_exchange: RequestShape = RFC_CODE_EXCHANGE
    following_exchanges: tuple[RequestShape, ...] = ()
    refresh: RequestShape = RFC_REFRESH
    client_credentials: RequestShape = RFC_CLIENT_CREDENTIALS
    revocation: RequestShape = RFC_REVOCATION
    answer: AnswerShape = RFC_ANSWER
    error_rules: tuple[ErrorRule, ...] = ()
    account: AccountSource = CALLERS_ACCOUNT
    sources: Mapping[str, Source] = field(default_factory=dict)

    def supports(self, grant: str) -> bool:
        """Return whether the provider issues tokens for *grant* (a grant type of RFC 6749, such as `authorization_code`)."""
        return grant in self.grants

    def filled(self, parameters: Mapping[str, str]) -> Provider:
        """Return this provider with every `{placeholder}` of its URLs replaced, and with nothing left to fill.

        In a host a value is one DNS label before the entry's fixed suffix, so that no value can lead anywhere else (security facts 5c).

        Raises:
            InvalidInputError: a parameter is missing, unknown, or not such a label; the message names it.
        """
        values = resolve_parameters(self.name, self.parameters, parameters)
        if not values:
            return self

        def fill(url: str | None) -> str | None:
            return None if url is None else fill_template(url, values)

        def fill_shape(shape: RequestShape) -> RequestShape:
            return replace(shape, url=fill(shape.url))

        return replace(
            self,
            issuer=fill(self.issuer),
            authorization_endpoint=fill(self.authorization_endpoint),
            token_endpoint=fill_template(self.token_endpoint, values),
            revocation_endpoint=fill(self.revocation_endpoint),
            parameters={},
            code_exchange=fill_shape(self.code_exchange),
            following_exchanges=tuple(fill_shape(shape) for shape in self.following_exchanges),
            refresh=fill_shape(self.refresh),
            client_credentials=fill_shape(self.client_credentials),
            revocation=fill_shape(self.revocation),
        )
