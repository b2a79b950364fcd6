"""The claims of a JWT that came over TLS from the endpoint which issued it: read, not verified."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

_DOTS = 2
_NO_CLAIMS: Mapping[str, Any] = {}


def find_claims(token: Any) -> Mapping[str, Any]:
    """Return the claims of *token*, none where it is no JWT; never raises.

    Nothing may be decided by them but what the same answer could have said in plain words (OpenID Connect Core 1.0 section 3.1.3.7, rule 6).
    """
    if not isinstance(token, str) or token.count(".") != _DOTS or not token.isascii():
        return _NO_CLAIMS
    payload = token.split(".")[1]
    try:
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (ValueError, RecursionError):
        return _NO_CLAIMS
    return claims if isinstance(claims, dict) else _NO_CLAIMS
