"""Which addresses a provider may have: public ones, so that no name can lead a request into our own network (security facts 5c)."""

from __future__ import annotations

import ipaddress
import socket
import threading
from collections.abc import Sequence
from dataclasses import dataclass

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
# What versions of the ipaddress module disagree about, or call global.
_REFUSED = (
    ipaddress.IPv4Network("192.0.0.0/24"),  # protocol assignments (RFC 6890)
    ipaddress.IPv4Network("192.88.99.0/24"),  # 6to4 relays (RFC 7526)
    ipaddress.IPv6Network("2001::/23"),  # Teredo, ORCHID and other special purposes (RFC 6890)
    ipaddress.IPv6Network("2002::/16"),  # 6to4: an IPv4 address in disguise
    ipaddress.IPv6Network("3fff::/20"),  # documentation (RFC 9637)
)


class ResolutionError(Exception):
    """A host name led to no address that may be used; `reason` is a word of the closed alphabet."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """One address of a host, as the socket module wants it."""

    family: socket.AddressFamily
    text: str


def is_public(address: str) -> bool:
    """Return whether *address* is a public unicast address.

    Refused are private, loopback, link-local (instance metadata with it), CGNAT, unique local, multicast, documentation and reserved
    addresses, and IPv4 in the guise of IPv6, but for NAT64 in front of a public IPv4 address.
    """
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed in _NAT64:
            return is_public(str(ipaddress.IPv4Address(int(parsed) & 0xFFFFFFFF)))
        if parsed not in _GLOBAL_UNICAST:
            return False
    if any(parsed.version == network.version and parsed in network for network in _REFUSED):
        return False
    return parsed.is_global and not (parsed.is_multicast or parsed.is_reserved or parsed.is_unspecified)


def is_loopback(address: str) -> bool:
    """Return whether *address* is this machine, written as what it is."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def check_addresses(
    addresses: Sequence[Address], *, scheme: str, allow_loopback: bool
) -> tuple[Address, ...]:
    """Return those of *addresses* that may be connected to: public ones over https; loopback ones where it is allowed, over either.

    Raises:
        ResolutionError: there is none.
    """
    allowed = tuple(
        address
        for address in addresses
        if (scheme == "https" and is_public(address.text)) or (allow_loopback and is_loopback(address.text))
    )
    if not allowed:
        raise ResolutionError("address_refused" if addresses else "name_not_resolved")
    return allowed


def resolve_host(host: str, port: int, timeout_seconds: float) -> tuple[Address, ...]:
    """Return the addresses of *host*, in the order in which to try them.

    The system's resolver takes no deadline, so it runs in a thread that is left behind when it is late; that thread holds nothing.

    Raises:
        ResolutionError: the name does not resolve, or not in time.
    """
    found: list[tuple[Address, ...]] = []

    def look_up() -> None:
        try:
            answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
        except (OSError, UnicodeError):
            found.append(())
            return
        found.append(
            tuple(
                dict.fromkeys(
                    Address(family=family, text=str(where[0])) for family, _, _, _, where in answers
                )
            )
        )

    if _is_literal(host):
        look_up()
    else:
        thread = threading.Thread(target=look_up, name="resolve", daemon=True)
        thread.start()
        thread.join(max(timeout_seconds, 0))
    if not found:
        raise ResolutionError("name_resolution_timeout")
    if not found[0]:
        raise ResolutionError("name_not_resolved")
    return found[0]


def _is_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
