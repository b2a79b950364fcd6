"""Have the assertion signed that a request carries, if it carries one (RFC 7523): a fresh one for every request."""

from __future__ import annotations

from collections.abc import Sequence

from evertoken.domain.ready_client import ReadyClient
from evertoken.domain.request_shape import RequestShape
from evertoken.ports import AssertionSigner, Clock, Randomness
from evertoken.protocol.assertion import client_assertion, grant_assertion
from evertoken.protocol.client_authentication import signs

JTI_BITS = 128


def find_client_assertion(
    signer: AssertionSigner, ready: ReadyClient, shape: RequestShape, *, clock: Clock, randomness: Randomness
) -> str | None:
    """Return the assertion that proves the client in a request of *shape*, or None where its method signs nothing.

    Raises:
        SignerUnavailableError: it cannot be signed now.
    """
    if not signs(ready, shape):
        return None
    unsigned = client_assertion(ready, shape, now=clock.now(), jti=randomness.token(JTI_BITS))
    return signer.sign(ready, unsigned)


def make_grant_assertion(
    signer: AssertionSigner,
    ready: ReadyClient,
    *,
    subject: str,
    scopes: Sequence[str],
    clock: Clock,
    randomness: Randomness,
) -> str:
    """Return the assertion that a JWT bearer grant is run with, in the name of *subject* (RFC 7523 section 2.1). Raises SignerUnavailableError."""
    unsigned = grant_assertion(
        ready, subject=subject, scopes=scopes, now=clock.now(), jti=randomness.token(JTI_BITS)
    )
    return signer.sign(ready, unsigned)
