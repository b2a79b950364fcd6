"""Run a grant without a browser: for the first time, or again where it can be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    build_token_exchange,
    build_user_token,
)
from evertoken.usecases.sign_request import find_client_assertion, make_grant_assertion


def build_grant(
    ready: ReadyClient,
    grant: Grant,
    given: Mapping[str, str],
    scopes: Sequence[str],
    *,
    signer: AssertionSigner,
    clock: Clock,
    randomness: Randomness,
) -> tuple[HttpRequest, Operation]:
    """Return the request that runs a grant without a browser, with what is *given* for it, and what kind of request it is.

    Raises:
        SignerUnavailableError: an assertion that it carries cannot be signed.
        ValueError: *grant* needs a browser or a device.
    """
    operation = Operation(grant.value)
    shape = ready.provider.requests.of(operation)
    proof = find_client_assertion(signer, ready, shape, clock=clock, randomness=randomness)
    match operation:
        case Operation.CLIENT_CREDENTIALS:
            request = build_client_credentials(ready, scopes, assertion=proof)
        case Operation.USER_TOKEN:
            request = build_user_token(ready, given["user_token"], scopes, assertion=proof)
        case Operation.SESSION_LOGIN:
            request = build_session_login(ready, given, assertion=proof)
        case Operation.TOKEN_EXCHANGE:
            request = build_token_exchange(
                ready,
                subject_token=given["subject_token"],
                subject_token_type=given["subject_token_type"],
                scopes=scopes,
                assertion=proof,
            )
        case Operation.JWT_BEARER:
            subject = given["subject"]
            grant_assertion = make_grant_assertion(
                signer, ready, subject=subject, scopes=scopes, clock=clock, randomness=randomness
            )
            request = build_jwt_bearer(ready, scopes, grant_assertion=grant_assertion, assertion=proof)
        case _:
            raise ValueError(f"{grant} needs a browser or a device")
    return request, operation


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
    grant, context = find_grant_to_run(ready.provider, token_set), token_set.context
    if grant is None:
        raise ValueError("This grant cannot run again.")
    # What was granted may be more, or in other words, than the provider lets a client ask for.
    scopes = tuple(token_set.scope.split()) if context.scopes is None else context.scopes
    return build_grant(
        ready, grant, context.credentials, scopes, signer=signer, clock=clock, randomness=randomness
    )


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
