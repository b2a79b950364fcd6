"""A provider: what an authorization server is known to do, as data. What is unknown is None or `unknown`, never guessed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from evertoken.domain.answer_shape import RFC_ANSWER, AnswerShape, ErrorRule
from evertoken.domain.assertion import RFC_ASSERTION, AssertionShape
from evertoken.domain.grant import Grant
from evertoken.domain.provider_shapes import (
    ACTIVE,
    CALLERS_ACCOUNT,
    RFC_AUTHORIZATION,
    RFC_CALLBACK,
    UNKNOWN_SHARING,
    AccountSource,
    AuthorizationShape,
    CallbackShape,
    GrantSharing,
    Lifecycle,
    RequestLimit,
    TemplateParameter,
)
from evertoken.domain.provider_template import check_parameters, fill_requests, fill_template, fill_values
from evertoken.domain.request_shape import RFC_REQUESTS, ClientAuthentication, RequestShapes


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


class NewRefreshToken(StrEnum):
    """Whether a refresh brings a new refresh token."""

    ALWAYS = "always"
    SOMETIMES = "sometimes"
    NEVER = "never"
    UNKNOWN = "unknown"


class IssParameter(StrEnum):
    """Whether the provider names itself in authorization responses (RFC 9207)."""

    ALWAYS = "always"
    """It says so; a response without `iss` is refused."""
    NEVER = "never"
    UNKNOWN = "unknown"


class RefreshCredential(StrEnum):
    """What a new access token is had with, for grants that cannot simply run again."""

    REFRESH_TOKEN = "refresh_token"  # noqa: S105  # a name, no secret
    ACCESS_TOKEN = "access_token"  # noqa: S105  # likewise
    CLIENT_CREDENTIALS = "client_credentials"
    NONE = "none"


class Pkce(StrEnum):
    """Whether the provider takes a PKCE challenge (RFC 7636)."""

    REQUIRED = "required"
    SUPPORTED = "supported"
    UNSUPPORTED = "unsupported"
    UNKNOWN = "unknown"


class ChallengeMethod(StrEnum):
    """How the challenge is made from the verifier; `plain` only where the provider takes nothing else (RFC 7636 section 4.2)."""

    S256 = "S256"
    S256_LOWER = "s256"
    """S256 under a name of the provider's own spelling."""
    PLAIN = "plain"


LEAST_USEFUL_GRACE_SECONDS = 30
"""That an answer will not come is known after 25 seconds, and the repetition follows within two more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """A provider's rotation class and, for `grace`, how long the old refresh token works (at most: `grace_ends_on_use` of the new one)."""

    kind: RotationClass = RotationClass.UNKNOWN
    grace_seconds: int = 0
    grace_ends_on_use: bool = False
    new_token: NewRefreshToken = NewRefreshToken.UNKNOWN

    @property
    def may_repeat_at_once(self) -> bool:
        """Whether a request of unknown outcome may be repeated without risk to the grant: a grace must outlast the wait for an answer."""
        if self.kind is RotationClass.GRACE:
            return self.grace_seconds >= LEAST_USEFUL_GRACE_SECONDS
        return self.kind is RotationClass.STATIC


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
    unknown or endless; `use_extends_refresh_token` when each use starts it anew. `grant_lifetime_seconds` is how long after the consent everything ends,
    None where that is unknown. `minimum_age_seconds` is how old an access token must be before the provider renews it, `refresh_window_seconds` how
    close to its end (None: at any time), `maximum_age_seconds` how old it should become at most. `refresh_kills_access_token` and
    `refreshable_after_expiry` are facts about refreshing; `revocation_ends_grant` is True where it is unknown. `client_assertion` and `grant_assertion`
    are the assertions that prove the client and that a JWT bearer grant is run with.
    """

    provider_id: str
    name: str
    documentation: str | None = None
    lifecycle: Lifecycle = ACTIVE
    issuer: str | None = None
    iss_parameter: IssParameter = IssParameter.UNKNOWN
    grants: frozenset[Grant] = frozenset({Grant.AUTHORIZATION_CODE, Grant.REFRESH_TOKEN})
    authorization_endpoint: str | None = None
    token_endpoint: str
    revocation_endpoint: str | None = None
    device_authorization_endpoint: str | None = None
    parameters: Mapping[str, TemplateParameter] = field(default_factory=dict)

    client_authentication: tuple[ClientAuthentication, ...] = (ClientAuthentication.CLIENT_SECRET_BASIC,)
    form_encodes_basic: bool = True
    client_assertion: AssertionShape = RFC_ASSERTION
    grant_assertion: AssertionShape = RFC_ASSERTION
    pkce: Pkce = Pkce.UNKNOWN
    challenge_method: ChallengeMethod = ChallengeMethod.S256

    rotation: Rotation = Rotation()
    refresh_credential: RefreshCredential = RefreshCredential.REFRESH_TOKEN
    minimum_age_seconds: int = 0
    maximum_age_seconds: int | None = None
    refresh_window_seconds: int | None = None
    refreshable_after_expiry: bool = True
    refresh_kills_access_token: bool = False
    access_token_lifetime_seconds: int | None = ASSUMED_ACCESS_TOKEN_LIFETIME_SECONDS
    access_token_lifetime_is_assumed: bool = True
    refresh_token_lifetime_seconds: int | None = None
    use_extends_refresh_token: bool = False
    grant_lifetime_seconds: int | None = None
    revocation_ends_grant: bool = True
    limits: tuple[RequestLimit, ...] = ()
    sharing: GrantSharing = UNKNOWN_SHARING

    authorization: AuthorizationShape = RFC_AUTHORIZATION
    callback: CallbackShape = RFC_CALLBACK
    requests: RequestShapes = RFC_REQUESTS
    revokes_access_token: bool = False
    answer: AnswerShape = RFC_ANSWER
    error_rules: tuple[ErrorRule, ...] = ()
    account: AccountSource = CALLERS_ACCOUNT
    sources: Mapping[str, Source] = field(default_factory=dict)

    def supports(self, grant: Grant) -> bool:
        """Return whether the provider issues tokens for *grant*."""
        return grant in self.grants

    @property
    def secret_origins(self) -> frozenset[str]:
        """The schemes and hosts to which secrets and tokens are sent, with what is yet to be filled in them."""
        urls = (
            self.token_endpoint,
            self.revocation_endpoint,
            self.device_authorization_endpoint,
            *(shape.url for shape in self.requests.all()),
        )
        return frozenset("/".join(url.split("/", 3)[:3]) for url in urls if url is not None)

    @property
    def minimum_interval_seconds(self) -> float:
        """How far apart requests of one grant must be, so that no limit on the token endpoint is ever reached."""
        return max((limit.seconds / limit.requests for limit in self.limits), default=0.0)

    def filled(self, values: Mapping[str, str], *, by_operator: bool = False, whole: bool = True) -> Provider:
        """Return this provider with the `{placeholders}` of its URLs, parameters and headers replaced.

        In a host a value is what its template parameter admits, so that no value can lead anywhere else (security facts 5c). *by_operator*: the values
        come from a client registration, which alone may name whole hosts. *whole*: nothing may be left to fill, and defaults count; otherwise what
        has no value stays open.

        Raises:
            InvalidInputError: a value is unknown, not admitted or (when *whole*) missing; the message names it.
        """
        given = check_parameters(self.name, self.parameters, values, by_operator=by_operator, whole=whole)
        if not given:
            return self

        def fill(url: str | None) -> str | None:
            return None if url is None else fill_template(url, given)

        return replace(
            self,
            issuer=fill(self.issuer),
            authorization_endpoint=fill(self.authorization_endpoint),
            token_endpoint=fill_template(self.token_endpoint, given),
            revocation_endpoint=fill(self.revocation_endpoint),
            device_authorization_endpoint=fill(self.device_authorization_endpoint),
            parameters={name: one for name, one in self.parameters.items() if name not in given},
            authorization=replace(
                self.authorization, parameters=fill_values(self.authorization.parameters, given)
            ),
            client_assertion=replace(
                self.client_assertion,
                claims=fill_values(self.client_assertion.claims, given),
                audience=fill_template(self.client_assertion.audience, given),
            ),
            grant_assertion=replace(
                self.grant_assertion,
                claims=fill_values(self.grant_assertion.claims, given),
                audience=fill_template(self.grant_assertion.audience, given),
            ),
            requests=fill_requests(self.requests, given),
        )
