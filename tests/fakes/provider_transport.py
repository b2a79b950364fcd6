"""The transport to the scripted provider's twin: no network, the same rules."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field, replace
from urllib.parse import parse_qsl, urlencode, urlsplit

from evertoken.domain.http import HttpAnswer, HttpExchange, HttpRequest, NoAnswer
from tests.support.provider_requests import Call
from tests.support.provider_twin import AnswerLostError, NoAnswerError, ProviderTwin

JSON = {"content-type": "application/json"}


@dataclass(slots=True, kw_only=True)
class Login:
    """One login as the provider saw it; `family` names the grant that it gave, empty when it was refused."""

    started_at: float
    family: str = ""


@dataclass(slots=True)
class SessionEndpoint:
    """Where users log in with name and password: each login gives a grant of its own."""

    twin: ProviderTwin
    password: str
    logins: list[Login] = field(default_factory=list)

    @property
    def families(self) -> set[str]:
        return {login.family for login in self.logins if login.family}

    def answer(self, request: HttpRequest) -> HttpAnswer:
        login = Login(started_at=self.twin.rules._clock())
        self.logins.append(login)
        assert "authorization" not in {name.lower() for name in request.headers}, "a login proves no client"
        if json.loads(request.body) != {"username": "user-1", "password": self.password}:
            return HttpAnswer(status=400, headers=JSON, body=b'{"error":"invalid_grant"}')
        answer = self.twin.rules.connect()
        login.family = self.twin.ledger.get_token(answer["access_token"]).family
        return HttpAnswer(status=200, headers=JSON, body=json.dumps(answer).encode())


class TwinTransport:
    """ProviderTransport over a twin: the last part of the path names the endpoint.

    `session` answers logins. `assertions` collects the names (jti) of client assertions: the twin, which knows secrets only, is shown the secret instead.
    """

    def __init__(self, twin: ProviderTwin, session: SessionEndpoint | None = None) -> None:
        self._twin = twin
        self.session = session
        self.assertions: list[str] = []

    def send(self, request: HttpRequest, *, timeout_seconds: float) -> HttpExchange:
        assert timeout_seconds > 0
        endpoint = urlsplit(request.url).path.rpartition("/")[2]
        if self.session is not None and endpoint == "session":
            return self.session.answer(request)
        request = self._believe_assertion(request)
        call = Call(
            method=request.method,
            endpoint=endpoint,
            query=urlencode(request.query),
            headers={name.lower(): value for name, value in request.headers.items()},
            body=request.body,
        )
        try:
            reply = self._twin.answer(call)
        except AnswerLostError:
            return NoAnswer(reason="connection_closed")
        except NoAnswerError:
            return NoAnswer(reason="timeout")
        headers = {name.lower(): value for name, value in reply.headers.items()}
        return HttpAnswer(status=reply.status, headers=headers, body=reply.body)

    def _believe_assertion(self, request: HttpRequest) -> HttpRequest:
        form = dict(parse_qsl(request.body.decode()))
        assertion = form.pop("client_assertion", None)
        if assertion is None:
            return request
        claims = assertion.split(".")[1]
        jti = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["jti"]
        assert jti not in self.assertions, "an assertion was sent twice"
        self.assertions.append(jti)
        form.pop("client_assertion_type", None)
        secrets = self._twin.rules.profile.clients
        client_id = form.setdefault("client_id", next(iter(secrets)))
        return replace(request, body=urlencode({**form, "client_secret": secrets[client_id]}).encode())


class CannedTransport:
    """ProviderTransport that gives one answer after another (the last one for ever) and remembers what was asked."""

    def __init__(self, *answers: HttpExchange) -> None:
        self._answers = list(answers)
        self.requests: list[HttpRequest] = []

    def send(self, request: HttpRequest, *, timeout_seconds: float) -> HttpExchange:
        assert timeout_seconds > 0
        self.requests.append(request)
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]

    def forms(self) -> list[dict[str, str]]:
        return [dict(parse_qsl(request.body.decode())) for request in self.requests]


def issued(access_token: str = "access-2", **members: object) -> HttpAnswer:
    """A token answer as RFC 6749 section 5.1 has it."""
    body = {"access_token": access_token, "token_type": "Bearer", "expires_in": 3600, **members}
    return HttpAnswer(status=200, headers=JSON, body=json.dumps(body).encode())


def refused(error: str = "invalid_grant", *, status: int = 400, **headers: str) -> HttpAnswer:
    """An error answer as RFC 6749 section 5.2 has it."""
    return HttpAnswer(status=status, headers={**JSON, **headers}, body=json.dumps({"error": error}).encode())
