"""Whether two URLs belong to one site, told strictly and without a list of public suffixes."""

from __future__ import annotations

from urllib.parse import urlsplit

_COUNTRY_CODE = 2
_SHORT = 3


def is_same_site(url: str, endpoint: str) -> bool:
    """Return whether *url* is https and its host is that of *endpoint*, below it, or under the same registrable domain.

    Where that domain cannot be told from a public suffix (`co.uk`, `com.au`: a short label before a country code) a further label must agree.
    """
    try:
        parts, theirs = urlsplit(url), urlsplit(endpoint).hostname
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    if parts.scheme != "https" or not host or not theirs or "@" in parts.netloc or "\\" in url:
        return False
    site = _find_site(theirs)
    return (
        host == theirs
        or host.endswith(f".{theirs}")
        or (site is not None and f".{host}".endswith(f".{site}"))
    )


def _find_site(host: str) -> str | None:
    labels = host.split(".")
    if labels[-1].isdigit() or ":" in host:
        return None
    is_short = len(labels) > 1 and len(labels[-1]) == _COUNTRY_CODE and len(labels[-2]) <= _SHORT
    count = 3 if is_short else 2
    return ".".join(labels[-count:]) if len(labels) >= count else None
