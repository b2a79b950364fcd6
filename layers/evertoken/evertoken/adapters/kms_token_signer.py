"""Access tokens of our own, signed in KMS: the private keys never leave it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evertoken.adapters.aws_errors import unavailable_as
from evertoken.adapters.jws import encode_part, side_by_side, signing_input
from evertoken.adapters.kms_token_keys import KmsTokenKeys, key_name
from evertoken.domain.errors import StoreUnavailableError

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient

ES256_COORDINATE_BYTES = 32


class KmsTokenSigner:
    """`TokenSigner` on KMS."""

    def __init__(self, client: KMSClient, *, keys: KmsTokenKeys) -> None:
        self._client = client
        self._keys = keys

    def sign(self, claims: dict[str, object]) -> str:
        """Return a compact JWT (ES256, typ at+jwt; RFC 7515, RFC 9068) of *claims*. Raises StoreUnavailableError."""
        key_id = self._keys.signing_key_id
        header = {"alg": "ES256", "typ": "at+jwt", "kid": key_name(key_id)}
        signed = signing_input(header, claims)
        with unavailable_as(StoreUnavailableError, "Access tokens cannot be signed now. Try again."):
            answer = self._client.sign(
                KeyId=key_id,
                Message=signed.encode(),
                MessageType="RAW",
                SigningAlgorithm="ECDSA_SHA_256",
            )
        return f"{signed}.{encode_part(side_by_side(answer['Signature'], ES256_COORDINATE_BYTES))}"

    def public_keys(self) -> dict[str, object]:
        """Return the JWKS of every key that may have signed a live token. Raises StoreUnavailableError."""
        return self._keys.public_keys()
