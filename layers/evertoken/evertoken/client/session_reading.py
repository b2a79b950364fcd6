"""How a session is looked at and ended with its own token: generators without input or output (see `steps`)."""

from __future__ import annotations

from typing import Final, Literal

from evertoken.client.api_call import segment
from evertoken.client.api_errors import error_of
from evertoken.client.api_exchange import ApiAnswer
from evertoken.client.errors import CredentialsError, EvertokenClientError
from evertoken.client.oauth_tokens import OAuthTokens
from evertoken.client.operation import OnOperation, observed
from evertoken.client.session_answer import parse_state
from evertoken.client.session_commands import Exchange, NeedTokens, Steps
from evertoken.client.session_rules import SessionRules
from evertoken.client.session_state import PolledSession

POLL_SECONDS: Final = 5.0
_OK, _NO_CONTENT, _UNAUTHORIZED = 200, 204, 401


class SessionReading:
    """What is done with the tokens that the rules keep."""

    def __init__(self, rules: SessionRules, on_operation: OnOperation | None) -> None:
        self._rules = rules
        self._on_operation = on_operation

    def read(self, session_id: str) -> Steps[PolledSession]:
        """Return the session's state; `unknown` when the service does not say, this once.

        Raises:
            CredentialsError: the token is good, and of another session.
            EvertokenClientError: asking again would not help.
        """
        try:
            tokens: OAuthTokens = yield NeedTokens()
        except CredentialsError:
            return PolledSession(session_id=session_id, status="ended")
        except EvertokenClientError as error:
            # An expired token still reads its own session, in the grace.
            if self._rules.tokens is None or not error.retryable:
                raise
            tokens = self._rules.tokens
        try:
            answer = yield from self._ask("session.read", "GET", session_id, tokens)
            if answer.status == _UNAUTHORIZED:
                tokens = yield NeedTokens(refused=tokens.access_token)
                answer = yield from self._ask("session.read", "GET", session_id, tokens)
        except CredentialsError:
            return PolledSession(session_id=session_id, status="ended")
        except EvertokenClientError as error:
            return _unknown(session_id, error)
        if answer.status == _OK:
            return parse_state(answer, session_id)
        if answer.status == _UNAUTHORIZED:
            raise CredentialsError(
                "The token is refreshed and does not read this session: it is of another one. Use the session_id that came with the token."
            )
        return _unknown(session_id, error_of(answer.status, answer.headers, answer.body))

    def end(self, session_id: str) -> Steps[None]:
        """End the session; a session that has ended already is no error.

        Raises:
            EvertokenClientError: it may not have ended. The call can be repeated.
        """
        try:
            tokens: OAuthTokens = yield NeedTokens()
        except CredentialsError:
            return
        answer = yield from self._ask("session.end", "DELETE", session_id, tokens)
        if answer.status != _NO_CONTENT:
            raise error_of(answer.status, answer.headers, answer.body)
        self._rules.note_end()

    def _ask(
        self, name: str, method: Literal["GET", "DELETE"], session_id: str, tokens: OAuthTokens
    ) -> Steps[ApiAnswer]:
        path = f"/v1/sessions/{segment(session_id)}"
        with observed(name, self._on_operation):
            answer: ApiAnswer = yield Exchange(method=method, path=path, bearer=tokens.access_token)
        return answer


def _unknown(session_id: str, error: EvertokenClientError) -> PolledSession:
    if not error.retryable:
        raise error
    return PolledSession(session_id=session_id, status="unknown", error=error)
