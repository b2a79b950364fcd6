"""Our own access tokens: signed by KMS, verified in process; every forgery of security facts 2c meets one constant refusal."""

import base64
import hashlib
import hmac
import json

import boto3
import jwt
import pytest
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from evertoken.adapters.access_token_verifier import AccessTokenVerifier
from evertoken.adapters.kms_token_keys import KmsTokenKeys, key_name
from evertoken.adapters.kms_token_signer import KmsTokenSigner
from evertoken.domain.errors import AuthenticationError, ConfigurationError, StoreUnavailableError
from tests.fakes.clock import FakeClock
from tests.support.aws_account import create_signing_key, open_aws_account

ISSUER = "https://api.example"
LIFETIME = 900


class Identity:
    """A signer and a verifier on one KMS key, and a way to sign what no signer would."""

    def __init__(self):
        self.kms, self.clock = boto3.client("kms"), FakeClock()
        self.key_id = create_signing_key(self.kms)
        self.keys = KmsTokenKeys(self.kms, key_ids=(self.key_id,), clock=self.clock)
        self.signer = KmsTokenSigner(self.kms, keys=self.keys)
        self.verifier = AccessTokenVerifier(self.keys, lifetime_seconds=LIFETIME, clock=self.clock)

    def claims(self, **changes):
        now = int(self.clock.now().timestamp())
        claims = {
            "iss": ISSUER,
            "aud": "evertoken",
            "sub": "cli_a",
            "tenant": "acme",
            "scope": "tokens:read connections:read",
            "iat": now,
            "exp": now + LIFETIME,
            "jti": "j",
            **changes,
        }
        return {name: value for name, value in claims.items() if value is not ABSENT}

    def header(self, **changes):
        header = {"alg": "ES256", "typ": "at+jwt", "kid": key_name(self.key_id), **changes}
        return {name: value for name, value in header.items() if value is not ABSENT}

    def sign(self, header, claims):
        """Sign with the real key, whatever is signed: text is taken as it is."""
        signed = f"{encode(header)}.{encode(claims)}"
        answer = self.kms.sign(
            KeyId=self.key_id,
            Message=signed.encode(),
            MessageType="RAW",
            SigningAlgorithm="ECDSA_SHA_256",
        )
        r, s = decode_dss_signature(answer["Signature"])
        return f"{signed}.{b64(r.to_bytes(32) + s.to_bytes(32))}"

    def refuses(self, token):
        with pytest.raises(AuthenticationError) as refusal:
            self.verifier.get_caller(token, issuer=ISSUER)
        return refusal.value.message == AuthenticationError().message


ABSENT = object()


def encode(part):
    return b64((part if isinstance(part, str) else json.dumps(part)).encode())


def b64(content):
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


@pytest.fixture(scope="module")
def identity():
    with open_aws_account():
        yield Identity()


def test_a_signed_token_names_its_caller(identity):
    token = identity.signer.sign(identity.claims())

    caller = identity.verifier.get_caller(token, issuer=ISSUER)

    assert (caller.client_id, caller.tenant_id) == ("cli_a", "acme")
    assert caller.scopes == {"tokens:read", "connections:read"}


def test_a_token_without_a_tenant_is_the_operators(identity):
    token = identity.signer.sign(identity.claims(tenant=ABSENT, scope="operator"))

    assert identity.verifier.get_caller(token, issuer=ISSUER).tenant_id is None


def test_others_can_verify_our_tokens_with_the_published_keys(identity):
    token = identity.signer.sign(identity.claims())
    key = jwt.PyJWKSet.from_dict(identity.signer.public_keys())[jwt.get_unverified_header(token)["kid"]]

    decoded = jwt.decode(
        token,
        key,
        algorithms=["ES256"],
        audience="evertoken",
        issuer=ISSUER,
        options={"verify_exp": False, "verify_iat": False},
    )

    assert decoded["sub"] == "cli_a"


BAD_CLAIMS = {
    "issuer of another": {"iss": "https://evil.example"},
    "issuer with a slash": {"iss": ISSUER + "/"},
    "issuer prefix": {"iss": ISSUER[:-1]},
    "issuer missing": {"iss": ABSENT},
    "audience of another": {"aud": "other"},
    "audience as a list with us": {"aud": ["evertoken", "other"]},
    "audience as a list of us": {"aud": ["evertoken"]},
    "audience missing": {"aud": ABSENT},
    "subject a number": {"sub": 1},
    "subject empty": {"sub": ""},
    "subject missing": {"sub": ABSENT},
    "tenant empty": {"tenant": ""},
    "tenant a list": {"tenant": ["acme"]},
    "tenant a number": {"tenant": 1},
    "scope a list": {"scope": ["operator"]},
    "scope missing": {"scope": ABSENT},
    "jti missing": {"jti": ABSENT},
    "exp missing": {"exp": ABSENT},
    "exp text": {"exp": "9999999999"},
    "exp a float": {"exp": 1795262999.5},
    "exp true": {"exp": True},
    "exp a list": {"exp": [9999999999]},
    "exp null": {"exp": None},
    "exp negative": {"exp": -1},
    "iat missing": {"iat": ABSENT},
    "iat text": {"iat": "1"},
    "iat true": {"iat": True},
}


@pytest.mark.parametrize("changes", BAD_CLAIMS.values(), ids=BAD_CLAIMS.keys())
def test_claims_that_are_not_exactly_ours_are_refused(identity, changes):
    assert identity.refuses(identity.sign(identity.header(), identity.claims(**changes)))


@pytest.mark.parametrize(
    ("issued", "expires"),
    [(-900, 0), (-3600, -1), (0, 315_360_000), (0, 901), (61, 600), (0, 0), (10, 5)],
    ids=[
        "just expired",
        "long expired",
        "ten years",
        "a second too long",
        "from the future",
        "no life",
        "backwards",
    ],
)
def test_times_that_do_not_fit_are_refused(identity, issued, expires):
    now = int(identity.clock.now().timestamp())

    assert identity.refuses(
        identity.sign(identity.header(), identity.claims(iat=now + issued, exp=now + expires))
    )


def test_a_token_works_until_the_second_before_its_end(identity):
    now = int(identity.clock.now().timestamp())
    token = identity.sign(identity.header(), identity.claims(iat=now - 899, exp=now + 1))

    assert identity.verifier.get_caller(token, issuer=ISSUER).client_id == "cli_a"


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e308", "1" + "0" * 5000])
def test_numbers_that_are_none_are_refused(identity, number):
    claims = json.dumps(identity.claims(exp=0)).replace('"exp": 0', f'"exp": {number}')

    assert identity.refuses(identity.sign(identity.header(), claims))


BAD_HEADERS = {
    "typ JWT": {"typ": "JWT"},
    "typ absent": {"typ": ABSENT},
    "typ other case": {"typ": "AT+JWT"},
    "alg none": {"alg": "none"},
    "alg nOnE": {"alg": "nOnE"},
    "alg HS256": {"alg": "HS256"},
    "alg other case": {"alg": "es256"},
    "kid absent": {"kid": ABSENT},
    "kid unknown": {"kid": "0" * 16},
    "kid a path": {"kid": "../../x"},
    "kid SQL": {"kid": "' OR 1=1 --"},
    "kid a list": {"kid": ["x"]},
    "kid null": {"kid": None},
    "crit": {"crit": ["b64"]},
    "b64 false": {"b64": False},
    "embedded jwk": {"jwk": {"kty": "EC"}},
    "jku": {"jku": "https://evil.example"},
    "x5u": {"x5u": "https://evil.example"},
    "cty": {"cty": "JWT"},
}


@pytest.mark.parametrize("changes", BAD_HEADERS.values(), ids=BAD_HEADERS.keys())
def test_headers_that_are_not_exactly_ours_are_refused(identity, changes):
    assert identity.refuses(identity.sign(identity.header(**changes), identity.claims()))


def test_a_claim_or_header_said_twice_is_refused(identity):
    twice = json.dumps(identity.claims())[:-1] + ', "tenant": "other"}'
    header_twice = json.dumps(identity.header())[:-1] + ', "alg": "ES256"}'

    assert identity.refuses(identity.sign(identity.header(), twice))
    assert identity.refuses(identity.sign(header_twice, identity.claims()))


def test_a_token_of_another_key_is_refused(identity):
    key = ec.generate_private_key(ec.SECP256R1())
    forged = jwt.encode(
        identity.claims(), key, algorithm="ES256", headers={"typ": "at+jwt", "kid": key_name(identity.key_id)}
    )

    assert identity.refuses(forged)


def test_a_token_signed_with_our_public_key_as_a_password_is_refused(identity):
    pem = identity.keys.find_public_key(key_name(identity.key_id)).public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    signed = f"{encode(identity.header(alg='HS256'))}.{encode(identity.claims())}"
    assert identity.refuses(f"{signed}.{b64(hmac.digest(pem, signed.encode(), hashlib.sha256))}")


def test_mangled_tokens_are_refused(identity):
    token = identity.signer.sign(identity.claims())
    header, claims, signature = token.split(".")
    other = encode(identity.claims(tenant="other"))
    last = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    neighbour = last[last.index(signature[-1]) ^ 1]
    mangled = {
        "empty": "",
        "dots": "..",
        "tampered": f"{header}.{other}.{signature}",
        "no signature": f"{header}.{claims}.",
        "two parts": f"{header}.{claims}",
        "four parts": f"{token}.x",
        "padding": f"{header}.{claims}.{signature}==",
        "another spelling of the last bits": f"{header}.{claims}.{signature[:-1]}{neighbour}",
        "newline": token + "\n",
        "space": f"{header}. {claims}.{signature}",
        "JSON serialization": json.dumps({"protected": header, "payload": claims, "signature": signature}),
        "a megabyte": "a" * 1_000_000,
        "zero signature": f"{header}.{claims}.{b64(bytes(64))}",
        "not ASCII": f"{header}.{claims}é.{signature}",
        "deep": identity.sign(identity.header(), "[" * 1500),
        "claims not an object": identity.sign(identity.header(), "[]"),
    }

    assert [name for name, forged in mangled.items() if not identity.refuses(forged)] == []


def test_old_and_new_keys_verify_during_the_overlap_and_the_first_named_signs(identity):
    kms, clock, one, two = identity.kms, identity.clock, identity.key_id, create_signing_key(identity.kms)
    overlap = KmsTokenKeys(kms, key_ids=(two, one), clock=clock)
    after = KmsTokenKeys(kms, key_ids=(two,), clock=clock)
    old = identity.signer.sign(identity.claims())
    new = KmsTokenSigner(kms, keys=overlap).sign(identity.claims())

    def accepts(keys, token):
        verifier = AccessTokenVerifier(keys, lifetime_seconds=LIFETIME, clock=clock)
        try:
            return verifier.get_caller(token, issuer=ISSUER).client_id == "cli_a"
        except AuthenticationError:
            return False

    assert jwt.get_unverified_header(new)["kid"] == key_name(two)
    assert [accepts(overlap, old), accepts(overlap, new)] == [True, True]
    assert [accepts(after, old), accepts(after, new)] == [False, True]
    assert [key["kid"] for key in overlap.public_keys()["keys"]] == [key_name(two), key_name(one)]


class CountingKms:
    """KMS that counts, and fails when it is told to."""

    def __init__(self, client):
        self.client, self.calls, self.fails = client, 0, False

    def get_public_key(self, **parameters):
        self.calls += 1
        if self.fails:
            raise ClientError({"Error": {"Code": "KMSInternalException"}}, "GetPublicKey")
        return self.client.get_public_key(**parameters)


def test_a_flood_of_unknown_keys_costs_no_call_and_a_known_key_costs_one(identity):
    kms = CountingKms(identity.kms)
    keys = KmsTokenKeys(kms, key_ids=(identity.key_id,), clock=identity.clock)
    verifier = AccessTokenVerifier(keys, lifetime_seconds=LIFETIME, clock=identity.clock)
    unknown = identity.sign(identity.header(kid="f" * 16), identity.claims())

    for _ in range(100):
        with pytest.raises(AuthenticationError):
            verifier.get_caller(unknown, issuer=ISSUER)
    assert kms.calls == 0
    for _ in range(100):
        verifier.get_caller(identity.signer.sign(identity.claims()), issuer=ISSUER)
    assert kms.calls == 1


def test_while_kms_fails_it_is_asked_once_in_five_seconds(identity):
    kms, clock = CountingKms(identity.kms), FakeClock()
    keys = KmsTokenKeys(kms, key_ids=(identity.key_id,), clock=clock)
    kms.fails = True

    for _ in range(20):
        with pytest.raises(StoreUnavailableError):
            keys.find_public_key(key_name(identity.key_id))
    assert kms.calls == 1
    clock.advance(5)
    kms.fails = False
    assert keys.find_public_key(key_name(identity.key_id)) is not None


def test_without_a_key_nothing_is_wired():
    with pytest.raises(ConfigurationError, match="SIGNING_KEY_IDS"):
        KmsTokenKeys(None, key_ids=(), clock=FakeClock())
