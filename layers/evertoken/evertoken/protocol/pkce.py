"""PKCE (RFC 7636): the challenge of a verifier, and whether to send one."""

from __future__ import annotations

import base64
import hashlib

from evertoken.domain.provider import ChallengeMethod, Pkce, Provider


def sends_challenge(provider: Provider) -> bool:
    """Return whether an authorization at *provider* carries a challenge.

    Where support is unknown one is sent: a server must ignore parameters that it does not know (RFC 6749 section 3.1), and `state` protects in any case.
    """
    return provider.pkce is not Pkce.UNSUPPORTED


def new_challenge(verifier: str, method: ChallengeMethod = ChallengeMethod.S256) -> str:
    """Return the challenge of *verifier* (RFC 7636 section 4.2); with `plain`, for providers that take nothing else, it is the verifier itself."""
    if method is ChallengeMethod.PLAIN:
        return verifier
    return (
        base64.urlsafe_b64encode(hashlib.sha256(verifier.encode("ascii")).digest())
        .rstrip(b"=")
        .decode("ascii")
    )
