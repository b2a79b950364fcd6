"""Issue an access token to an IAM role: whoever signed the request (SigV4) is what the gateway says, and nothing else is believed."""

from __future__ import annotations

from evertoken.domain.errors import AuthenticationError, AuthorizationError
from evertoken.domain.external_identity import parse_session_arn
from evertoken.usecases.issue_token import IssuedAccessToken, IssueDependencies, issue_to


def issue_role_token(
    deps: IssueDependencies, user_arn: str, *, scopes: tuple[str, ...] | None, issuer: str
) -> IssuedAccessToken:
    """Return an access token of the client that is the role behind *user_arn*, the gateway's verified word for who signed.

    Raises:
        AuthenticationError: the gateway verified nobody.
        AuthorizationError: who signed is no role, or no client's; or as `issue_to` raises it.
        InvalidInputError, StoreUnavailableError: as `issue_to` raises them.
    """
    if not user_arn:
        raise AuthenticationError(
            "The request is not signed. Sign it with a role's credentials (SigV4, service execute-api)."
        )
    role = parse_session_arn(user_arn)
    client = None if role is None else deps.clients.find_by_role(role)
    if client is None:
        raise AuthorizationError(
            "No API client is bound to who signed this. Sign with a role, and have an operator bind it: POST /v1/clients with role_arn."
        )
    return issue_to(deps, client, scopes=scopes, issuer=issuer)
