"""Every local command talks to loopback, or not at all: a forgotten variable must never point it at a real account."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from urllib.parse import urlsplit


class ForeignEndpointError(Exception):
    """An AWS endpoint in the environment is not on this machine."""


def is_loopback(url: str) -> bool:
    """Tell whether the URL's host is ``localhost`` or a loopback address; names are not resolved."""
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def require_loopback(environment: Mapping[str, str]) -> None:
    """Check every AWS endpoint that the environment names, the services' own included.

    Raises:
        ForeignEndpointError: one is elsewhere.
    """
    for name, url in environment.items():
        if name.startswith("AWS_ENDPOINT_URL") and url and not is_loopback(url):
            raise ForeignEndpointError(
                f"refused: {name} is {url}, and local commands only talk to this machine. Unset it."
            )
