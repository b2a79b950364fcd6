"""Whether a client registration's key can sign what its provider takes, asked before anything is stored."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from evertoken.domain.assertion import SigningAlgorithm, SigningKey, UnsignedAssertion
from evertoken.domain.errors import InvalidInputError, SigningKeyError
from evertoken.domain.provider import Provider
from evertoken.domain.ready_client import ReadyClient
from evertoken.domain.registration import ClientRegistration
from evertoken.ports import AssertionSigner

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NOBODY = ClientRegistration(
    registration_id="new", provider_id="", client_id="", tenants=(), created_at=_EPOCH, updated_at=_EPOCH
)


def check_signing_key(
    signer: AssertionSigner,
    provider: Provider,
    key: SigningKey | None,
    *,
    private_key: str | None,
    has_private_key: bool,
) -> None:
    """Refuse a key that cannot do its work; *has_private_key* says that one is stored already.

    A key in KMS is not tried: what keeps registrations has no right to sign.

    Raises:
        InvalidInputError: the message names the field and the mend.
    """
    if key is None:
        if private_key is not None:
            raise InvalidInputError(
                "signing_key: a private_key needs it, to say the algorithm (and the key_id that the provider knows it by)."
            )
        return
    taken = {*provider.client_assertion.algorithms, *provider.grant_assertion.algorithms} - {
        SigningAlgorithm.HS256
    }
    if key.algorithm not in taken:
        raise InvalidInputError(
            f"signing_key.algorithm: this provider takes {', '.join(sorted(taken)) or 'none'}."
        )
    if key.kms_key_id is not None:
        if private_key is not None:
            raise InvalidInputError(
                "private_key: it cannot stand beside signing_key.kms_key_id. Leave one out."
            )
        return
    if private_key is None:
        if not has_private_key:
            raise InvalidInputError("private_key: signing_key needs one (PEM), or a kms_key_id.")
        return
    ready = ReadyClient(
        provider=provider,
        registration=replace(_NOBODY, signing_key=key),
        client_secret=None,
        private_key=private_key,
    )
    try:
        signer.sign(ready, UnsignedAssertion(header={"alg": key.algorithm.value}, claims={}))
    except SigningKeyError:
        raise InvalidInputError(
            f"private_key: it cannot be read, is encrypted, or does not sign {key.algorithm}. Send an unencrypted PEM key of that kind."
        ) from None
