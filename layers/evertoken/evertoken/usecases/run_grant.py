"""Run a grant again that can be run again: the client's own, a session login, or a JWT bearer grant."""

from __future__ import annotations

from dataclasses import replace

from evertoken.domain.grant import Grant
from evertoken.domain.http import HttpRequest
from evertoken.domain.provider import Provider
from evertoken.domain.ready_client import ReadyClient
from evertoken.domain.renewal import find_grant_to_run
from evertoken.domain.request_shape import Operation
from evertoken.domain.token_set import TokenSet
from evertoken.ports import AssertionSigner, Clock, Randomness
from evertoken.protocol.token_request import (
    build_client_credentials,
    build_jwt_bearer,
    build_session_login,
)
from evertoken.usecases.sign_request import find_client_assertion, make_grant_assertion


def build_run_again(
    ready: ReadyClient,
    token_set: TokenSet,
    *,
    signer: AssertionSigner,
    clock: Clock,
    randomness: Randomness,
) -> tuple[HttpRequest, Operation]:
    """Return the request that runs the grant of *token_set* again, for the scopes that it was run for, and what kind of request it is.

    Of sets from before these were kept, the scope that was granted is asked for.

    Raises:
        SignerUnavailableError: an assertion that it carries cannot be signed.
        ValueError: the grant cannot run again; `find_grant_to_run` says so before.
    """
    requests, context = ready.provider.requests, token_set.context
    # What was granted may be more, or in other words, than the provider lets a client ask for.
    scopes = tuple(token_set.scope.split()) if context.scopes is None else context.scopes
    match find_grant_to_run(ready.provider, token_set):
        case Grant.CLIENT_CREDENTIALS:
            shape = requests.client_credentials
            proof = find_client_assertion(signer, ready, shape, clock=clock, randomness=randomness)
            return build_client_credentials(ready, scopes, assertion=proof), Operation.CLIENT_CREDENTIALS
        case Grant.SESSION_LOGIN:
            shape = requests.session_login
            proof = find_client_assertion(signer, ready, shape, clock=clock, randomness=randomness)
            return build_session_login(ready, context.credentials, assertion=proof), Operation.SESSION_LOGIN
        case Grant.JWT_BEARER:
            assertion = make_grant_assertion(
                signer,
                ready,
                subject=context.credentials["subject"],
                scopes=scopes,
                clock=clock,
                randomness=randomness,
            )
            shape = requests.jwt_bearer
            proof = find_client_assertion(signer, ready, shape, clock=clock, randomness=randomness)
            return (
                build_jwt_bearer(ready, scopes, grant_assertion=assertion, assertion=proof),
                Operation.JWT_BEARER,
            )
        case _:
            raise ValueError("This grant cannot run again.")


def renewed_grant(provider: Provider, token_set: TokenSet, previous: TokenSet) -> TokenSet:
    """Return what running the grant of *previous* again brought, as its next token set.

    The grant begins anew: a refresh token of the one before is no part of it, and its life counts from now. From here on the set says which grant it
    is of, also where *previous* was from before that was kept.
    """
    context = previous.context
    grant = find_grant_to_run(provider, previous) or context.grant
    return replace(
        token_set,
        scope=token_set.scope or previous.scope,
        id_token_subject=token_set.id_token_subject or previous.id_token_subject,
        extra={**previous.extra, **token_set.extra},
        context=replace(context, grant=grant, granted_at=token_set.issued_at),
    )
