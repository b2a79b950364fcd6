"""The transport to the scripted provider's twin: no network, the same rules."""

from __future__ import annotations

from urllib.parse import urlencode, urlsplit

from evertoken.domain.http import HttpAnswer, HttpExchange, HttpRequest, NoAnswer
from tests.support.provider_requests import Call
from tests.support.provider_twin import AnswerLostError, NoAnswerError, ProviderTwin


class TwinTransport:
    """ProviderTransport over a twin: the last part of the path names the endpoint."""

    def __init__(self, twin: ProviderTwin) -> None:
        self._twin = twin

    def send(self, request: HttpRequest, *, timeout_seconds: float) -> HttpExchange:
        assert timeout_seconds > 0
        call = Call(
            method=request.method,
            endpoint=urlsplit(request.url).path.rpartition("/")[2],
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
