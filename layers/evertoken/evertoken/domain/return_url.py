"""Return URLs: where a browser may be sent back to. They are compared byte for byte, so only plain ones are taken."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

LONGEST_RETURN_URL = 1024
OUR_PARAMETERS = ("status", "session_uri")
"""What we add to a return URL; it may not have them itself."""
# Host and path without anything that browsers and parsers read differently: no userinfo, no backslash, no dot segments,
# no percent-encoding but upper-case or lower-case pairs, ASCII only.
_PLAIN = re.compile(
    r"(?P<scheme>https?)://(?P<host>[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[::1\])(?P<port>:[0-9]{1,5})?"
    r"(?P<path>(?:/(?!\.{1,2}(?:/|\?|$))(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})*)*)"
    r"(?P<query>\?(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*)?"
)
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})


def why_not_a_return_url(url: str, *, allow_loopback: bool) -> str | None:
    """Return why *url* cannot be a return URL, or None when it can."""
    if len(url) > LONGEST_RETURN_URL:
        return f"it is longer than {LONGEST_RETURN_URL} characters."
    plain = _PLAIN.fullmatch(url)
    if plain is None:
        return "it must be a plain absolute https URL: lower-case host, no user, no fragment, no dot segments, ASCII only."
    is_loopback = plain["host"] in _LOOPBACK
    if plain["scheme"] == "http" and not (is_loopback and allow_loopback):
        return "it must be https (http is for loopback addresses on the local stage)."
    if ".." in plain["host"]:
        return "its host has an empty label."
    names = {name for name, _ in parse_qsl(urlsplit(url).query, keep_blank_values=True)}
    if names & set(OUR_PARAMETERS):
        return "its query may not have status or session_uri: Evertoken adds them."
    return None


def with_result(return_url: str, *, status: str, session_uri: str) -> str:
    """Return where the browser goes: the return URL as registered, with our two parameters after its own query."""
    parts = urlsplit(return_url)
    ours = urlencode({"status": status, "session_uri": session_uri})
    return urlunsplit(parts._replace(query=f"{parts.query}&{ours}" if parts.query else ours))
