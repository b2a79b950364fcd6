"""The signer of assertions: what it signs, a library that is not ours verifies, with keys in PEM, in KMS and as secrets."""

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime

import boto3
import jwt
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_public_key,
)

from evertoken.adapters.assertion_signer import RegistrationAssertionSigner
from evertoken.domain.assertion import SigningAlgorithm, SigningKey, UnsignedAssertion
from evertoken.domain.errors import SignerUnavailableError, SigningKeyError
from evertoken.domain.provider import Provider
from evertoken.domain.ready_client import ReadyClient
from evertoken.domain.registration import ClientRegistration
from tests.support.aws_account import open_aws_account

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
CLAIMS = {"iss": "client-1", "sub": "client-1", "aud": "https://login.example.com", "jti": "once"}
REGISTRATION = ClientRegistration(
    registration_id="reg-1",
    provider_id="own",
    client_id="client-1",
    tenants=("*",),
    created_at=NOW,
    updated_at=NOW,
)
RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
KEYS = {
    "RS256": RSA_KEY,
    "PS256": RSA_KEY,
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "ES384": ec.generate_private_key(ec.SECP384R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate(),
}


def pem(key, form=PrivateFormat.PKCS8, encryption=None):
    return key.private_bytes(Encoding.PEM, form, encryption or NoEncryption()).decode()


def ready(algorithm, *, private_key=None, kms_key_id=None, client_secret=None):
    key = SigningKey(algorithm=SigningAlgorithm(algorithm), kms_key_id=kms_key_id)
    return ReadyClient(
        provider=Provider(provider_id="own", name="Own", token_endpoint="https://login.example.com/token"),
        registration=replace(REGISTRATION, signing_key=key),
        client_secret=client_secret,
        private_key=private_key,
    )


def sign(signer, client, algorithm):
    return signer.sign(client, UnsignedAssertion(header={"alg": algorithm, "kid": "k1"}, claims=CLAIMS))


def no_kms():
    raise AssertionError("KMS was asked")


@pytest.mark.parametrize("algorithm", KEYS)
def test_what_a_private_key_signs_its_public_key_verifies(algorithm):
    token = sign(
        RegistrationAssertionSigner(no_kms), ready(algorithm, private_key=pem(KEYS[algorithm])), algorithm
    )
    public = KEYS[algorithm].public_key()
    assert jwt.decode(token, public, algorithms=[algorithm], audience=CLAIMS["aud"]) == CLAIMS
    assert jwt.get_unverified_header(token) == {"alg": algorithm, "kid": "k1"}


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_keys_in_the_older_forms_of_pem_sign_as_well(algorithm):
    key = pem(KEYS[algorithm], PrivateFormat.TraditionalOpenSSL)
    token = sign(RegistrationAssertionSigner(no_kms), ready(algorithm, private_key=key), algorithm)
    assert (
        jwt.decode(token, KEYS[algorithm].public_key(), algorithms=[algorithm], audience=CLAIMS["aud"])
        == CLAIMS
    )


def test_a_client_secret_signs_even_beside_a_key_in_kms():
    client = ready(
        "RS256", kms_key_id="arn:aws:kms:eu-central-1:123456789012:key/1", client_secret="s: % + & é" * 4
    )
    token = sign(RegistrationAssertionSigner(no_kms), client, "HS256")
    assert jwt.decode(token, client.client_secret, algorithms=["HS256"], audience=CLAIMS["aud"]) == CLAIMS


@pytest.mark.parametrize(
    ("algorithm", "spec"),
    # Without PS256: moto salts it as long as it can, KMS as long as the digest, which is what JWS asks for.
    [("RS256", "RSA_2048"), ("ES256", "ECC_NIST_P256"), ("ES384", "ECC_NIST_P384")],
)
def test_what_kms_signs_its_public_key_verifies(algorithm, spec):
    with open_aws_account():
        kms = boto3.client("kms")
        key_id = kms.create_key(KeySpec=spec, KeyUsage="SIGN_VERIFY")["KeyMetadata"]["Arn"]
        token = sign(RegistrationAssertionSigner(lambda: kms), ready(algorithm, kms_key_id=key_id), algorithm)
        public = load_der_public_key(kms.get_public_key(KeyId=key_id)["PublicKey"])
    assert jwt.decode(token, public, algorithms=[algorithm], audience=CLAIMS["aud"]) == CLAIMS


class Refusing:
    """A KMS client that answers every signature with an error."""

    def __init__(self, error):
        self._error = error

    def sign(self, **_):
        raise self._error


def refusal(code):
    return ClientError({"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": 400}}, "Sign")


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (refusal("AccessDeniedException"), SigningKeyError),
        (refusal("NotFoundException"), SigningKeyError),
        (refusal("DisabledException"), SigningKeyError),
        (refusal("ThrottlingException"), SignerUnavailableError),
        (refusal("KMSInternalException"), SignerUnavailableError),
        (EndpointConnectionError(endpoint_url="https://kms"), SignerUnavailableError),
    ],
)
def test_a_refusal_of_kms_is_told_from_a_hiccup(error, kind):
    signer = RegistrationAssertionSigner(lambda: Refusing(error))
    with pytest.raises(SignerUnavailableError) as raised:
        sign(signer, ready("RS256", kms_key_id="key"), "RS256")
    assert type(raised.value) is kind
    assert raised.value.retryable is (kind is SignerUnavailableError)


@pytest.mark.parametrize(
    ("algorithm", "private_key"),
    [
        ("RS256", None),
        ("RS256", "no key at all"),
        ("RS256", pem(KEYS["ES256"])),
        ("ES256", pem(RSA_KEY)),
        ("EdDSA", pem(RSA_KEY)),
        ("RS256", pem(RSA_KEY, encryption=BestAvailableEncryption(b"password"))),
    ],
)
def test_a_key_that_cannot_sign_is_the_operators_to_mend_and_is_never_shown(algorithm, private_key):
    with pytest.raises(SigningKeyError, match="reg-1") as raised:
        sign(RegistrationAssertionSigner(no_kms), ready(algorithm, private_key=private_key), algorithm)
    assert raised.value.__cause__ is None
    assert "PRIVATE" not in str(raised.value)


def test_an_assertion_is_signed_as_it_is_written():
    token = sign(RegistrationAssertionSigner(no_kms), ready("RS256", private_key=pem(RSA_KEY)), "RS256")
    _, claims, _ = token.split(".")
    assert json.loads(base64.urlsafe_b64decode(claims + "==")) == CLAIMS


def test_a_ready_client_shows_neither_secret_nor_key():
    shown = repr(ready("RS256", private_key="the private key", client_secret="the secret"))
    assert "the private key" not in shown
    assert "the secret" not in shown
