"""Who may call: access tokens for every kind of credential, the keys that verify them, tenants and their API clients."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from evertoken.entrypoints.client_credentials import LONGEST_CREDENTIAL
from evertoken.entrypoints.client_routes import ClientBody, ClientListParameters, TenantBody
from evertoken.entrypoints.openapi.operation import Operation
from evertoken.entrypoints.openapi.schemas import AnswerModel, Timestamp
from evertoken.entrypoints.openapi.security import CLIENT_CREDENTIALS, IAM_ROLE

ACCESS_TOKENS, TENANTS, CLIENTS = "Access tokens", "Tenants", "API clients"
Credential = Annotated[str, Field(min_length=1, max_length=LONGEST_CREDENTIAL)]
RequestedScope = Annotated[
    str,
    Field(
        description="Scopes with spaces between; without it the token has all that the client has.",
        examples=["tokens:read"],
    ),
]
ClientId = Annotated[str, Field(pattern=r"^cli_[a-z2-7]{26}$", examples=["cli_fjyyqoxq2mxmjklhf2gpwdqvha"])]


class SecretRequest(AnswerModel):
    """Client credentials (RFC 6749 section 4.4); id and secret stand here, or in HTTP Basic, and not in both."""

    grant_type: Literal["client_credentials"]
    client_id: Credential = ""
    client_secret: Credential = ""
    scope: RequestedScope = ""


class AssertionRequest(AnswerModel):
    """The token of an external OIDC issuer that an API client is bound to (RFC 7523 section 2.1)."""

    grant_type: Literal["urn:ietf:params:oauth:grant-type:jwt-bearer"]
    assertion: Annotated[str, Field(min_length=1, max_length=8192)]
    scope: RequestedScope = ""


class RoleRequest(AnswerModel):
    """What a role may ask for; nothing has to be sent."""

    scope: RequestedScope = ""


class AccessTokenAnswer(AnswerModel):
    """An access token (RFC 6749 section 5.1)."""

    access_token: str
    token_type: Literal["Bearer"]
    expires_in: Annotated[int, Field(ge=1, description="Seconds.")]
    scope: str


class PublicKey(AnswerModel):
    """A key that may have signed a live token (RFC 7517)."""

    kty: Literal["EC"]
    crv: Literal["P-256"]
    x: str
    y: str
    use: Literal["sig"]
    alg: Literal["ES256"]
    kid: str


class PublicKeys(AnswerModel):
    """The key that signs now comes first, then those that did, or will."""

    keys: list[PublicKey]


class Health(AnswerModel):
    """The function answers."""

    status: Literal["ok"]


class TenantView(AnswerModel):
    """A team whose connections are apart from all others."""

    tenant_id: str
    name: str
    return_urls: list[str]
    suspended: Annotated[
        bool, Field(description="Its programs and users get no token, and those that they have are refused.")
    ]
    created_at: Timestamp
    updated_at: Timestamp


class TenantList(AnswerModel):
    """All tenants, by id."""

    tenants: list[TenantView]


class OidcView(AnswerModel):
    """Which tokens of which issuer are the client's; `subject` null means any."""

    issuer: str
    audience: str
    audience_claim: Literal["aud", "client_id", "azp"]
    subject: str | None


class ApiClientView(AnswerModel):
    """What every API client shows."""

    client_id: ClientId
    tenant_id: str
    name: str
    scopes: list[str]
    created_at: Timestamp


class SecretClient(ApiClientView):
    """An API client with a secret, which is never shown again."""

    kind: Literal["secret"]


class CreatedSecretClient(SecretClient):
    """A new API client with its secret, shown this once."""

    client_secret: str


class RoleClient(ApiClientView):
    """An API client that is an IAM role."""

    kind: Literal["role"]
    role_arn: str


class OidcClient(ApiClientView):
    """An API client that external tokens are exchanged for."""

    kind: Literal["oidc"]
    oidc: OidcView


AnyClient = SecretClient | RoleClient | OidcClient


class ClientList(AnswerModel):
    """API clients, by id."""

    clients: list[AnyClient]


_TENANT = {"tenant_id": "The tenant's id: lower-case letters, digits and hyphens, 40 at most."}
_CLIENT = {"client_id": "The API client's id, `cli_` and 26 letters and digits."}
_ISSUING_ERRORS = ("BAD_REQUEST", "UNAUTHORIZED", "FORBIDDEN", "STORE_UNAVAILABLE")
OPERATIONS: tuple[Operation, ...] = (
    Operation(
        key="POST /v1/auth/token",
        tag=ACCESS_TOKENS,
        summary="Get an access token for a secret, or for an external issuer's token",
        description="Of a suspended tenant nobody gets one (`FORBIDDEN`).",
        body=SecretRequest | AssertionRequest,
        media_types=("application/x-www-form-urlencoded", "application/json"),
        answers={200: AccessTokenAnswer},
        errors=(*_ISSUING_ERRORS, "PROVIDER_UNAVAILABLE"),
        security=(CLIENT_CREDENTIALS,),
    ),
    Operation(
        key="POST /v1/auth/role-token",
        tag=ACCESS_TOKENS,
        summary="Get an access token as an IAM role",
        description="Sign the request with the role's credentials (SigV4, service `execute-api`); API Gateway verifies the signature. "
        "A request without a good one is refused by the gateway, in its own form.",
        body=RoleRequest,
        body_may_be_absent=True,
        media_types=("application/json", "application/x-www-form-urlencoded"),
        answers={200: AccessTokenAnswer},
        errors=_ISSUING_ERRORS,
        security=(IAM_ROLE,),
    ),
    Operation(
        key="GET /.well-known/jwks.json",
        tag=ACCESS_TOKENS,
        summary="The keys that verify our access tokens",
        answers={200: PublicKeys},
        errors=("STORE_UNAVAILABLE",),
    ),
    Operation(
        key="GET /v1/health", tag=ACCESS_TOKENS, summary="Whether the API answers", answers={200: Health}
    ),
    Operation(key="GET /v1/tenants", tag=TENANTS, summary="List tenants", answers={200: TenantList}),
    Operation(
        key="GET /v1/tenants/{tenant_id}",
        tag=TENANTS,
        summary="A tenant",
        path=_TENANT,
        answers={200: TenantView},
        errors=("NOT_FOUND",),
    ),
    Operation(
        key="PUT /v1/tenants/{tenant_id}",
        tag=TENANTS,
        summary="Add or change a tenant, suspend it or lift that",
        description="Without `suspended` that stays as it is. When a suspension is answered no further token is issued; live ones are refused within a minute.",
        path=_TENANT,
        body=TenantBody,
        answers={200: TenantView},
        errors=("BAD_REQUEST",),
    ),
    Operation(
        key="DELETE /v1/tenants/{tenant_id}",
        tag=TENANTS,
        summary="Remove a tenant that has no API client",
        path=_TENANT,
        answers={204: None},
        errors=("NOT_FOUND", "CONFLICT"),
    ),
    Operation(
        key="GET /v1/clients",
        tag=CLIENTS,
        summary="List API clients",
        parameters=ClientListParameters,
        answers={200: ClientList},
        errors=("BAD_REQUEST",),
    ),
    Operation(
        key="POST /v1/clients",
        tag=CLIENTS,
        summary="Create an API client: with a secret, as an IAM role, or for an external issuer's tokens",
        description="With `role_arn` or `oidc` it has no secret. No two clients are bound to the same role (by account and name) or tokens.",
        body=ClientBody,
        answers={201: CreatedSecretClient | RoleClient | OidcClient},
        errors=("BAD_REQUEST", "CONFLICT"),
    ),
    Operation(
        key="GET /v1/clients/{client_id}",
        tag=CLIENTS,
        summary="An API client, without its secret",
        path=_CLIENT,
        answers={200: AnyClient},
        errors=("NOT_FOUND",),
    ),
    Operation(
        key="DELETE /v1/clients/{client_id}",
        tag=CLIENTS,
        summary="Remove an API client",
        description="It gets no further token when this is answered; live ones are refused within a minute.",
        path=_CLIENT,
        answers={204: None},
        errors=("NOT_FOUND",),
    ),
)
