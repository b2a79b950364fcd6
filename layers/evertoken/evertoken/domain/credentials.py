"""Credentials and identifiers of our own: how they are made, and how a secret is compared without being kept."""

from __future__ import annotations

import base64
import hashlib
import hmac


def hash_secret(secret: str) -> str:
    """Return the SHA-256 of *secret*, hexadecimal.

    Our secrets are random and have 256 bits, so a fast hash is enough: there is nothing to guess.
    """
    return hashlib.sha256(secret.encode()).hexdigest()


def secret_matches(secret: str, secret_hash: str) -> bool:
    """Return whether *secret* has this hash, in a time that does not depend on either."""
    return hmac.compare_digest(hash_secret(secret), secret_hash)


def identifier_of(prefix: str, randomness: str) -> str:
    """Return an identifier of 128 bits and more, lower-case base32 after *prefix*, made from an unguessable *randomness*."""
    digest = hashlib.sha256(randomness.encode()).digest()
    return prefix + base64.b32encode(digest).decode().lower()[:26]
