"""The rules of a call: whose bearer, what is sent again, when to stop. No input or output: steps.py and the clients do what is asked."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar

from evertoken.client.api_call import ApiCall, Authority, Repeat
from evertoken.client.api_decoding import answers_with_nothing
from evertoken.client.api_errors import error_of
from evertoken.client.api_exchange import ApiAnswer, ApiRequest, NeedBearer
from evertoken.client.errors import EvertokenClientError, OutcomeUnknownError, TransportError
from evertoken.client.retry_policy import RetryPolicy

Answer = TypeVar("Answer")
_ERROR, _UNAUTHORIZED, _NOT_FOUND, _THROTTLED = 400, 401, 404, 429
_GONE = ApiAnswer(status=204, headers={}, body=b"")


@dataclass(frozen=True, slots=True)
class Pause:
    """Nothing is to be done for so long."""

    seconds: float


@dataclass(frozen=True, slots=True)
class SignAsRole:
    """The headers are needed that sign this request as the IAM role that the program runs as."""

    request: ApiRequest


Command = ApiRequest | NeedBearer | Pause | SignAsRole
Steps = Generator[Command, Any, Answer]


class Credentials(Protocol):
    """What a client proves itself with."""

    @property
    def can_renew(self) -> bool:
        """Whether a bearer that was refused can be replaced."""
        ...

    def find(self, *, refused: str) -> str:
        """Return the bearer in hand, or "" when there is none that is good and other than *refused*."""
        ...

    def exchange(self, *, refused: str) -> Generator[Any, Any, str]:
        """Return a bearer other than *refused*."""
        ...


def call_steps(
    call: ApiCall[Answer], credentials: Credentials, policy: RetryPolicy, *, correlation_id: str
) -> Steps[Answer]:
    """Return what the call's answer becomes.

    A bearer that is refused is replaced once. Raises: what the API says, with the correlation id that every attempt of the call carried.
    """
    try:
        answer = yield from _answer_steps(call, credentials, policy, correlation_id)
        if answer.status >= _ERROR:
            raise error_of(answer.status, answer.headers, answer.body)
        return call.decode(answer)
    except EvertokenClientError as error:
        error.correlation_id = error.correlation_id or correlation_id
        raise


def _answer_steps(
    call: ApiCall[Any], credentials: Credentials, policy: RetryPolicy, correlation_id: str
) -> Steps[ApiAnswer]:
    asks_itself = call.authority is Authority.CLIENT
    bearer = ""
    if asks_itself:
        bearer = credentials.find(refused="") or (yield NeedBearer())
    request = call.request(bearer=bearer, correlation_id=correlation_id)
    if call.authority is Authority.ROLE:
        request = yield from sign_steps(request)
    gone_is_done = call.method == "DELETE" and call.decode is answers_with_nothing
    answer = yield from send_steps(request, call.repeat, policy, gone_is_done=gone_is_done)
    if answer.status == _UNAUTHORIZED and asks_itself and credentials.can_renew:
        bearer = yield NeedBearer(refused=bearer)
        again = replace(request, bearer=bearer)
        answer = yield from send_steps(again, call.repeat, policy, gone_is_done=gone_is_done)
    return answer


def sign_steps(request: ApiRequest) -> Steps[ApiRequest]:
    """Return *request* with a signature."""
    headers = yield SignAsRole(request)
    return replace(request, headers={**request.headers, **headers})


def exchange_steps(
    credentials: Credentials, policy: RetryPolicy, *, refused: str, correlation_id: str
) -> Steps[str]:
    """Return a bearer other than *refused*. To issue an access token twice harms nothing, so it may be asked for again."""
    exchange = credentials.exchange(refused=refused)
    try:
        command = next(exchange)
        while True:
            if isinstance(command, ApiRequest):
                headers = {**command.headers, "X-Correlation-Id": correlation_id}
                request = replace(command, headers=headers)
                command = exchange.send((yield from send_steps(request, Repeat.ALWAYS, policy)))
            else:
                command = exchange.send((yield command))
    except StopIteration as end:
        return str(end.value)


def send_steps(
    request: ApiRequest, repeat: Repeat, policy: RetryPolicy, *, gone_is_done: bool = False
) -> Steps[ApiAnswer]:
    """Return the last answer to *request*, sent again where that is safe and may help.

    With *gone_is_done* a 404 after a lost answer is success: the attempt that was lost has removed it.

    Raises: TransportError when nobody answered, OutcomeUnknownError when that leaves open what happened.
    """
    attempt, was_lost = 0, False
    while True:
        attempt += 1
        answer: ApiAnswer | None = None
        failure: EvertokenClientError
        try:
            answer = yield request
        except OutcomeUnknownError as error:
            was_lost = True
            is_safe = repeat is Repeat.ALWAYS
            failure = _lost(error, is_safe=is_safe)
        except TransportError as error:
            failure, is_safe = error, True
        else:
            if answer is None or answer.status < _ERROR:
                return answer
            if answer.status == _NOT_FOUND and was_lost and gone_is_done:
                return _GONE
            failure = error_of(answer.status, answer.headers, answer.body)
            is_safe = failure.retryable and _may_repeat(answer, repeat)
        pause = policy.pause_seconds(attempt, retry_after_seconds=failure.retry_after_seconds)
        if not is_safe or pause is None:
            if answer is None:
                raise failure
            return answer
        yield Pause(pause)


def _lost(error: OutcomeUnknownError, *, is_safe: bool) -> TransportError:
    if is_safe:
        return TransportError(f"{error.message} To send it again does no harm: check the network, and do.")
    return OutcomeUnknownError(
        f"{error.message} It may have been carried out: look before you send it again."
    )


def _may_repeat(answer: ApiAnswer, repeat: Repeat) -> bool:
    """Return whether a request that got this retryable answer may be sent again."""
    if answer.status == _THROTTLED or repeat is Repeat.ALWAYS:
        return True
    # Only the service itself names a correlation id (docs/api.md). What the gateway says in its place, when a function did not
    # answer in time say, leaves open what happened.
    return repeat is Repeat.IF_TOLD and "x-correlation-id" in answer.headers
