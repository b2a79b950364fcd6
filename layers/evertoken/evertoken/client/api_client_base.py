"""What the blocking and the asyncio client have in common: configuration, credentials, and the rules of a call."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from typing import Self, TypedDict, TypeVar, Unpack

import httpx

from evertoken.client.api_address import checked_address
from evertoken.client.api_call import ApiCall
from evertoken.client.api_credentials import ApiCredentials
from evertoken.client.api_environment import api_from_env, credential_from_env
from evertoken.client.api_role import RoleCredentials, RoleSigner
from evertoken.client.api_steps import Credentials, Steps, call_steps, exchange_steps
from evertoken.client.api_transport import CONNECT_SECONDS, build_limits
from evertoken.client.operation import OnOperation
from evertoken.client.retry_policy import RetryPolicy

Answer = TypeVar("Answer")

TIMEOUT_SECONDS = 32.0
"""The service ends within API Gateway's 30 seconds."""
MOST_CONNECTIONS = 20
RETRIES = 2


class Credential(TypedDict, total=False):
    """What a client proves itself with: one of the three."""

    client_id: str
    client_secret: str
    """Client credentials: exchanged for an access token, which is renewed before its end."""
    token: str
    """An access token that somebody else keeps valid."""
    as_role: bool
    """The IAM role that the program runs as, which an operator has bound to an API client."""


class ClientOptions(Credential, total=False):
    """How a client is made."""

    timeout: float
    """Seconds without a byte, 32 unless given; 5 at most to connect."""
    max_connections: int
    """How many connections the pool keeps, 20 unless given."""
    http2: bool
    """Speak HTTP/2 where the other side does; needs the extra `http2`."""
    retries: int
    """How often a request is sent again where that is safe, 2 unless given."""
    on_operation: OnOperation | None
    """Told how every call ended."""
    new_correlation_id: Callable[[], str]
    """The id that a call is found by in the logs of the service: that of the request that your program serves, say. Random unless given."""


class ClientBase:
    """A client without its connections."""

    def __init__(
        self,
        base_url: str,
        *,
        _now: Callable[[], float] = time.time,
        _policy: RetryPolicy | None = None,
        **options: Unpack[ClientOptions],
    ) -> None:
        self._base_url = checked_address(base_url)
        self._credentials = _credentials_of(options, _now)
        self._signer = RoleSigner(self._base_url)
        timeout = options.get("timeout", TIMEOUT_SECONDS)
        self._timeout = httpx.Timeout(timeout, connect=min(timeout, CONNECT_SECONDS))
        self._limits = build_limits(options.get("max_connections", MOST_CONNECTIONS))
        self._http2 = options.get("http2", False)
        self._policy = _policy or RetryPolicy(retries=options.get("retries", RETRIES))
        self._on_operation = options.get("on_operation")
        self._new_correlation_id = options.get("new_correlation_id", _random_id)

    @classmethod
    def from_env(cls, **options: Unpack[ClientOptions]) -> Self:
        """Return the client that the environment names; a credential among *options* goes before the environment's.

        EVERTOKEN_API is the stack's Output ApiUrl; EVERTOKEN_CLIENT_ID and EVERTOKEN_CLIENT_SECRET, or EVERTOKEN_TOKEN, or EVERTOKEN_AS_ROLE=1 are the credential.
        Raises: ConfigurationError.
        """
        is_given = any(name in options for name in Credential.__annotations__)
        credential: Credential = {} if is_given else credential_from_env()
        merged: ClientOptions = {**credential, **options}
        return cls(api_from_env(), **merged)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._base_url!r})"

    def _steps(self, call: ApiCall[Answer], correlation_id: str) -> Steps[Answer]:
        return call_steps(call, self._credentials, self._policy, correlation_id=correlation_id)

    def _exchange_steps(self, refused: str) -> Steps[str]:
        return exchange_steps(
            self._credentials, self._policy, refused=refused, correlation_id=self._new_correlation_id()
        )


def _credentials_of(options: ClientOptions, now: Callable[[], float]) -> Credentials:
    client_id, client_secret = options.get("client_id", ""), options.get("client_secret", "")
    token = options.get("token", "")
    if options.get("as_role", False) and not (client_id or client_secret or token):
        return RoleCredentials(now=now)
    return ApiCredentials(client_id=client_id, client_secret=client_secret, token=token, now=now)


def _random_id() -> str:
    return uuid.uuid4().hex
