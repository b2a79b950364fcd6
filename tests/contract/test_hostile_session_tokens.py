"""Every hostile token of security facts 2c, on every route that takes a session's token or an API client's: one constant 401."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from evertoken.adapters import aws_clients
from evertoken.adapters.kms_token_keys import KmsTokenKeys, key_name
from evertoken.adapters.kms_token_signer import KmsTokenSigner
from evertoken.adapters.session_token_verifier import SessionTokenVerifier
from evertoken.domain.errors import AuthenticationError
from evertoken.domain.session import SessionTiming
from tests.fakes.clock import FakeClock
from tests.support.aws_account import create_signing_key
from tests.support.control_plane import DOMAIN, ControlPlane, open_control_plane

ISSUER = f"https://{DOMAIN}"
ABSENT = object()
SCOPES = ("sessions:read", "sessions:write")


def b64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def encode(part: Any) -> str:
    return b64((part if isinstance(part, str) else json.dumps(part)).encode())


@dataclass
class Forge:
    """Signs with the installation's own key whatever is asked, for one of the two audiences."""

    plane: ControlPlane
    kind: str
    session_id: str
    good: dict[str, Any]

    @property
    def key_id(self):
        return self.plane.account.signing_key_ids[0]

    def header(self, **changes):
        header = {"alg": "ES256", "typ": "at+jwt", "kid": key_name(self.key_id), **changes}
        return {name: value for name, value in header.items() if value is not ABSENT}

    def claims(self, **changes):
        """The claims of a good token, *changes* made; instants are counted from now."""
        now = int(time.time())
        claims = {**self.good, "iat": now, "exp": now + self.lifetime, **changes}
        return {name: value for name, value in claims.items() if value is not ABSENT}

    @property
    def lifetime(self):
        return self.good["exp"] - self.good["iat"]

    def sign(self, claims, header=None, *, key_id=None):
        signed = f"{encode(self.header() if header is None else header)}.{encode(claims)}"
        answer = boto3.client("kms").sign(
            KeyId=key_id or self.key_id,
            Message=signed.encode(),
            MessageType="RAW",
            SigningAlgorithm="ECDSA_SHA_256",
        )
        r, s = decode_dss_signature(answer["Signature"])
        return f"{signed}.{b64(r.to_bytes(32) + s.to_bytes(32))}"

    def public_pem(self):
        der = boto3.client("kms").get_public_key(KeyId=self.key_id)["PublicKey"]
        return serialization.load_der_public_key(der).public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    def routes(self):
        one = f"/v1/sessions/{self.session_id}"
        if self.kind == "api":
            return [("GET", "/v1/sessions"), ("GET", one), ("PATCH", one), ("DELETE", one)]
        own = f"/api/video/sessions/{self.session_id}"
        refresh = ("POST", "/v1/auth/refresh-token"), ("POST", "/api/video/auth/refresh-token")
        return [*refresh, ("GET", one), ("GET", own), ("DELETE", one)]

    def answers(self, token):
        """What each route answers to it: status, body and what a caller can tell from the headers."""
        found = set()
        for method, path in self.routes():
            answer = self.plane.request(
                method, path, headers={"authorization": f"Bearer {token}", "x-correlation-id": "same"}
            )
            found.add((answer.status, answer.text, tuple(sorted(answer.headers.items()))))
        return found


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    with open_control_plane() as opened:
        yield opened


@pytest.fixture(scope="module", params=["session", "api"])
def forge(request, plane) -> Forge:
    client = plane.tenant("acme", scopes=SCOPES)
    opened = plane.request(
        "POST", "/v1/sessions", token=client, body={"user_id": "ann", "role": "PATIENT"}
    ).json
    token = opened["access_token"] if request.param == "session" else client
    good = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    return Forge(plane, request.param, opened["session"]["session_id"], good)


@pytest.fixture(scope="module")
def refusal(forge) -> tuple[Any, ...]:
    """The one answer to a request without any token."""
    answer = forge.plane.request(
        "GET", f"/v1/sessions/{forge.session_id}", headers={"x-correlation-id": "same"}
    )
    assert (answer.status, answer.code) == (401, "UNAUTHORIZED")
    return answer.status, answer.text, tuple(sorted(answer.headers.items()))


def test_the_forge_makes_good_tokens_when_nothing_is_changed(forge):
    method, path = forge.routes()[3 if forge.kind == "session" else 1]

    assert forge.plane.request(method, path, token=forge.sign(forge.claims())).status == 200


def with_number(forge, name, number):
    """A token in whose JSON a claim is written so."""
    claims = json.dumps(forge.claims(**{name: 0}))
    return forge.sign(claims.replace(f'"{name}": 0', f'"{name}": {number}'))


def foreign(forge, key, algorithm, **header):
    return jwt.encode(forge.claims(), key, algorithm=algorithm, headers=forge.header(**header))


def tampered(forge, **changes):
    header, _, signature = forge.sign(forge.claims()).split(".")
    return f"{header}.{encode(forge.claims(**changes))}.{signature}"


def signed_as_password(forge):
    signed = f"{encode(forge.header(alg='HS256'))}.{encode(forge.claims())}"
    return f"{signed}.{b64(hmac.digest(forge.public_pem(), signed.encode(), hashlib.sha256))}"


def respelled(forge):
    """The same token with the unused bits of its last character set."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    token = forge.sign(forge.claims())
    return token[:-1] + letters[letters.index(token[-1]) ^ 1]


def as_json(forge):
    header, claims, signature = forge.sign(forge.claims()).split(".")
    return json.dumps({"protected": header, "payload": claims, "signature": signature})


def unsigned(forge, alg):
    return f"{encode(forge.header(alg=alg))}.{encode(forge.claims())}."


def twice(forge):
    return forge.sign(json.dumps(forge.claims())[:-1] + ', "tenant": "other"}')


def header_twice(forge):
    return forge.sign(forge.claims(), json.dumps(forge.header())[:-1] + ', "alg": "ES256"}')


def other_curve(forge):
    """An ES256 signature of a key that is none of ours, under the name of ours."""
    return foreign(forge, ec.generate_private_key(ec.SECP256R1()), "ES256")


def embedded(forge):
    """A token that brings its own key along."""
    key = ec.generate_private_key(ec.SECP256R1())
    numbers = key.public_key().public_numbers()
    jwk = {"kty": "EC", "crv": "P-256", "x": b64(numbers.x.to_bytes(32)), "y": b64(numbers.y.to_bytes(32))}
    return foreign(forge, key, "ES256", jwk=jwk)


def of_another_environment(forge):
    return forge.sign(forge.claims(), key_id=create_signing_key(boto3.client("kms")))


def at(**offsets: int) -> Callable[[Forge], str]:
    """A token whose instants are so many seconds from now."""
    return lambda forge: forge.sign(
        forge.claims(**{name: int(time.time()) + offset for name, offset in offsets.items()})
    )


def claiming(**changes: Any) -> Callable[[Forge], str]:
    return lambda forge: forge.sign(forge.claims(**changes))


def heading(**changes: Any) -> Callable[[Forge], str]:
    return lambda forge: forge.sign(forge.claims(), forge.header(**changes))


def raw(change: Callable[[str], str]) -> Callable[[Forge], str]:
    return lambda forge: change(forge.sign(forge.claims()))


def ages(forge, **changes):
    """Two weeks back: the session, the token, and everything that a grace could reach."""
    begin = int(time.time()) - 14 * 86_400
    times = {"iat": begin, "exp": begin + forge.lifetime, **changes}
    return forge.sign(forge.claims(**times))


LATE = 366 * 86_400
HOSTILE: dict[str, Callable[[Forge], str]] = {
    "alg none": lambda forge: unsigned(forge, "none"),
    "alg nOnE": lambda forge: unsigned(forge, "nOnE"),
    "alg none with our signature": heading(alg="none"),
    "alg in another case": heading(alg="es256"),
    "HS256 with the public PEM": signed_as_password,
    "another key": other_curve,
    "an RSA key": lambda forge: foreign(
        forge, rsa.generate_private_key(public_exponent=65_537, key_size=2048), "RS256", alg="RS256"
    ),
    "a key of another environment": of_another_environment,
    "embedded jwk": embedded,
    "jku": heading(jku="https://evil.example/jwks.json"),
    "x5u": heading(x5u="https://evil.example/x5u"),
    "unknown crit": heading(crit=["exp"]),
    "b64 false": heading(b64=False, crit=["b64"]),
    "typ JWT": heading(typ="JWT"),
    "typ absent": heading(typ=ABSENT),
    "exp missing": claiming(exp=ABSENT),
    "exp text": claiming(exp="9999999999"),
    "exp a float": claiming(exp=9_999_999_999.5),
    "exp a whole float": lambda forge: with_number(forge, "exp", f"{int(time.time()) + 60}.0"),
    "exp true": claiming(exp=True),
    "exp a list": claiming(exp=[9_999_999_999]),
    "exp null": claiming(exp=None),
    "exp NaN": lambda forge: with_number(forge, "exp", "NaN"),
    "exp Infinity": lambda forge: with_number(forge, "exp", "Infinity"),
    "exp 1e308": lambda forge: with_number(forge, "exp", "1e308"),
    "exp 1e400": lambda forge: with_number(forge, "exp", "1e400"),
    "exp of a thousand digits": lambda forge: with_number(forge, "exp", "9" * 1000),
    "exp negative": claiming(exp=-1),
    "a life of ten years": at(iat=0, exp=315_360_000),
    "a life a second too long": lambda forge: at(iat=0, exp=forge.lifetime + 1)(forge),
    "no life": at(iat=0, exp=0),
    "a life backwards": at(iat=10, exp=5),
    "expired a year ago": lambda forge: at(iat=-LATE, exp=-LATE + forge.lifetime)(forge),
    "expired two weeks ago": ages,
    "from the future": at(iat=62, exp=120),
    "not before the future": at(nbf=62),
    "nbf text": claiming(nbf="0"),
    "iat missing": claiming(iat=ABSENT),
    "iat text": claiming(iat="1"),
    "iat true": claiming(iat=True),
    "audience of another": claiming(aud="other"),
    "audience as a list with us": lambda forge: claiming(aud=[forge.good["aud"], "other"])(forge),
    "audience as a list of us": lambda forge: claiming(aud=[forge.good["aud"]])(forge),
    "audience missing": claiming(aud=ABSENT),
    "audience with a slash": lambda forge: claiming(aud=forge.good["aud"] + "/")(forge),
    "issuer of another": claiming(iss="https://evil.example"),
    "issuer prefix": claiming(iss=ISSUER[:-1]),
    "issuer with a slash": claiming(iss=ISSUER + "/"),
    "issuer with more": claiming(iss=ISSUER + ".evil.example"),
    "issuer missing": claiming(iss=ABSENT),
    "subject a number": claiming(sub=1),
    "subject empty": claiming(sub=""),
    "subject missing": claiming(sub=ABSENT),
    "tenant empty": claiming(tenant=""),
    "tenant a list": claiming(tenant=["acme"]),
    "tenant a number": claiming(tenant=1),
    "jti missing": claiming(jti=ABSENT),
    "jti a number": claiming(jti=7),
    "tampered": lambda forge: tampered(forge, tenant="other"),
    "signature stripped": raw(lambda token: token.rpartition(".")[0] + "."),
    "signature of zeros": raw(lambda token: f"{token.rpartition('.')[0]}.{b64(bytes(64))}"),
    "claims twice": twice,
    "header twice": header_twice,
    "deep JSON": lambda forge: forge.sign("[" * 1400),
    "claims a list": lambda forge: forge.sign("[]"),
    "claims no JSON": lambda forge: forge.sign("{"),
    "two parts": raw(lambda token: token.rpartition(".")[0]),
    "four parts": raw(lambda token: token + ".x"),
    "padded": raw(lambda token: token + "=="),
    "respelled": respelled,
    "not ASCII": raw(lambda token: token.replace(".", "é.", 1)),
    "with a space": raw(lambda token: token.replace(".", ". ", 1)),
    "with a newline": raw(lambda token: token + "\n"),
    "with a newline inside": raw(lambda token: token.replace(".", ".\n", 1)),
    "two tokens": raw(lambda token: f"{token},Bearer {token}"),
    "JSON serialization": as_json,
    "empty": lambda _: "",
    "dots": lambda _: "..",
    "a megabyte": lambda _: "a" * 1_000_000,
    "a megabyte in three parts": lambda _: ".".join(["a" * 333_333] * 3),
    "four kilobytes of claims": claiming(note="x" * 4000),
    "kid absent": heading(kid=ABSENT),
    "kid unknown": heading(kid="0" * 16),
    "kid a path": heading(kid="../../x"),
    "kid SQL": heading(kid="' OR 1=1 --"),
    "kid of 2 KB": heading(kid="k" * 2000),
    "kid of 10 KB": heading(kid="k" * 10_000),
    "kid a list": heading(kid=["x"]),
    "kid null": heading(kid=None),
}
ONLY_SESSION: dict[str, Callable[[Forge], str]] = {
    "sid missing": claiming(sid=ABSENT),
    "sid a number": claiming(sid=1),
    "sid empty": claiming(sid=""),
    "sid of nobody": claiming(sid="ses_" + "a" * 26),
    "tenant missing": claiming(tenant=ABSENT),
    "tenant switched": claiming(tenant="other"),
    "role missing": claiming(role=ABSENT),
    "role a list": claiming(role=["ADMIN"]),
    "gen missing": claiming(gen=ABSENT),
    "gen text": claiming(gen="1"),
    "gen true": claiming(gen=True),
    "auth_time missing": claiming(auth_time=ABSENT),
    "auth_time text": claiming(auth_time="0"),
    "auth_time after iat": at(auth_time=30, iat=0),
    "refreshed past the absolute end": at(auth_time=-43_200, iat=-1, exp=60),
    "past the grace": lambda forge: at(auth_time=-20_000, iat=-901 - forge.lifetime, exp=-901)(forge),
    "an API client's audience": claiming(aud="evertoken"),
}
ONLY_API: dict[str, Callable[[Forge], str]] = {
    "scope a list": claiming(scope=["sessions:read"]),
    "scope missing": claiming(scope=ABSENT),
    "just expired": lambda forge: at(iat=-forge.lifetime, exp=0)(forge),
    "a session's audience": claiming(aud="evertoken/session"),
}
OF_SESSIONS, OF_CLIENTS = {**HOSTILE, **ONLY_SESSION}, {**HOSTILE, **ONLY_API}


def check(forge, refusal, make):
    token = make(forge)
    began = time.process_time()
    answers = forge.answers(token)

    assert answers == {refusal}
    # Several requests of which each is refused in less than 50 ms; a megabyte is refused by its length.
    assert time.process_time() - began < 0.05 * len(forge.routes())


@pytest.mark.parametrize("forge", ["session"], indirect=True)
@pytest.mark.parametrize("name", OF_SESSIONS)
def test_a_hostile_session_token_meets_the_same_refusal_as_none_on_every_route(forge, refusal, name):
    check(forge, refusal, OF_SESSIONS[name])


@pytest.mark.parametrize("forge", ["api"], indirect=True)
@pytest.mark.parametrize("name", OF_CLIENTS)
def test_a_hostile_access_token_meets_the_same_refusal_as_none_on_every_route(forge, refusal, name):
    check(forge, refusal, OF_CLIENTS[name])


@pytest.fixture
def keys():
    """Two signing keys of an account, and what verifies with the second alone."""
    kms, clock = boto3.client("kms"), FakeClock()
    one, two = create_signing_key(kms), create_signing_key(kms)
    timing = SessionTiming(token_lifetime_seconds=14_400, grace_seconds=900, lifetime_seconds=43_200)

    def verifier(*key_ids):
        keys = KmsTokenKeys(kms, key_ids=key_ids, clock=clock)
        return SessionTokenVerifier(keys, timing=timing, clock=clock, on_expired=lambda: None)

    return kms, clock, one, two, verifier


def test_a_session_token_of_a_retired_key_is_refused_and_one_of_either_key_passes_in_the_overlap(plane, keys):
    kms, clock, one, two, verifier = keys
    now = int(clock.now().timestamp())
    claims = {
        "iss": ISSUER,
        "aud": "evertoken/session",
        "sub": "ann",
        "tenant": "acme",
        "sid": "ses_a",
        "jti": "j",
    }
    claims |= {"iat": now, "exp": now + 60, "auth_time": now, "role": "PATIENT", "gen": 1}
    old, new = (
        KmsTokenSigner(kms, keys=KmsTokenKeys(kms, key_ids=(one_key,), clock=clock)).sign(claims)
        for one_key in (one, two)
    )

    for token in (old, new):
        assert verifier(two, one).get_token(token, issuer=ISSUER).session_id == "ses_a"
    assert verifier(two).get_token(new, issuer=ISSUER).token_id == "j"
    with pytest.raises(AuthenticationError):
        verifier(two).get_token(old, issuer=ISSUER)


def test_a_flood_of_unknown_keys_costs_no_call(forge, plane):
    calls: list[str] = []
    unknown = forge.sign(forge.claims(), forge.header(kid="f" * 16))
    plane.restart("auth_api")
    aws_clients.kms_client().meta.events.register(
        "before-call.*.*", lambda model, **_: calls.append(model.name)
    )

    for _ in range(50):
        forge.answers(unknown)

    assert calls == []
