"""Which URLs a provider document may name: https, a plain host, placeholders only where their value cannot change who is asked."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

CLIENT_ID_PLACEHOLDER = "client_id"
"""Filled from the client registration when a request is built; in paths only."""
_HOST = re.compile(r"(?:(?:[a-z0-9]|\{[a-z][a-z0-9_]*\}|[a-z0-9][a-z0-9-]{0,61}[a-z0-9])(?:\.|\Z))+")
_PLACEHOLDER = re.compile(r"\{([a-z][a-z0-9_]*)\}")
_FIXED_SUFFIX = re.compile(r".*\}(?:\.[a-z0-9-]+){2,}")
_FORBIDDEN = re.compile(r"[^\x21-\x7e]|[\\\"<>^`|]")


@dataclass(frozen=True, slots=True, kw_only=True)
class UrlPlaceholders:
    """The placeholders of one URL."""

    in_host: frozenset[str]
    in_path: frozenset[str]


def find_url_problem(url: str, *, allow_loopback: bool) -> str | None:
    """Return what is wrong with an endpoint's URL, as the end of a sentence, or None."""
    if _FORBIDDEN.search(url):
        return "must be a URL of plain ASCII characters."
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return "must be a URL."
    if "@" in parts.netloc or parts.fragment or url.endswith("#"):
        return "must be a URL without user name and fragment."
    if _is_loopback(host):
        return None if allow_loopback and parts.scheme in ("http", "https") else _LOOPBACK
    if parts.scheme != "https":
        return "must begin with https://."
    if _is_address(host):
        return "must name its host; a numeric address cannot prove who it is."
    if (
        parts.netloc != parts.netloc.lower()
        or _HOST.fullmatch(host) is None
        or host.endswith(".")
        or "." not in host
    ):
        return "must name a host in lower case, such as https://accounts.example.com/token."
    return _find_placeholder_problem(url, host) if "{" in url or "}" in url else None


def _find_placeholder_problem(url: str, host: str) -> str | None:
    parts = urlsplit(url)
    if "{" in host and _FIXED_SUFFIX.fullmatch(host) is None:
        return (
            "must end its host in a fixed domain after the placeholder, such as https://{shop}.example.com."
        )
    if not _has_clean_placeholders(parts.path):
        return "may have a placeholder only as a whole part of its path, such as /applications/{client_id}/token."
    if "{" in parts.query or CLIENT_ID_PLACEHOLDER in find_placeholders(url).in_host:
        return "may not have a placeholder there."
    return None


_LOOPBACK = "must not be on this machine: only the local stage allows providers on loopback addresses."


def find_placeholders(url: str) -> UrlPlaceholders:
    """Return the placeholders of *url*."""
    parts = urlsplit(url)
    return UrlPlaceholders(
        in_host=frozenset(_PLACEHOLDER.findall(parts.netloc)),
        in_path=frozenset(_PLACEHOLDER.findall(parts.path)),
    )


def _has_clean_placeholders(path: str) -> bool:
    return all(
        ("{" not in part and "}" not in part) or _PLACEHOLDER.fullmatch(part) for part in path.split("/")
    )


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    return _is_address(host) and ipaddress.ip_address(host).is_loopback


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
