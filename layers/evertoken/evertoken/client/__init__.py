"""What programs import to use the tokens that Evertoken keeps valid.

Every name is loaded when it is first used: a Lambda that only reads tokens pays for nothing else. Nothing here imports the rest of `evertoken`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evertoken.client.api_async_client import AsyncEvertokenClient as AsyncEvertokenClient
    from evertoken.client.api_client import EvertokenClient as EvertokenClient
    from evertoken.client.api_token_source import AsyncTokenApi as AsyncTokenApi
    from evertoken.client.api_token_source import TokenApi as TokenApi
    from evertoken.client.async_reader import AsyncTokenReader as AsyncTokenReader
    from evertoken.client.connection_auth import ConnectionAuth as ConnectionAuth
    from evertoken.client.errors import AmbiguousAccountError as AmbiguousAccountError
    from evertoken.client.errors import ClockSkewError as ClockSkewError
    from evertoken.client.errors import ConfigurationError as ConfigurationError
    from evertoken.client.errors import ConnectionNeedsUserError as ConnectionNeedsUserError
    from evertoken.client.errors import CredentialsError as CredentialsError
    from evertoken.client.errors import EvertokenClientError as EvertokenClientError
    from evertoken.client.errors import ForbiddenError as ForbiddenError
    from evertoken.client.errors import NotFoundError as NotFoundError
    from evertoken.client.errors import OutcomeUnknownError as OutcomeUnknownError
    from evertoken.client.errors import RateLimitedError as RateLimitedError
    from evertoken.client.errors import RequestRefusedError as RequestRefusedError
    from evertoken.client.errors import SecretShapeError as SecretShapeError
    from evertoken.client.errors import StorageError as StorageError
    from evertoken.client.errors import TemporarilyUnavailableError as TemporarilyUnavailableError
    from evertoken.client.errors import TokenRejectedError as TokenRejectedError
    from evertoken.client.errors import TransportError as TransportError
    from evertoken.client.file_token_storage import FileTokenStorage as FileTokenStorage
    from evertoken.client.oauth_async_client import AsyncOAuthClient as AsyncOAuthClient
    from evertoken.client.oauth_auth import OAuthAuth as OAuthAuth
    from evertoken.client.oauth_authorization import AuthorizationRequest as AuthorizationRequest
    from evertoken.client.oauth_client import OAuthClient as OAuthClient
    from evertoken.client.oauth_config import OAuthConfig as OAuthConfig
    from evertoken.client.oauth_config import SessionLogin as SessionLogin
    from evertoken.client.oauth_tokens import OAuthTokens as OAuthTokens
    from evertoken.client.operation import Operation as Operation
    from evertoken.client.reader import TokenReader as TokenReader
    from evertoken.client.refusal import error_member as error_member
    from evertoken.client.requests_auth import RequestsAuth as RequestsAuth
    from evertoken.client.result import Result as Result
    from evertoken.client.session_async_tokens import AsyncSessionTokens as AsyncSessionTokens
    from evertoken.client.session_state import PolledSession as PolledSession
    from evertoken.client.session_tokens import SessionTokens as SessionTokens
    from evertoken.client.token import Token as Token
    from evertoken.client.token_function import token_function as token_function
    from evertoken.client.token_storage import AsyncTokenStorage as AsyncTokenStorage
    from evertoken.client.token_storage import LockingTokenStorage as LockingTokenStorage
    from evertoken.client.token_storage import MemoryTokenStorage as MemoryTokenStorage
    from evertoken.client.token_storage import TokenStorage as TokenStorage

# The module of each public name. A test compares this table with the imports above.
_MODULES = {
    "AmbiguousAccountError": "errors",
    "AsyncEvertokenClient": "api_async_client",
    "AsyncOAuthClient": "oauth_async_client",
    "AsyncSessionTokens": "session_async_tokens",
    "AsyncTokenApi": "api_token_source",
    "AsyncTokenReader": "async_reader",
    "AsyncTokenStorage": "token_storage",
    "AuthorizationRequest": "oauth_authorization",
    "ClockSkewError": "errors",
    "ConfigurationError": "errors",
    "ConnectionAuth": "connection_auth",
    "ConnectionNeedsUserError": "errors",
    "CredentialsError": "errors",
    "EvertokenClient": "api_client",
    "EvertokenClientError": "errors",
    "FileTokenStorage": "file_token_storage",
    "ForbiddenError": "errors",
    "LockingTokenStorage": "token_storage",
    "MemoryTokenStorage": "token_storage",
    "NotFoundError": "errors",
    "OAuthAuth": "oauth_auth",
    "OAuthClient": "oauth_client",
    "OAuthConfig": "oauth_config",
    "OAuthTokens": "oauth_tokens",
    "Operation": "operation",
    "OutcomeUnknownError": "errors",
    "PolledSession": "session_state",
    "RateLimitedError": "errors",
    "RequestRefusedError": "errors",
    "RequestsAuth": "requests_auth",
    "Result": "result",
    "SecretShapeError": "errors",
    "SessionLogin": "oauth_config",
    "SessionTokens": "session_tokens",
    "StorageError": "errors",
    "TemporarilyUnavailableError": "errors",
    "Token": "token",
    "TokenApi": "api_token_source",
    "TokenReader": "reader",
    "TokenRejectedError": "errors",
    "TokenStorage": "token_storage",
    "TransportError": "errors",
    "error_member": "refusal",
    "token_function": "token_function",
}

__all__ = tuple(_MODULES)


def __getattr__(name: str) -> Any:
    """Load the module that a public name lives in (PEP 562)."""
    module = _MODULES.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{module}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(_MODULES)
