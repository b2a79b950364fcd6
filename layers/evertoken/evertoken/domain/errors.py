"""What can go wrong, as a closed list: the tree is drawn here, and `docs/errors.md` is compared with it by a test.

EvertokenError
├── InvalidInputError            BAD_REQUEST
│   ├── UnknownProviderError     UNKNOWN_PROVIDER
│   └── UnknownRegistrationError UNKNOWN_REGISTRATION
├── AuthenticationError          UNAUTHORIZED
├── AuthorizationError           FORBIDDEN
├── NotFoundError                NOT_FOUND
│   └── ConnectionNotFoundError  ACCOUNT_NOT_FOUND
├── ConflictError                CONFLICT
├── InvalidStateError            INVALID_STATE
│   ├── ConnectExpiredError      CONNECT_EXPIRED
│   └── UserMismatchError        USER_MISMATCH
├── TokenUnavailableError        TOKEN_REFRESH_ERROR
│   ├── TokenExpiredError        TOKEN_EXPIRED
│   ├── NoRefreshTokenError      NO_REFRESH_TOKEN
│   ├── ReauthorizationRequiredError REAUTH_REQUIRED
│   ├── DisconnectedError        DISCONNECTED
│   ├── OnHoldError              ON_HOLD
│   ├── ProviderUnavailableError PROVIDER_UNAVAILABLE
│   ├── ProviderRefusedError     PROVIDER_REFUSED
│   ├── RegistrationPausedError  REGISTRATION_PAUSED
│   └── ClientChangedError       CLIENT_CHANGED
├── RateLimitedError             RATE_LIMITED
├── VaultSealedError             VAULT_SEALED
├── SignerUnavailableError       SIGNER_UNAVAILABLE
│   └── SigningKeyError          SIGNING_KEY_REFUSED
├── PublisherUnavailableError    PUBLISHER_UNAVAILABLE
├── StoreUnavailableError        STORE_UNAVAILABLE
└── ConfigurationError           INTERNAL

A message names what is wrong and how to mend it. It never carries a token, a secret, a code or a provider's own words.
"""

from __future__ import annotations

from typing import ClassVar


class EvertokenError(Exception):
    """The base of every error; never raised itself."""

    code: ClassVar[str] = "INTERNAL"
    retryable: ClassVar[bool] = False

    def __init__(self, message: str, *, retry_after_seconds: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.retry_after_seconds = retry_after_seconds


class InvalidInputError(EvertokenError):
    """The request is not one that this operation takes; the message names the field and the mend."""

    code = "BAD_REQUEST"


class UnknownProviderError(InvalidInputError):
    """No provider entry has this id."""

    code = "UNKNOWN_PROVIDER"


class UnknownRegistrationError(InvalidInputError):
    """No client registration has this id, or it does not name the caller's tenant."""

    code = "UNKNOWN_REGISTRATION"


class AuthenticationError(EvertokenError):
    """Who is calling could not be established; one constant message, so that nothing is learned from it."""

    code = "UNAUTHORIZED"

    def __init__(
        self, message: str = "The request carries no valid credential. Get a token from POST /v1/auth/token."
    ) -> None:
        super().__init__(message)


class AuthorizationError(EvertokenError):
    """The caller is known and lacks the scope for this operation."""

    code = "FORBIDDEN"


class NotFoundError(EvertokenError):
    """Nothing under this id belongs to the caller; absent and foreign look the same."""

    code = "NOT_FOUND"


class ConnectionNotFoundError(NotFoundError):
    """No connection of the caller's tenant has this id."""

    code = "ACCOUNT_NOT_FOUND"

    def __init__(
        self, message: str = "No connection of this tenant has that id. List them with GET /v1/connections."
    ) -> None:
        super().__init__(message)


class ConflictError(EvertokenError):
    """The request contradicts what is stored; the message names what it collides with."""

    code = "CONFLICT"


class InvalidStateError(EvertokenError):
    """The state of an authorization is unknown, used, or belongs to another registration. Start again."""

    code = "INVALID_STATE"


class ConnectExpiredError(InvalidStateError):
    """The authorization was begun and not completed in time. Start again."""

    code = "CONNECT_EXPIRED"


class UserMismatchError(InvalidStateError):
    """The user who finishes is not the user who began."""

    code = "USER_MISMATCH"


class TokenUnavailableError(EvertokenError):
    """No token that meets the request can be had now."""

    code = "TOKEN_REFRESH_ERROR"
    retryable = True


class TokenExpiredError(TokenUnavailableError):
    """The access token has expired and could not be replaced in time."""

    code = "TOKEN_EXPIRED"


class NoRefreshTokenError(TokenUnavailableError):
    """The connection holds nothing that a new access token could be had with."""

    code = "NO_REFRESH_TOKEN"
    retryable = False


class ReauthorizationRequiredError(TokenUnavailableError):
    """The grant is dead: the user must connect again."""

    code = "REAUTH_REQUIRED"
    retryable = False


class DisconnectedError(TokenUnavailableError):
    """The connection was disconnected; connect again."""

    code = "DISCONNECTED"
    retryable = False


class OnHoldError(TokenUnavailableError):
    """An operator holds this connection."""

    code = "ON_HOLD"
    retryable = False


class ProviderUnavailableError(TokenUnavailableError):
    """The provider did not answer, throttled us, or failed; nothing was lost."""

    code = "PROVIDER_UNAVAILABLE"


class ProviderRefusedError(TokenUnavailableError):
    """The provider refused the authorization code or the request; connect again or correct the registration."""

    code = "PROVIDER_REFUSED"
    retryable = False


class RegistrationPausedError(TokenUnavailableError):
    """The provider refuses our client; an operator must correct the client registration."""

    code = "REGISTRATION_PAUSED"


class ClientChangedError(TokenUnavailableError):
    """The grant belongs to another client registration than the one stored now; connect again."""

    code = "CLIENT_CHANGED"
    retryable = False


class RateLimitedError(EvertokenError):
    """Too many requests; wait for `retry_after_seconds`."""

    code = "RATE_LIMITED"
    retryable = True


class VaultSealedError(EvertokenError):
    """The key that opens stored tokens cannot be had; no state was changed."""

    code = "VAULT_SEALED"
    retryable = True


class SignerUnavailableError(EvertokenError):
    """A client registration's key cannot sign now; nothing was sent to the provider."""

    code = "SIGNER_UNAVAILABLE"
    retryable = True


class SigningKeyError(SignerUnavailableError):
    """A client registration's key cannot sign until an operator puts it right; nothing was sent to the provider."""

    code = "SIGNING_KEY_REFUSED"
    retryable = False


class StoreUnavailableError(EvertokenError):
    """The store did not acknowledge in time; the call may or may not have happened and is safe to repeat."""

    code = "STORE_UNAVAILABLE"
    retryable = True


class ConfigurationError(EvertokenError):
    """The deployment itself is wrong; the message names the setting."""


class PublisherUnavailableError(EvertokenError):
    """Secrets Manager did not acknowledge; the publication stays owed and is tried again."""

    code = "PUBLISHER_UNAVAILABLE"
    retryable = True
