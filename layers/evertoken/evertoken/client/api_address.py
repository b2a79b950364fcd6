"""The API's address: tokens travel to it and from it, so it is https, or this machine."""

from __future__ import annotations

from urllib.parse import urlsplit

from evertoken.client.errors import ConfigurationError
from evertoken.client.loopback import is_loopback


def checked_address(base_url: str) -> str:
    """Return the API's address without a slash at its end. Raises: ConfigurationError."""
    parts = urlsplit(base_url)
    if parts.hostname and (
        parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname))
    ):
        return base_url.rstrip("/")
    raise ConfigurationError(
        f"The API's address must begin with https:// (http:// only on loopback), and it begins with {base_url[:8]!r}. "
        "Set EVERTOKEN_API to the stack's Output ApiUrl."
    )
