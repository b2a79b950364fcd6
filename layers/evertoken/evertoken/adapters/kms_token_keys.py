"""The keys that sign our access tokens, as KMS shows their public halves; a key's name in tokens is a hash of its KMS id."""

from __future__ import annotations

import hashlib
from threading import Lock
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

from evertoken.adapters.aws_errors import unavailable_as
from evertoken.adapters.jws import encode_part
from evertoken.domain.errors import ConfigurationError, StoreUnavailableError
from evertoken.ports import Clock

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient

REFETCH_SECONDS = 5
"""After a failed fetch nobody asks KMS for the same key again for this long."""


def key_name(key_id: str) -> str:
    """Return the `kid` of a KMS key."""
    return hashlib.sha256(key_id.encode()).hexdigest()[:16]


class KmsTokenKeys:
    """The public keys of the signing keys, fetched once each and kept for the life of the process.

    The names follow from the configured ids alone, so an unknown `kid` costs no call at all.
    """

    def __init__(self, client: KMSClient, *, key_ids: tuple[str, ...], clock: Clock) -> None:
        if not key_ids:
            raise ConfigurationError("SIGNING_KEY_IDS names no key: the first signs, all verify.")
        self._client = client
        self._ids = {key_name(key_id): key_id for key_id in key_ids}
        self._clock = clock
        self._keys: dict[str, EllipticCurvePublicKey] = {}
        self._failed_at: dict[str, float] = {}
        self._lock = Lock()

    @property
    def signing_key_id(self) -> str:
        """The KMS id of the key that signs."""
        return next(iter(self._ids.values()))

    def find_public_key(self, name: str) -> EllipticCurvePublicKey | None:
        """Return the public key of this `kid`, or None when no key of ours has it.

        Raises:
            StoreUnavailableError: KMS did not answer, now or within the last few seconds.
        """
        key_id = self._ids.get(name)
        if key_id is None:
            return None
        with self._lock:
            if name not in self._keys:
                self._keys[name] = self._fetch(name, key_id)
            return self._keys[name]

    def public_keys(self) -> dict[str, object]:
        """Return the JWKS (RFC 7517) of every key that may have signed a live token. Raises StoreUnavailableError."""
        return {"keys": [self._public_key(name) for name in self._ids]}

    def _fetch(self, name: str, key_id: str) -> EllipticCurvePublicKey:
        now = self._clock.monotonic()
        unavailable = "The keys that verify access tokens cannot be read now. Try again."
        if now - self._failed_at.get(name, float("-inf")) < REFETCH_SECONDS:
            raise StoreUnavailableError(unavailable, retry_after_seconds=REFETCH_SECONDS)
        self._failed_at[name] = now
        with unavailable_as(StoreUnavailableError, unavailable):
            answer = self._client.get_public_key(KeyId=key_id)
        key = load_der_public_key(answer["PublicKey"])
        if not isinstance(key, EllipticCurvePublicKey) or not isinstance(key.curve, SECP256R1):
            raise ConfigurationError("A key of SIGNING_KEY_IDS is not of the kind ECC_NIST_P256.")
        del self._failed_at[name]
        return key

    def _public_key(self, name: str) -> dict[str, str]:
        key = self.find_public_key(name)
        if key is None:
            raise ConfigurationError("SIGNING_KEY_IDS changed while it was read.")
        numbers = key.public_numbers()
        return {
            "kty": "EC",
            "crv": "P-256",
            "x": encode_part(numbers.x.to_bytes(32)),
            "y": encode_part(numbers.y.to_bytes(32)),
            "use": "sig",
            "alg": "ES256",
            "kid": name,
        }
