"""A plain OAuth client for tests of the servers themselves; it shares no code with the product."""

import base64
import hashlib
import secrets
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx

from local.demo_provider.browser import ScriptedBrowser


class Person(NamedTuple):
    """A resource owner who logs in with a password."""

    username: str
    password: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainClient:
    """A confidential client and the endpoints that it talks to; authenticates with HTTP Basic."""

    authorization_endpoint: str
    token_endpoint: str
    revocation_endpoint: str
    client_id: str
    client_secret: str = field(repr=False)
    redirect_uri: str

    def build_authorization_url(self, **parameters: str) -> str:
        """An authorization request with a fixed state; `parameters` add to it."""
        query = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "state": "state-1",
            **parameters,
        }
        return f"{self.authorization_endpoint}?{urlencode(query)}"

    def walk(self, url: str, person: Person, *, consents: bool = True) -> dict[str, str]:
        """What the authorization server sends to the redirect URI after a person went through its pages."""
        with ScriptedBrowser() as browser:
            arrival = browser.authorize(
                url,
                username=person.username,
                password=person.password,
                stop_at=self.redirect_uri,
                consents=consents,
            )
        return {name: values[0] for name, values in parse_qs(urlsplit(arrival.location).query).items()}

    def get_code(self, person: Person, *, scope: str) -> tuple[dict[str, str], str]:
        """An authorization response with a code, and the PKCE verifier that belongs to it."""
        verifier, challenge = create_pkce_pair()
        url = self.build_authorization_url(
            scope=scope, code_challenge=challenge, code_challenge_method="S256"
        )
        return self.walk(url, person), verifier

    def redeem(self, code: str, verifier: str) -> httpx.Response:
        return self.request_token(
            grant_type="authorization_code", code=code, redirect_uri=self.redirect_uri, code_verifier=verifier
        )

    def connect(self, person: Person, *, scope: str) -> dict[str, Any]:
        """A token set by the whole authorization code flow."""
        answer, verifier = self.get_code(person, scope=scope)
        response = self.redeem(answer["code"], verifier)
        response.raise_for_status()
        token_set: dict[str, Any] = response.json()
        return token_set

    def refresh(self, refresh_token: str) -> httpx.Response:
        return self.request_token(grant_type="refresh_token", refresh_token=refresh_token)

    def request_token(self, **form: str) -> httpx.Response:
        return self._post(self.token_endpoint, form)

    def revoke(self, token: str) -> httpx.Response:
        return self._post(self.revocation_endpoint, {"token": token})

    def _post(self, url: str, form: dict[str, str]) -> httpx.Response:
        return httpx.post(url, data=form, auth=(self.client_id, self.client_secret), trust_env=False)


def create_pkce_pair() -> tuple[str, str]:
    """A fresh verifier and its S256 challenge (RFC 7636 section 4)."""
    verifier = secrets.token_urlsafe(48)
    digest = hashlib.sha256(verifier.encode()).digest()
    return verifier, base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
