"""A reader's configuration from environment variables."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from evertoken.client.errors import ConfigurationError

if TYPE_CHECKING:
    from evertoken.client.api_async_client import AsyncEvertokenClient
    from evertoken.client.api_client import EvertokenClient
    from evertoken.client.operation import OnOperation

# A reader has pauses of its own, and something to serve meanwhile: it must not sleep in the middle of a request.
RETRIES = 0


def prefix_from_env() -> str:
    """Return EVERTOKEN_SECRET_PREFIX, "" when it is not set."""
    return os.environ.get("EVERTOKEN_SECRET_PREFIX", "")


def find_api_from_env(on_operation: OnOperation | None) -> EvertokenClient | None:
    """Return the API that EVERTOKEN_API names, or None. Raises: ConfigurationError."""
    if not os.environ.get("EVERTOKEN_API"):
        return None
    try:
        from evertoken.client.api_client import EvertokenClient
    except ImportError as error:
        raise _needs_httpx() from error
    return EvertokenClient.from_env(retries=RETRIES, on_operation=on_operation)


def find_async_api_from_env(on_operation: OnOperation | None) -> AsyncEvertokenClient | None:
    """Return the API that EVERTOKEN_API names, or None. Raises: ConfigurationError."""
    if not os.environ.get("EVERTOKEN_API"):
        return None
    try:
        from evertoken.client.api_async_client import AsyncEvertokenClient
    except ImportError as error:
        raise _needs_httpx() from error
    return AsyncEvertokenClient.from_env(retries=RETRIES, on_operation=on_operation)


def _needs_httpx() -> ConfigurationError:
    return ConfigurationError(
        "EVERTOKEN_API is set, and speaking to the API needs httpx. Install it, or unset EVERTOKEN_API to read from Secrets Manager alone."
    )
