"""A scripted browser: logs in and consents at an authorization server as a person would.

It keeps cookies, follows redirects, finds the forms in the pages it gets and fills them in. It knows no
server: any login page that is a plain HTML form will do, on one page or with the password asked for on a
second one.
"""

from dataclasses import dataclass, field
from types import TracebackType
from typing import Self
from urllib.parse import urljoin

import httpx

from local.demo_provider.html_forms import Button, Form, parse_forms

MAXIMUM_STEPS = 25
_CONSENT_WORDS = (
    "allow",
    "accept",
    "approve",
    "authorize",
    "authorise",
    "continue",
    "grant",
    "confirm",
    "yes",
)
_REFUSAL_WORDS = ("deny", "cancel", "refuse", "reject", "decline", "no")


class BrowserError(Exception):
    """The browser did not arrive; the message names a path and a status, never a query or a value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """Where the walk ended: the full location (it may hold a code), and the paths visited on the way."""

    location: str = field(repr=False)
    visited: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Person:
    username: str
    password: str = field(repr=False)
    consents: bool


class ScriptedBrowser:
    """One browser profile with its own cookies; a second instance is a second person's browser."""

    def __init__(self, *, timeout_seconds: float = 20) -> None:
        # No environment proxies: everything this browser talks to is on the loopback interface.
        self._client = httpx.Client(timeout=timeout_seconds, follow_redirects=False, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections and forget the cookies."""
        self._client.close()

    def authorize(
        self, authorization_url: str, *, username: str, password: str, stop_at: str, consents: bool = True
    ) -> Arrival:
        """Walk from the authorization URL through login and consent until a redirect leads to `stop_at`.

        `stop_at` is the beginning of a URL and is not requested: give the redirect URI to see the code, or
        the return URL to let the callback be served by whoever owns it. `consents=False` presses the refusing
        button.

        Raises:
            BrowserError: a page without a usable form, a rejected login, or more than 25 steps.
        """
        person = _Person(username=username, password=password, consents=consents)
        request = self._client.build_request("GET", authorization_url)
        visited: list[str] = []
        login_tries = 0
        for _ in range(MAXIMUM_STEPS):
            visited.append(request.url.path)
            response = self._client.send(request)
            if response.has_redirect_location:
                location = urljoin(str(request.url), response.headers["Location"])
                if location.startswith(stop_at):
                    return Arrival(location=location, visited=tuple(visited))
                request = self._follow(request, response, location)
                continue
            form = _find_form(response, visited)
            login_tries += bool(form.password_fields)
            if login_tries > 1:
                raise BrowserError(
                    f"the login was not accepted at {visited[-1]} (status {response.status_code})"
                )
            request = self._submit(form, str(request.url), person)
        raise BrowserError(f"no arrival after {MAXIMUM_STEPS} steps; the last page was {visited[-1]}")

    def _follow(self, request: httpx.Request, response: httpx.Response, location: str) -> httpx.Request:
        if response.status_code in (307, 308):
            kind = {"Content-Type": request.headers.get("Content-Type", "")} if request.content else {}
            return self._client.build_request(request.method, location, content=request.content, headers=kind)
        return self._client.build_request("GET", location)

    def _submit(self, form: Form, page_url: str, person: _Person) -> httpx.Request:
        values = dict(form.values)
        for name in form.password_fields:
            values[name] = person.password
        if form.text_fields:
            values[form.text_fields[0]] = person.username
        button = _choose_button(
            form, consents=person.consents or bool(form.password_fields or form.text_fields)
        )
        if button is not None and button.name:
            values[button.name] = button.value
        target = urljoin(page_url, form.action) if form.action else page_url
        # Servers that check where a form came from (Django does) look at these two.
        origin = urljoin(page_url, "/").rstrip("/")
        headers = {"Origin": origin, "Referer": origin + "/"}
        return self._client.build_request("POST", target, data=values, headers=headers)


def _find_form(response: httpx.Response, visited: list[str]) -> Form:
    """The login or consent form of a page: of several, the one that asks for a password."""
    forms = [form for form in parse_forms(response.text) if form.method == "post"]
    if not forms:
        raise BrowserError(f"no form to fill in at {visited[-1]} (status {response.status_code})")
    return next((form for form in forms if form.password_fields), forms[0])


def _choose_button(form: Form, *, consents: bool) -> Button | None:
    """The button that consents or refuses, by the words on it; else the first, as the Enter key has it."""
    words = _CONSENT_WORDS if consents else _REFUSAL_WORDS
    for button in form.buttons:
        said = {*button.name.lower().split(), *button.value.lower().split(), *button.label.lower().split()}
        if any(word in said for word in words):
            return button
    if not consents:
        raise BrowserError("the consent page has no button that refuses")
    return form.buttons[0] if form.buttons else None
