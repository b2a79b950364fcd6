"""Cursors: where a list goes on, sealed, so that they can be neither read, nor made, nor used for another list or by another tenant."""

from __future__ import annotations

import base64
import json

from evertoken.domain.connection import Sealed
from evertoken.domain.errors import InvalidInputError, VaultSealedError
from evertoken.ports import TokenSealer

LONGEST_CURSOR = 2048
CURSOR_KEY_OWNER = "-cursors"
"""Whose data key seals the cursors of functions that may open no tenant's token sets: nobody's, as no tenant can have this id."""


def seal_cursor(sealer: TokenSealer, key_owner: str, purpose: str, position: str) -> str:
    """Return the cursor of *position*, sealed with *key_owner*'s data key and bound to *purpose*, which names the list and whose it is."""
    sealed = sealer.seal(key_owner, purpose, position.encode())
    inner = json.dumps([sealed.key_id, base64.b64encode(sealed.ciphertext).decode()])
    return base64.urlsafe_b64encode(inner.encode()).rstrip(b"=").decode()


def open_cursor(sealer: TokenSealer, key_owner: str, purpose: str, cursor: str) -> str:
    """Return the position that `seal_cursor` sealed for the same owner and purpose.

    Raises:
        InvalidInputError: it is not such a cursor.
        VaultSealedError: the key cannot be had now.
    """
    refused = InvalidInputError("cursor: it is not one that this list gave. Leave it out to begin again.")
    # With the key at hand, a cursor that does not open is the cursor's own fault.
    sealer.make_ready(key_owner)
    try:
        if len(cursor) > LONGEST_CURSOR:
            raise refused
        key_id, ciphertext = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if not isinstance(key_id, str) or not isinstance(ciphertext, str):
            raise refused
        sealed = Sealed(key_id=key_id, ciphertext=base64.b64decode(ciphertext, validate=True))
        return sealer.open(key_owner, purpose, sealed).decode()
    except (ValueError, TypeError, RecursionError, VaultSealedError):
        raise refused from None
