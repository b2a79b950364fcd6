"""The client as it is registered at the simulated server: its id, its secret, its keys, and the one way in which it may prove itself."""

import base64
import json
from dataclasses import dataclass, field
from functools import cache
from urllib.parse import unquote_plus

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.conformance.calls import Call
from tests.conformance.entry_document import Entry, RequestFacts
from tests.conformance.template_values import fill

SIGNING = ("private_key_jwt", "client_secret_jwt", "signed_client_secret")
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
PLAIN_SECRET = "plain-secret-0123456789abcdefghijklmnop"
HARD_SECRET = "hard:% +&=é-0123456789abcdefghijklmnop"
HEADER_SECRET = "hard:% +&=-0123456789abcdefghijklmnop"


@cache
def private_key(algorithm: str):
    """One key a kind for all runs: they are dear to make."""
    if algorithm.startswith("ES"):
        return ec.generate_private_key(ec.SECP384R1() if algorithm == "ES384" else ec.SECP256R1())
    if algorithm == "EdDSA":
        return ed25519.Ed25519PrivateKey.generate()
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@cache
def private_key_pem(algorithm: str) -> str:
    return (
        private_key(algorithm)
        .private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        .decode("ascii")
    )


@dataclass
class SimulatedClient:
    """What the server knows of the client; `used_jtis` because an assertion is good once (RFC 7523 section 3)."""

    entry: Entry
    method: str
    client_id: str = "client-1"
    used_jtis: set[str] = field(default_factory=set)
    offered_jtis: set[str] = field(default_factory=set)

    @property
    def secret(self) -> str:
        """Hard to carry where the entry says how; plain where HTTP Basic is used and nobody knows whether it is form-encoded."""
        if '"credential": "client_secret"' in json.dumps(self.entry.document):
            return HEADER_SECRET  # no header can hold what is not ASCII
        is_hard = not self._uses_basic or self._form_encodes is not None
        return HARD_SECRET if is_hard else PLAIN_SECRET

    @property
    def _uses_basic(self) -> bool:
        return '"client_secret_basic"' in json.dumps(self.entry.document)

    @property
    def _form_encodes(self) -> bool | None:
        return self.entry.fact("client_authentication.form_encodes_basic")

    @property
    def has_secret(self) -> bool:
        return self.method not in ("none", "private_key_jwt", "signed_client_secret")

    def assertion_facts(self, operation: str = "") -> dict:
        """The entry's facts about client assertions, or about those of a JWT bearer grant."""
        where = (
            "requests.jwt_bearer.assertion"
            if operation == "jwt_bearer"
            else "client_authentication.assertion"
        )
        return self.entry.fact(where, {})

    def algorithm(self, operation: str = "") -> str:
        default = "HS256" if self.method == "client_secret_jwt" and not operation else "RS256"
        return self.assertion_facts(operation).get("algorithms", [default])[0]

    def public_key(self, algorithm: str):
        """What its signatures are verified with."""
        return private_key(algorithm).public_key()

    def check(
        self, call: Call, facts: RequestFacts, parameters: dict[str, str], values: dict[str, str], now: float
    ) -> tuple[list[str], set[str]]:
        """What is wrong with how the request carries the client, and the names of the parameters that do."""
        id_name, secret_name = facts.wire("client_id"), facts.wire("client_secret")
        want_id = {} if "client_id" in facts.omits else {id_name: self.client_id}
        want_secret = {} if "client_secret" in facts.omits else {secret_name: self.secret}
        match facts.client:
            case "absent":
                return [], set()
            case "id_only":
                return _compare(parameters, want_id)
            case "secret_only":
                return _compare(parameters, want_secret)
            case "secret_as_username":
                return self._check_basic(call, self.secret, ""), set()
        method = (
            facts.client_authentication
            if facts.client_authentication and self.method != "none"
            else self.method
        )
        match method:
            case "client_secret_basic":
                return self._check_basic(call, self.client_id, self.secret), set()
            case "client_secret_post":
                return _compare(parameters, {**want_id, **want_secret})
            case "none":
                return _compare(parameters, want_id)
            case "signed_client_secret":
                problems, names = _compare(parameters, want_id)
                problems += self.check_assertion(parameters.get(secret_name, ""), values, now)
                return problems, names | {secret_name}
        type_name, assertion_name = facts.wire("client_assertion_type"), facts.wire("client_assertion")
        problems, names = _compare(parameters, {**want_id, type_name: ASSERTION_TYPE})
        problems += self.check_assertion(parameters.get(assertion_name, ""), values, now)
        return problems, names | {assertion_name}

    def carries_authorization(self, facts: RequestFacts) -> bool:
        """Whether the client proves itself in the Authorization header."""
        if facts.client == "secret_as_username":
            return True
        method = (
            facts.client_authentication
            if facts.client_authentication and self.method != "none"
            else self.method
        )
        return facts.client == "authenticated" and method == "client_secret_basic"

    def _check_basic(self, call: Call, name: str, password: str) -> list[str]:
        scheme, _, encoded = call.headers.get("authorization", "").partition(" ")
        if scheme != "Basic":
            return [
                f"the client must authenticate by HTTP Basic, and the Authorization header is {scheme or 'missing'}"
            ]
        try:
            found = base64.b64decode(encoded, validate=True).decode().split(":", 1)
        except ValueError:
            return ["the credentials of HTTP Basic cannot be decoded"]
        if self._form_encodes is not False:
            found = [unquote_plus(part) for part in found]
        return [] if found == [name, password] else ["the credentials of HTTP Basic are not the client's"]

    def check_assertion(
        self,
        assertion: str,
        values: dict[str, str],
        now: float,
        *,
        operation: str = "",
        subject: str | None = None,
        scope: str = "",
    ) -> list[str]:
        """What is wrong with a signed assertion: key, audience, life, claims, and whether it was seen before."""
        facts = self.assertion_facts(operation)
        algorithms = facts.get("algorithms", [self.algorithm(operation)])
        secret = self.method == "client_secret_jwt" and not operation
        key = self.secret if secret else self.public_key(self.algorithm(operation))
        unchecked = {"verify_exp": False, "verify_aud": False, "verify_iat": False, "verify_nbf": False}
        try:
            claims = jwt.decode(assertion, key, algorithms=algorithms, options=unchecked)
        except jwt.InvalidTokenError as error:
            return [f"the assertion is not one of the client's: {type(error).__name__}"]
        known = {**values, "client_id": self.client_id, "subject": subject or self.client_id, "scope": scope}
        wanted: dict[str, object] = {"iss": self.client_id, "sub": subject or self.client_id}
        wanted["aud"] = self._audience(facts.get("audience", "token_endpoint"), values, operation)
        wanted |= {name: fill(text, known) for name, text in facts.get("claims", {}).items()}
        omitted = set(facts.get("omits", ()))
        problems = [
            f"the assertion's claim {name} is not what it must be"
            for name, value in wanted.items()
            if name not in omitted and claims.get(name) != value
        ]
        problems += [
            f"the assertion must not have the claim {name}" for name in sorted(omitted & claims.keys())
        ]
        extra = claims.keys() - wanted.keys() - {"iat", "exp", "jti", "nbf"}
        problems += [f"the assertion has the claim {name}, which nobody asked for" for name in sorted(extra)]
        limit = facts.get("lifetime_seconds", 60)
        if "exp" not in omitted and not now < claims.get("exp", 0) <= now + limit + 1:
            problems.append(f"the assertion does not end within {limit} s")
        if "jti" not in omitted:
            jti = claims.get("jti")
            if not jti or jti in self.used_jtis:
                problems.append("the assertion's jti is missing or was used before")
            self.offered_jtis.add(jti)
        return problems

    def accept_assertions(self) -> None:
        """The request was understood: the assertions that it carried are spent."""
        self.used_jtis |= self.offered_jtis
        self.offered_jtis.clear()

    def _audience(self, audience: str, values: dict[str, str], operation: str) -> str:
        if audience == "issuer":
            return fill(self.entry.fact("issuer"), values)
        if audience == "token_endpoint":
            return fill(self.entry.fact("endpoints.token"), values)
        return fill(audience, values)


def _compare(parameters: dict[str, str], wanted: dict[str, str]) -> tuple[list[str], set[str]]:
    problems = [
        f"the client's parameter {name} is {'wrong' if name in parameters else 'missing'}"
        for name, value in wanted.items()
        if parameters.get(name) != value
    ]
    return problems, set(wanted)
