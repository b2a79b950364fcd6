"""Assertions signed with a client registration's own key: its client secret, its private key, or a key that never leaves KMS (RFC 7515, RFC 7518)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from evertoken.adapters.aws_errors import RETRYABLE_CODES, error_code, unavailable_as
from evertoken.adapters.jws import encode_part, side_by_side, signing_input
from evertoken.domain.assertion import SigningAlgorithm, UnsignedAssertion
from evertoken.domain.errors import SignerUnavailableError, SigningKeyError
from evertoken.domain.ready_client import ReadyClient

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient
    from mypy_boto3_kms.literals import SigningAlgorithmSpecType

_KMS_ALGORITHMS: dict[SigningAlgorithm, SigningAlgorithmSpecType] = {
    SigningAlgorithm.RS256: "RSASSA_PKCS1_V1_5_SHA_256",
    SigningAlgorithm.PS256: "RSASSA_PSS_SHA_256",
    SigningAlgorithm.ES256: "ECDSA_SHA_256",
    SigningAlgorithm.ES384: "ECDSA_SHA_384",
    SigningAlgorithm.EDDSA: "ED25519_SHA_512",
}
_COORDINATE_BYTES = {SigningAlgorithm.ES256: 32, SigningAlgorithm.ES384: 48}


class RegistrationAssertionSigner:
    """`AssertionSigner`; *kms* is called for a client only when a registration has its key there."""

    def __init__(self, kms: Callable[[], KMSClient]) -> None:
        self._kms = kms

    def sign(self, ready: ReadyClient, unsigned: UnsignedAssertion) -> str:
        """Return the compact JWT of *unsigned*.

        Raises:
            SignerUnavailableError: KMS did not answer in time.
            SigningKeyError: KMS refuses, or the registration has no key of the algorithm.
        """
        algorithm = SigningAlgorithm(unsigned.header["alg"])
        signed = signing_input(unsigned.header, unsigned.claims)
        key = ready.registration.signing_key
        if algorithm is not SigningAlgorithm.HS256 and key is not None and key.kms_key_id is not None:
            signature = self._sign_in_kms(ready, key.kms_key_id, algorithm, signed.encode())
        else:
            signature = _sign_here(ready, algorithm, signed.encode())
        return f"{signed}.{encode_part(signature)}"

    def _sign_in_kms(
        self, ready: ReadyClient, key_id: str, algorithm: SigningAlgorithm, message: bytes
    ) -> bytes:
        with unavailable_as(SignerUnavailableError, "KMS did not sign in time. Try again."):
            try:
                answer = self._kms().sign(
                    KeyId=key_id,
                    Message=message,
                    MessageType="RAW",
                    SigningAlgorithm=_KMS_ALGORITHMS[algorithm],
                )
            except ClientError as error:
                if error_code(error) in RETRYABLE_CODES:
                    raise
                raise SigningKeyError(
                    f"KMS refuses to sign for the registration {ready.registration.registration_id} ({error_code(error)}). Its key must exist, be of "
                    f"the kind that {algorithm} needs, and be named in the stack's parameter AssertionKeyArns."
                ) from None
        size = _COORDINATE_BYTES.get(algorithm)
        return answer["Signature"] if size is None else side_by_side(answer["Signature"], size)


def _sign_here(ready: ReadyClient, algorithm: SigningAlgorithm, message: bytes) -> bytes:
    # Imported late: few registrations sign, and every function would pay for it.
    from jwt.algorithms import get_default_algorithms
    from jwt.exceptions import PyJWTError

    secret = ready.client_secret if algorithm is SigningAlgorithm.HS256 else ready.private_key
    if secret is None:
        raise SigningKeyError(
            f"The registration {ready.registration.registration_id} has no key for {algorithm}. An operator sets it: PUT /v1/registrations/{{id}}."
        )
    signer: Any = get_default_algorithms()[algorithm.value]
    try:
        signature: bytes = signer.sign(message, signer.prepare_key(secret))
    except (PyJWTError, ValueError, TypeError):
        # Whatever the library says may quote the key.
        raise SigningKeyError(
            f"The key of the registration {ready.registration.registration_id} does not sign {algorithm}. An operator sets it again: PUT /v1/registrations/{{id}}."
        ) from None
    return signature
