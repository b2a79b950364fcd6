"""What our assertions say (RFC 7523), and that real libraries verify them."""

import json
from dataclasses import replace

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from evertoken.adapters.assertion_signer import RegistrationAssertionSigner
from evertoken.domain.assertion import AssertionShape, Audience, SigningAlgorithm, SigningKey
from evertoken.domain.errors import InvalidInputError
from evertoken.domain.request_shape import RFC_REFRESH, ClientAuthentication
from evertoken.protocol.assertion import client_assertion, grant_assertion
from tests.protocol.clients import NOW, make_ready, shape_provider

SECONDS = int(NOW.timestamp())
KEY = SigningKey(algorithm=SigningAlgorithm.ES256, key_id="k-1", certificate_thumbprint="tp-1")


def ready_to_sign(method="private_key_jwt", *, key=KEY, secret="s" * 32, private_key=None, **facts):
    return make_ready(
        shape_provider(**facts), method=method, signing_key=key, secret=secret, private_key=private_key
    )


def pem_of(key):
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def test_a_client_assertion_has_the_claims_of_rfc_7523_and_is_good_for_a_minute():
    made = client_assertion(ready_to_sign(), RFC_REFRESH, now=NOW, jti="j-1")
    assert made.header == {"alg": "ES256", "typ": "JWT", "kid": "k-1", "x5t#S256": "tp-1"}
    assert made.claims == {
        "iss": "client-1",
        "sub": "client-1",
        "aud": "https://login.example.com/token",
        "iat": SECONDS,
        "exp": SECONDS + 60,
        "jti": "j-1",
    }


def test_with_the_secret_the_algorithm_is_hs256_and_no_key_is_named():
    made = client_assertion(ready_to_sign("client_secret_jwt"), RFC_REFRESH, now=NOW, jti="j-1")
    assert made.header == {"alg": "HS256", "typ": "JWT"}


@pytest.mark.parametrize(
    ("audience", "issuer", "expected"),
    [
        (Audience.TOKEN_ENDPOINT, "https://as.example.com", "https://login.example.com/token"),
        (Audience.ISSUER, "https://as.example.com", "https://as.example.com"),
        (Audience.ISSUER, None, "https://login.example.com/token"),
        ("https://id.example.org", None, "https://id.example.org"),
    ],
)
def test_the_audience_is_one_value_and_the_one_that_the_entry_names(audience, issuer, expected):
    ready = ready_to_sign(issuer=issuer, client_assertion=AssertionShape(audience=audience))
    assert client_assertion(ready, RFC_REFRESH, now=NOW, jti="j").claims["aud"] == expected


def test_a_request_to_another_address_is_proved_to_the_same_audience():
    elsewhere = replace(RFC_REFRESH, url="https://evil.example.com/token")
    made = client_assertion(ready_to_sign(), elsewhere, now=NOW, jti="j")
    assert made.claims["aud"] == "https://login.example.com/token"


def test_claims_are_added_replaced_filled_and_left_out_as_the_entry_says():
    shape = AssertionShape(
        audience="https://id.example.org",
        lifetime_seconds=300,
        claims={"iss": "TEAM1", "app": "{client_id}", "nobody": "{nothing}"},
        omits=frozenset({"jti"}),
    )
    ready = ready_to_sign("signed_client_secret", client_assertion=shape)
    assert client_assertion(ready, RFC_REFRESH, now=NOW, jti="j").claims == {
        "iss": "TEAM1",
        "sub": "client-1",
        "app": "client-1",
        "aud": "https://id.example.org",
        "iat": SECONDS,
        "exp": SECONDS + 300,
    }


def test_a_grant_assertion_speaks_in_the_name_of_its_subject_and_can_carry_the_scope():
    shape = AssertionShape(claims={"scope": "{scope}"})
    ready = ready_to_sign(grant_assertion=shape)
    made = grant_assertion(ready, subject="ada@example.com", scopes=("a", "b"), now=NOW, jti="j")
    assert (made.claims["iss"], made.claims["sub"], made.claims["scope"]) == (
        "client-1",
        "ada@example.com",
        "a b",
    )
    without = grant_assertion(ready, subject="", scopes=(), now=NOW, jti="j")
    assert {"sub", "scope"}.isdisjoint(without.claims)


def test_without_a_key_an_assertion_is_refused_with_the_mend():
    ready = ready_to_sign(None, key=None)
    with pytest.raises(InvalidInputError, match="signing_key"):
        grant_assertion(ready, subject="ada", scopes=(), now=NOW, jti="j")
    with_secret = ready_to_sign(
        None, key=None, grant_assertion=AssertionShape(algorithms=(SigningAlgorithm.HS256,))
    )
    made = grant_assertion(with_secret, subject="ada", scopes=(), now=NOW, jti="j")
    assert made.header["alg"] == "HS256"
    with_key = replace(with_secret, registration=replace(with_secret.registration, signing_key=KEY))
    assert grant_assertion(with_key, subject="a", scopes=(), now=NOW, jti="j").header["alg"] == "ES256"
    with pytest.raises(InvalidInputError, match="signing_key"):
        grant_assertion(replace(with_secret, client_secret=None), subject="a", scopes=(), now=NOW, jti="j")


@pytest.mark.parametrize(
    ("algorithm", "private_key"),
    [
        (SigningAlgorithm.RS256, rsa.generate_private_key(public_exponent=65537, key_size=2048)),
        (SigningAlgorithm.PS256, rsa.generate_private_key(public_exponent=65537, key_size=2048)),
        (SigningAlgorithm.ES256, ec.generate_private_key(ec.SECP256R1())),
        (SigningAlgorithm.ES384, ec.generate_private_key(ec.SECP384R1())),
        (SigningAlgorithm.EDDSA, ed25519.Ed25519PrivateKey.generate()),
    ],
)
def test_what_the_signer_makes_of_it_verifies_with_the_public_key(algorithm, private_key):
    ready = ready_to_sign(key=SigningKey(algorithm=algorithm), private_key=pem_of(private_key))
    unsigned = client_assertion(ready, RFC_REFRESH, now=NOW, jti="j-1")
    signed = RegistrationAssertionSigner(lambda: pytest.fail("no KMS")).sign(ready, unsigned)
    claims = jwt.decode(
        signed,
        private_key.public_key(),
        algorithms=[algorithm.value],
        audience="https://login.example.com/token",
        options={"verify_exp": False, "verify_iat": False},
    )
    assert claims == json.loads(json.dumps(dict(unsigned.claims)))


def test_one_request_that_authenticates_by_the_secret_is_signed_with_the_secret():
    own = replace(RFC_REFRESH, client_authentication=ClientAuthentication.CLIENT_SECRET_JWT)
    assert client_assertion(ready_to_sign(), own, now=NOW, jti="j").header["alg"] == "HS256"
