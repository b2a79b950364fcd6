"""The API's address: tokens travel to it and from it, so it is https, or this machine."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from evertoken.client.errors import ConfigurationError
from evertoken.client.loopback import is_loopback

_LABEL = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")


def checked_address(base_url: str) -> str:
    """Return the API's address without a slash at its end.

    Raises:
        ConfigurationError: it is not an absolute URL of scheme, host, port and path; the message never repeats it, for it may hold a password.
    """
    host = _host_of(base_url)
    if not host:
        raise ConfigurationError(
            "The API's address must be an absolute https URL of host and path, without user, password, query and fragment. "
            "Set EVERTOKEN_API to the stack's Output ApiUrl."
        )
    if urlsplit(base_url).scheme == "https" or is_loopback(host):
        return base_url.rstrip("/")
    raise ConfigurationError(
        "The API's address must begin with https:// (http:// only on loopback). Set EVERTOKEN_API to the stack's Output ApiUrl."
    )


def _host_of(base_url: object) -> str:
    """Return the host of an address that can be used, else an empty text."""
    if (
        not isinstance(base_url, str)
        or not base_url.isascii()
        or not base_url.isprintable()
        or " " in base_url
    ):
        return ""
    try:
        parts = urlsplit(base_url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https") or "@" in parts.netloc or "?" in base_url or "#" in base_url:
        return ""
    is_name = all(_LABEL.fullmatch(label) for label in host.removesuffix(".").split("."))
    return host if is_name or ":" in host else ""
