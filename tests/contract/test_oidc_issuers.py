"""Tokens of external OIDC issuers: what they sign is taken (a real one in `tests/api/test_api_clients.py`), every forgery is refused alike, and an issuer is asked seldom."""

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass, field

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from evertoken.adapters.oidc_issuers import (
    KEPT_SECONDS,
    LONGEST_ASSERTION,
    MAX_DOCUMENT_BYTES,
    REFETCH_SECONDS,
    RETRY_SECONDS,
    OidcIssuers,
)
from evertoken.domain.errors import AuthenticationError, ProviderUnavailableError
from evertoken.domain.http import HttpAnswer, NoAnswer, NotSent
from tests.fakes.clock import FakeClock

ISSUER = "https://id.example/realms/a"
ABSENT = object()


def public_jwk(key, name, **members):
    kind = RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else ECAlgorithm
    jwk = {**kind.to_jwk(key.public_key(), as_dict=True), "kid": name, "use": "sig", **members}
    return {name: value for name, value in jwk.items() if value is not ABSENT}


RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
SMALL_KEY = rsa.generate_private_key(public_exponent=65537, key_size=1024)
EC_KEY = ec.generate_private_key(ec.SECP256R1())
P384_KEY = ec.generate_private_key(ec.SECP384R1())
KEYS = {
    "rsa": RSA_KEY,
    "ec": EC_KEY,
    "pinned": RSA_KEY,
    "small": SMALL_KEY,
    "p384": P384_KEY,
    "encryption": RSA_KEY,
}
JWKS = [
    public_jwk(RSA_KEY, "rsa"),
    public_jwk(EC_KEY, "ec", alg="ES256"),
    public_jwk(RSA_KEY, "pinned", alg="PS256"),
    public_jwk(SMALL_KEY, "small"),
    public_jwk(P384_KEY, "p384"),
    public_jwk(RSA_KEY, "encryption", use="enc"),
    {"kty": "oct", "kid": "secret", "k": base64.urlsafe_b64encode(b"k" * 32).decode()},
    {**RSAAlgorithm.to_jwk(RSA_KEY, as_dict=True), "kid": "private", "key_ops": ["verify"]},
    public_jwk(RSA_KEY, ABSENT),
    "not a key",
    {"kty": "RSA", "kid": "broken", "n": "!", "e": "AQAB"},
]


@dataclass
class Site:
    """`ProviderTransport` of one issuer; `documents` may be replaced by exchanges."""

    documents: dict = field(default_factory=dict)
    asked: list = field(default_factory=list)

    def __post_init__(self):
        self.documents = {
            f"{ISSUER}/.well-known/openid-configuration": {"issuer": ISSUER, "jwks_uri": "https://keys.example/jwks?a=1"},
            "https://keys.example/jwks?a=1": {"keys": JWKS},
        }  # fmt: skip

    def send(self, request, *, timeout_seconds):
        assert (request.method, timeout_seconds) == ("GET", 3.0)
        self.asked.append(request.url)
        answer = self.documents[request.url]
        if isinstance(answer, dict):
            answer = HttpAnswer(status=200, headers={}, body=json.dumps(answer).encode())
        return answer

    def publish(self, *keys):
        self.documents["https://keys.example/jwks?a=1"] = {"keys": list(keys)}


@dataclass
class World:
    site: Site = field(default_factory=Site)
    clock: FakeClock = field(default_factory=FakeClock)
    refusals: set = field(default_factory=set)

    def __post_init__(self):
        self.issuers = OidcIssuers(self.site, clock=self.clock, allow_loopback=False)

    def claims(self, **changes):
        now = int(self.clock.now().timestamp())
        claims = {"iss": ISSUER, "sub": "robot", "aud": "evertoken", "iat": now, "exp": now + 300, **changes}
        return {name: value for name, value in claims.items() if value is not ABSENT}

    def token(self, claims=None, *, name="rsa", algorithm="RS256", key=None, **header):
        claims = self.claims() if claims is None else claims
        text = claims if isinstance(claims, str) else json.dumps(claims)
        header = {"alg": algorithm, "kid": name, "typ": "JWT", **header}
        return sign(
            {k: v for k, v in header.items() if v is not ABSENT},
            text,
            algorithm,
            key or KEYS.get(name, RSA_KEY),
        )

    def accepts(self, token):
        try:
            return self.issuers.get_claims(token, issuer=ISSUER)["sub"] == "robot"
        except AuthenticationError as error:
            self.refusals.add(error.message)
            return False


def b64(content):
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def sign(header, text, algorithm, key):
    """Sign with the real key, whatever is signed."""
    signed = f"{b64(json.dumps(header).encode())}.{b64(text.encode())}"
    method = jwt.get_algorithm_by_name(algorithm)
    return f"{signed}.{b64(method.sign(signed.encode(), key))}"


@pytest.fixture
def world():
    return World()


@pytest.mark.parametrize(
    ("name", "algorithm"), [("rsa", "RS256"), ("rsa", "PS256"), ("ec", "ES256"), ("pinned", "PS256")]
)
@pytest.mark.parametrize("typ", ["JWT", "jwt", "at+jwt", "application/at+jwt", ABSENT])
def test_what_the_issuer_signed_is_taken(world, name, algorithm, typ):
    assert world.accepts(world.token(name=name, algorithm=algorithm, typ=typ))


def test_claims_that_say_less_or_more_precisely_are_taken(world):
    now = world.clock.now().timestamp()
    for changes in (
        {"iat": ABSENT},
        {"aud": ABSENT},
        {"aud": ["a", "b"]},
        {"exp": now + 0.5},
        {"iat": now + 60, "nbf": now + 60},
        {"email": "é"},
    ):
        assert world.accepts(world.token(world.claims(**changes))), changes


BAD_CLAIMS = {
    "issuer of another": {"iss": "https://evil.example"},
    "issuer with a slash": {"iss": ISSUER + "/"},
    "issuer a list": {"iss": [ISSUER]},
    "issuer missing": {"iss": ABSENT},
    "subject missing": {"sub": ABSENT},
    "subject empty": {"sub": ""},
    "subject a number": {"sub": 7},
    "exp missing": {"exp": ABSENT},
    "exp null": {"exp": None},
    "exp text": {"exp": "9999999999"},
    "exp true": {"exp": True},
    "exp a list": {"exp": [9999999999]},
    "exp negative": {"exp": -1},
    "exp after the year 9999": {"exp": 253_402_300_800},
    "iat text": {"iat": "1"},
    "iat null": {"iat": None},
    "iat true": {"iat": True},
    "nbf text": {"nbf": "1"},
    "a logout token": {"events": {"http://schemas.openid.net/event/backchannel-logout": {}}},
}


@pytest.mark.parametrize("changes", BAD_CLAIMS.values(), ids=BAD_CLAIMS.keys())
def test_claims_that_do_not_fit_are_refused(world, changes):
    assert not world.accepts(world.token(world.claims(**changes)))


@pytest.mark.parametrize(
    "times", [{"exp": 0}, {"exp": -1}, {"iat": 61}, {"nbf": 61}, {"exp": -31_536_000, "iat": -31_540_000}]
)
def test_times_that_are_over_or_to_come_are_refused(world, times):
    now = int(world.clock.now().timestamp())

    assert not world.accepts(
        world.token(world.claims(**{name: now + offset for name, offset in times.items()}))
    )


@pytest.mark.parametrize(
    "number", ["NaN", "Infinity", "-Infinity", "1e308", "1e999", "1" + "0" * 400, "1" + "0" * 5000]
)
def test_numbers_that_are_no_instants_are_refused(world, number):
    claims = json.dumps(world.claims(exp=0)).replace('"exp": 0', f'"exp": {number}')

    assert not world.accepts(world.token(claims))


def test_payloads_that_are_no_claims_are_refused(world):
    twice = json.dumps(world.claims())[:-1] + ', "sub": "robot"}'
    for payload in (twice, "[]", '"x"', "{", "[" * 5000, "", "\ud7ff".encode().decode()):
        assert not world.accepts(world.token(payload)), payload[:20]


BAD_HEADERS = {
    "alg none": {"alg": "none"},
    "alg nOnE": {"alg": "nOnE"},
    "alg HS256": {"alg": "HS256"},
    "alg RS512": {"alg": "RS512"},
    "alg absent": {"alg": ABSENT},
    "alg a list": {"alg": ["RS256"]},
    "typ of a logout token": {"typ": "logout+jwt"},
    "typ of a DPoP proof": {"typ": "dpop+jwt"},
    "typ a list": {"typ": ["JWT"]},
    "kid absent": {"kid": ABSENT},
    "kid a list": {"kid": ["rsa"]},
    "kid a path": {"kid": "../../rsa"},
    "crit": {"crit": ["exp"]},
    "b64 false": {"b64": False, "crit": ["b64"]},
    "b64 alone": {"b64": False},
}


@pytest.mark.parametrize("changes", BAD_HEADERS.values(), ids=BAD_HEADERS.keys())
def test_headers_that_change_what_is_meant_are_refused(world, changes):
    assert not world.accepts(world.token(**changes))


def test_keys_in_the_header_are_nobodys(world):
    thief = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    for extra in (
        {"jwk": public_jwk(thief, "rsa")},
        {"jku": "https://evil.example/jwks"},
        {"x5u": "https://evil.example/x5u"},
    ):
        assert not world.accepts(world.token(key=thief, **extra))
    assert all("evil" not in url for url in world.site.asked)


@pytest.mark.parametrize(
    ("name", "algorithm", "key"),
    [
        ("pinned", "RS256", RSA_KEY),
        ("ec", "ES256", ec.generate_private_key(ec.SECP256R1())),
        ("small", "RS256", SMALL_KEY),
        ("p384", "ES384", P384_KEY),
        ("p384", "ES256", EC_KEY),
        ("encryption", "RS256", RSA_KEY),
        ("private", "RS256", RSA_KEY),
        ("broken", "RS256", RSA_KEY),
        ("secret", "HS256", b"k" * 32),
        ("unknown", "RS256", RSA_KEY),
    ],
    ids=["algorithm of another kind", "other key", "small", "P-384", "P-384 as P-256", "for encryption", "private", "broken", "symmetric", "unknown"],
)  # fmt: skip
def test_keys_that_may_not_sign_so_are_refused(world, name, algorithm, key):
    assert not world.accepts(world.token(name=name, algorithm=algorithm, key=key))


def test_a_public_key_is_no_password(world):
    for form in (serialization.PublicFormat.SubjectPublicKeyInfo, serialization.PublicFormat.PKCS1):
        pem = RSA_KEY.public_key().public_bytes(serialization.Encoding.PEM, form)
        header = {"alg": "HS256", "typ": "JWT", "kid": "rsa"}
        signed = f"{b64(json.dumps(header).encode())}.{b64(json.dumps(world.claims()).encode())}"
        assert not world.accepts(f"{signed}.{b64(hmac.digest(pem, signed.encode(), hashlib.sha256))}")


def test_mangled_tokens_are_refused(world):
    token = world.token()
    header, claims, signature = token.split(".")
    mangled = {
        "empty": "",
        "dots": "..",
        "tampered": f"{header}.{b64(json.dumps(world.claims(sub='other')).encode())}.{signature}",
        "no signature": f"{header}.{claims}.",
        "two parts": f"{header}.{claims}",
        "four parts": f"{token}.x",
        "encrypted": f"{token}.x.y",
        "space": f" {token}",
        "not ASCII": f"{token}é",
        "JSON serialization": json.dumps({"protected": header, "payload": claims, "signature": signature}),
        "header no object": f"{b64(b'[]')}.{claims}.{signature}",
        "header too deep": f"{b64(b'[' * 3000)}.{claims}.{signature}",
        "long": world.token(world.claims(pad="x" * LONGEST_ASSERTION)),
        "a megabyte": "a" * 1_000_000,
    }

    assert [name for name, forged in mangled.items() if world.accepts(forged)] == []
    assert world.refusals == {AuthenticationError().message}


def test_an_issuer_is_asked_once_in_15_minutes_and_what_it_withdrew_is_refused_then(world):
    token = world.token(world.claims(exp=2e9))
    for _ in range(50):
        assert world.accepts(token)
    assert len(world.site.asked) == 2
    world.site.publish(public_jwk(EC_KEY, "ec"))
    world.clock.advance(KEPT_SECONDS - 1)
    assert world.accepts(token)
    world.clock.advance(1)
    assert not world.accepts(token)


def test_a_new_key_is_fetched_at_once_and_a_flood_of_unknown_ones_once_in_five_minutes(world):
    assert world.accepts(world.token())
    world.site.publish(*JWKS, public_jwk(EC_KEY, "next"))
    assert world.accepts(world.token(name="next", algorithm="ES256", key=EC_KEY))
    assert len(world.site.asked) == 4
    for number in range(200):
        assert not world.accepts(world.token(name=f"made-up-{number}"))
        world.clock.advance(1.49)
    assert len(world.site.asked) == 4
    world.clock.advance(REFETCH_SECONDS - 200 * 1.49)
    assert not world.accepts(world.token(name="made-up"))
    assert len(world.site.asked) == 6


DISCOVERY = f"{ISSUER}/.well-known/openid-configuration"
GOOD_BODY = json.dumps({"issuer": ISSUER, "jwks_uri": "https://keys.example/jwks?a=1"}).encode()
BAD_DOCUMENTS = {
    "no answer": (DISCOVERY, NoAnswer(reason="timeout")),
    "not sent": (DISCOVERY, NotSent(reason="address_refused")),
    "a redirect": (
        DISCOVERY,
        HttpAnswer(status=302, headers={"location": "https://evil.example"}, body=GOOD_BODY),
    ),
    "an error": (DISCOVERY, HttpAnswer(status=500, headers={}, body=GOOD_BODY)),
    "no JSON": (DISCOVERY, HttpAnswer(status=200, headers={}, body=b"<html>")),
    "no object": (DISCOVERY, HttpAnswer(status=200, headers={}, body=b"[]")),
    "too deep": (DISCOVERY, HttpAnswer(status=200, headers={}, body=b"[" * 100_000)),
    "too long": (DISCOVERY, HttpAnswer(status=200, headers={}, body=b" " * (MAX_DOCUMENT_BYTES + 1))),
    "another issuer": (DISCOVERY, {"issuer": ISSUER + "/", "jwks_uri": "https://keys.example/jwks?a=1"}),
    "no keys named": (DISCOVERY, {"issuer": ISSUER}),
    "keys over http": (DISCOVERY, {"issuer": ISSUER, "jwks_uri": "http://keys.example/jwks"}),
    "keys in a file": (DISCOVERY, {"issuer": ISSUER, "jwks_uri": "file:///etc/passwd"}),
    "keys a list": (DISCOVERY, {"issuer": ISSUER, "jwks_uri": ["https://keys.example/jwks?a=1"]}),
    "no key set": ("https://keys.example/jwks?a=1", NoAnswer(reason="timeout")),
}


@pytest.mark.parametrize(("url", "answer"), BAD_DOCUMENTS.values(), ids=BAD_DOCUMENTS.keys())
def test_an_issuer_that_cannot_be_asked_is_unavailable_and_left_alone_for_a_while(world, url, answer):
    world.site.documents[url], good = answer, world.site.documents[url]

    for _ in range(5):
        with pytest.raises(ProviderUnavailableError) as refusal:
            world.issuers.get_claims(world.token(), issuer=ISSUER)
        assert refusal.value.retry_after_seconds == RETRY_SECONDS
    assert len(world.site.asked) <= 2
    assert set(world.site.asked) <= {DISCOVERY, "https://keys.example/jwks?a=1"}
    world.site.documents[url] = good
    world.clock.advance(RETRY_SECONDS)
    assert world.accepts(world.token())


@pytest.mark.parametrize("document", [{}, {"keys": None}, {"keys": {}}, {"keys": []}])
def test_without_a_key_nothing_is_verified(world, document):
    world.site.documents["https://keys.example/jwks?a=1"] = document

    assert not world.accepts(world.token())
