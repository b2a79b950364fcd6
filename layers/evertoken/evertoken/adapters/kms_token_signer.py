"""Access tokens of our own, signed in KMS: the private keys never leave it."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from evertoken.adapters.aws_errors import unavailable_as
from evertoken.adapters.kms_token_keys import KmsTokenKeys, key_name
from evertoken.domain.errors import StoreUnavailableError

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient


class KmsTokenSigner:
    """`TokenSigner` on KMS."""

    def __init__(self, client: KMSClient, *, keys: KmsTokenKeys) -> None:
        self._client = client
        self._keys = keys

    def sign(self, claims: dict[str, object]) -> str:
        """Return a compact JWT (ES256, typ at+jwt; RFC 7515, RFC 9068) of *claims*. Raises StoreUnavailableError."""
        key_id = self._keys.signing_key_id
        header = {"alg": "ES256", "typ": "at+jwt", "kid": key_name(key_id)}
        signed = f"{_encode_json(header)}.{_encode_json(claims)}"
        with unavailable_as(StoreUnavailableError, "Access tokens cannot be signed now. Try again."):
            answer = self._client.sign(
                KeyId=key_id,
                Message=signed.encode(),
                MessageType="RAW",
                SigningAlgorithm="ECDSA_SHA_256",
            )
        # KMS answers in DER; JWS wants r and s side by side, 32 bytes each (RFC 7518 section 3.4).
        r, s = decode_dss_signature(answer["Signature"])
        return f"{signed}.{_encode(r.to_bytes(32) + s.to_bytes(32))}"

    def public_keys(self) -> dict[str, object]:
        """Return the JWKS of every key that may have signed a live token. Raises StoreUnavailableError."""
        return self._keys.public_keys()


def _encode_json(document: Mapping[str, object]) -> str:
    return _encode(json.dumps(document, separators=(",", ":")).encode())


def _encode(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()
