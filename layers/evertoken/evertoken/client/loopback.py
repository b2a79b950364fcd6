"""This machine's own addresses, where http may carry tokens: nothing leaves the machine."""

from __future__ import annotations

import ipaddress


def is_loopback(host: str) -> bool:
    """Return whether *host* names this machine (RFC 6761 section 6.3 for localhost; 127.0.0.0/8; ::1)."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
