"""Issuers of OpenID Connect: identifiers that are URLs, compared byte for byte, so only plain ones are taken."""

from __future__ import annotations

import re

LONGEST_ISSUER = 512
# No user, no query, no fragment (OpenID Connect Discovery 1.0 section 3), no dot segments, nothing that parsers read differently.
_PLAIN = re.compile(
    r"(?P<scheme>https?)://(?P<host>[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?)(?::[0-9]{1,5})?"
    r"(?:/(?!\.{1,2}(?:/|$))[A-Za-z0-9._~|-]*)*"
)
_LOOPBACK = frozenset({"127.0.0.1", "localhost"})


def why_not_an_issuer(url: str, *, allow_loopback: bool) -> str | None:
    """Return why *url* cannot be an issuer, or None when it can."""
    plain = _PLAIN.fullmatch(url) if len(url) <= LONGEST_ISSUER else None
    if plain is None or ".." in plain["host"]:
        return "must be the issuer's plain https URL, exactly as its tokens write it in iss: lower-case host, no query, no fragment."
    is_loopback = plain["host"] in _LOOPBACK
    if is_loopback and not allow_loopback:
        return "must not be on this machine: only the local stage allows that."
    if plain["scheme"] == "http" and not is_loopback:
        return "must begin with https://."
    if not is_loopback and ("." not in plain["host"] or plain["host"].rpartition(".")[2][0].isdigit()):
        return "must name its host; a numeric address cannot prove who it is."
    return None
