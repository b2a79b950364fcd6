"""What can go wrong for a program that uses Evertoken, as one tree.

EvertokenClientError
├── ConfigurationError           CONFIGURATION          an argument or environment variable is missing or wrong
├── CredentialsError             UNAUTHORIZED           the credentials for the API, AWS or the provider are refused
├── ForbiddenError               FORBIDDEN              they are good and lack a right
├── NotFoundError                NOT_FOUND              there is no such thing, or it is another tenant's
├── AmbiguousAccountError        AMBIGUOUS_ACCOUNT      several connections match; the message names them
├── RequestRefusedError          BAD_REQUEST …          the API does not take this request
├── ConnectionNeedsUserError     REAUTH_REQUIRED …      no program can mend it: somebody has to connect again, or lift the hold
├── TemporarilyUnavailableError  TOKEN_REFRESH_ERROR …  the same call may succeed later
│   └── RateLimitedError         RATE_LIMITED           too many requests
├── TransportError               TRANSPORT              nobody answered
│   └── OutcomeUnknownError      OUTCOME_UNKNOWN        a request was sent that must not be repeated blindly, and the answer was lost
├── SecretShapeError             SECRET_SHAPE           what was read is not a published token
├── ClockSkewError               CLOCK_SKEW             two clocks disagree on whether a token is expired
├── TokenRejectedError           TOKEN_REJECTED         a provider refuses fresh tokens too
└── StorageError                 STORAGE                a token storage could not keep or give back what it holds

A message names what is wrong and how to mend it. It never carries a token, a secret, a code or a provider's own words.
"""

from __future__ import annotations

from typing import ClassVar


class EvertokenClientError(Exception):
    """The base of every error of the client libraries; never raised itself.

    `code` is one of the API's closed list (docs/errors.md) or of the tree above; programs decide by the class or by it. `correlation_id` finds
    the request in the logs of the service ("" when no request was answered). `retryable` says whether the same call may succeed later
    without anybody doing anything, and `retry_after_seconds` how long to wait, when that is known.
    """

    default_code: ClassVar[str] = "INTERNAL"
    default_retryable: ClassVar[bool] = False

    def __init__(
        self,
        message: str,
        *,
        code: str = "",
        correlation_id: str = "",
        retryable: bool | None = None,
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.correlation_id = correlation_id
        self.retryable = self.default_retryable if retryable is None else retryable
        self.retry_after_seconds = retry_after_seconds


class ConfigurationError(EvertokenClientError):
    """An argument or an environment variable is missing or wrong."""

    default_code = "CONFIGURATION"


class CredentialsError(EvertokenClientError):
    """The credentials for the API, AWS or the provider are missing, wrong or expired."""

    default_code = "UNAUTHORIZED"


class ForbiddenError(EvertokenClientError):
    """The credentials are good and lack a right: a scope at the API, a policy in AWS."""

    default_code = "FORBIDDEN"


class NotFoundError(EvertokenClientError):
    """There is no such connection, secret or resource; absent and another tenant's look the same."""

    default_code = "NOT_FOUND"


class AmbiguousAccountError(EvertokenClientError):
    """A user has several connections at the provider; name the account or use a connection id."""

    default_code = "AMBIGUOUS_ACCOUNT"


class RequestRefusedError(EvertokenClientError):
    """The API does not take this request; the message names what to correct."""

    default_code = "BAD_REQUEST"


class ConnectionNeedsUserError(EvertokenClientError):
    """There will be no token until a person acts: connects again, or lifts the hold."""

    default_code = "REAUTH_REQUIRED"


class TemporarilyUnavailableError(EvertokenClientError):
    """No token or answer can be had now; the same call may succeed after `retry_after_seconds`."""

    default_code = "TOKEN_REFRESH_ERROR"
    default_retryable = True


class RateLimitedError(TemporarilyUnavailableError):
    """Too many requests; wait for `retry_after_seconds`."""

    default_code = "RATE_LIMITED"


class TransportError(EvertokenClientError):
    """The other side could not be reached or did not answer in time."""

    default_code = "TRANSPORT"
    default_retryable = True


class OutcomeUnknownError(TransportError):
    """A request was sent that must not be repeated blindly, and its answer was lost."""

    default_code = "OUTCOME_UNKNOWN"
    default_retryable = False


class SecretShapeError(EvertokenClientError):
    """What was read is not a token as Evertoken publishes it."""

    default_code = "SECRET_SHAPE"


class ClockSkewError(EvertokenClientError):
    """This machine's clock and the server's disagree on whether a token is expired."""

    default_code = "CLOCK_SKEW"


class TokenRejectedError(EvertokenClientError):
    """The provider refuses the newest token too, so a newer one would not help."""

    default_code = "TOKEN_REJECTED"


class StorageError(EvertokenClientError):
    """A token storage could not keep, or give back, what it holds."""

    default_code = "STORAGE"
