"""The browser's way: an authorization URL that must be right to the letter, and what the browser brings back from it."""

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlencode, urlsplit

from tests.conformance.calls import Call
from tests.conformance.entry_document import Entry, RequestFacts
from tests.conformance.grants import Grant, Grants
from tests.conformance.request_checks import ANY, Finding, Wanted, check_request
from tests.conformance.requested_scopes import RequestedScopes
from tests.conformance.simulated_client import SimulatedClient
from tests.conformance.template_values import TemplateValues, fill

CODE_LIFETIME_SECONDS = 180


@dataclass
class Code:
    """An authorization code: good once, for its redirect URI and its verifier."""

    grant: Grant
    challenge: str | None
    method: str
    state: str
    expires_at: float
    is_used: bool = False

    def is_proved_by(self, verifier: str) -> bool:
        """RFC 7636 section 4.6."""
        if self.challenge is None or self.method == "plain":
            return verifier == (self.challenge or "")
        digest = hashlib.sha256(verifier.encode()).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == self.challenge


@dataclass
class AuthorizationPage:
    """Where users consent; `codes` are what they bring back."""

    entry: Entry
    client: SimulatedClient
    values: TemplateValues
    clock: Callable[[], float]
    redirect_uri: str
    grants: Grants
    codes: dict[str, Code] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.scopes = RequestedScopes(self.entry)

    def check(self, url: str) -> Finding:
        """What is wrong with an authorization URL."""
        parts = urlsplit(url)
        values = self.values.at_start
        shape = self.entry.document.get("authorization", {})
        facts = RequestFacts(
            operation="authorization page",
            url=fill(self.entry.fact("endpoints.authorization", ""), values),
            method="GET",
            encoding="query",
            client="id_only",
            client_authentication=None,
            authorization_header=None,
            grant_type=None,
            token="",
            names=shape.get("names", {}),
            omits=frozenset(shape.get("omits", ())),
            parameters=shape.get("parameters", {}),
            headers={},
        )
        call = Call(
            method="GET",
            host=parts.netloc,
            target=f"{parts.path}?{parts.query}",
            headers={"user-agent": "a browser"},
        )
        state = dict(parse_qsl(parts.query)).get(facts.wire("state"), "")
        known = {**values, "redirect_uri": self.redirect_uri, "scope": self.scopes.joined_all, "state": state}
        finding = check_request(call, facts, self._wanted(shape), self.client, known, self.clock())
        finding.own["state"] = state
        if parts.scheme != "https":
            finding.problems.append(f"the scheme is {parts.scheme}, and it must be https")
        return finding

    def _wanted(self, shape: dict) -> Wanted:
        own: dict[str, object] = {
            "response_type": "code",
            "redirect_uri": self.redirect_uri,
            "state": ANY,
            "scope": self.scopes.joined_all,
        }
        optional: dict[str, object] = dict.fromkeys(shape.get("accepts", ()), ANY)
        support = self.entry.fact("pkce.support")
        pkce = {"code_challenge": ANY, "code_challenge_method": self.entry.fact("pkce.method", "S256")}
        if support in ("required", "supported"):
            own |= pkce
        elif support is None:
            optional |= pkce
        return Wanted(own=own, optional=optional)

    def come_back(self, state: str, challenge: str | None, *, denies: bool = False) -> str:
        """The query of the redirect after the user has said yes or no."""
        answer = {"state": state}
        issuer = self.entry.fact("issuer")
        if issuer is not None and self.entry.fact("iss_parameter") != "never":
            answer["iss"] = fill(issuer, self.values.at_start)
        if denies:
            return urlencode({**answer, "error": "access_denied"})
        grant = self.grants.begin("authorization_code", self.scopes.all, self.clock())
        grant.redirect_uri = self.redirect_uri
        grant.values = {**self.values.at_start, **self.values.from_callback}
        code = f"{self.grants.prefix}code-{grant.number}"
        self.codes[code] = Code(
            grant=grant,
            challenge=challenge,
            method=self.entry.fact("pkce.method", "S256"),
            state=state,
            expires_at=self.clock() + CODE_LIFETIME_SECONDS,
        )
        suffixes = self.entry.fact("callback.code_suffixes", [""])
        answer[self.entry.fact("callback.code_parameter", "code")] = code + suffixes[0]
        for name in self._kept:
            answer[name] = grant.kept[name] = self._value_of(name, grant)
            grant.values.setdefault(name, answer[name])
        for name, value in self.values.from_callback.items():
            says = self.entry.document["parameters"][name]["from_callback"]
            answer[says] = f"https://{value}" if "." in value else value
        return urlencode(answer)

    @property
    def _kept(self) -> list[str]:
        kept = list(self.entry.fact("callback.keeps", ()))
        if self.entry.fact("account.from") == "callback":
            kept.append(self.entry.fact("account.member"))
        return list(dict.fromkeys(kept))

    def _value_of(self, name: str, grant: Grant) -> str:
        is_account = self.entry.fact("account.from") == "callback" and name == self.entry.fact(
            "account.member"
        )
        return grant.subject if is_account else f"kept-{name}"
