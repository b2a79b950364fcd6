"""The compact form of signed tokens (RFC 7515 section 3.1), for those that sign them."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping


def signing_input(header: Mapping[str, object], claims: Mapping[str, object]) -> str:
    """Return what is signed (RFC 7515 section 5.1); with a dot and the encoded signature it is the token."""
    return f"{_encode_json(header)}.{_encode_json(claims)}"


def encode_part(part: bytes) -> str:
    """Return *part* in base64url without padding (RFC 7515 section 2)."""
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()


def side_by_side(der: bytes, coordinate_bytes: int) -> bytes:
    """Return an ECDSA signature as JWS wants it, r and s of *coordinate_bytes* each; KMS answers in DER (RFC 7518 section 3.4)."""
    # Imported late: most functions that can sign never do.
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

    r, s = decode_dss_signature(der)
    return r.to_bytes(coordinate_bytes) + s.to_bytes(coordinate_bytes)


def _encode_json(document: Mapping[str, object]) -> str:
    return encode_part(json.dumps(document, separators=(",", ":")).encode())
