"""The routes where every kind of credential becomes an access token of ours, the keys that verify it, and the health check."""

from __future__ import annotations

from dataclasses import dataclass

from evertoken.entrypoints.api import Request, Route
from evertoken.entrypoints.client_credentials import get_requested_scopes, get_token_request
from evertoken.entrypoints.http_answer import Answer
from evertoken.ports import TokenSigner
from evertoken.usecases.exchange_assertion import Assertion, ExchangeDependencies, exchange_assertion
from evertoken.usecases.issue_role_token import issue_role_token
from evertoken.usecases.issue_token import IssuedAccessToken, IssueDependencies, issue_token

KEYS_KEPT_SECONDS = 300
"""How long others may keep our public keys: a new key is published this long before it signs (security facts 2a.10)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessTokenDependencies:
    """What the routes need."""

    issuing: IssueDependencies
    exchanging: ExchangeDependencies
    signer: TokenSigner


def access_token_routes(deps: AccessTokenDependencies) -> tuple[Route, ...]:
    """Return the routes, all of them public: who calls proves itself in the request's body, or to the gateway."""
    routes = _Routes(deps)
    return (
        Route(key="POST /v1/auth/token", handle=routes.issue),
        Route(key="POST /v1/auth/role-token", handle=routes.issue_to_role),
        Route(key="GET /.well-known/jwks.json", handle=routes.keys),
        Route(key="GET /v1/health", handle=lambda _: Answer(body={"status": "ok"})),
    )


class _Routes:
    def __init__(self, deps: AccessTokenDependencies) -> None:
        self._deps = deps

    def issue(self, request: Request) -> Answer:
        asked = get_token_request(request.event)
        match asked.proof:
            case Assertion():
                issued = exchange_assertion(
                    self._deps.exchanging, asked.proof, scopes=asked.scopes, issuer=request.base_url
                )
            case _:
                issued = issue_token(
                    self._deps.issuing, asked.proof, scopes=asked.scopes, issuer=request.base_url
                )
        return _answer(issued)

    def issue_to_role(self, request: Request) -> Answer:
        issued = issue_role_token(
            self._deps.issuing,
            request.event.iam_user_arn,
            scopes=get_requested_scopes(request.event),
            issuer=request.base_url,
        )
        return _answer(issued)

    def keys(self, _: Request) -> Answer:
        headers = {"Cache-Control": f"public, max-age={KEYS_KEPT_SECONDS}"}
        return Answer(body=self._deps.signer.public_keys(), headers=headers)


def _answer(issued: IssuedAccessToken) -> Answer:
    logged = {"issued_to": issued.client.client_id}
    if issued.client.tenant_id is not None:
        logged["issued_to_tenant"] = issued.client.tenant_id
    return Answer(
        body={
            "access_token": issued.access_token,
            "token_type": "Bearer",
            "expires_in": issued.expires_in,
            "scope": issued.scope,
        },
        headers={"Pragma": "no-cache"},
        logged=logged,
    )
