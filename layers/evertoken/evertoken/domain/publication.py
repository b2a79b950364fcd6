"""A publication: what readers of Secrets Manager may see, numbered so that an old one can never land after a newer one."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field

from evertoken.domain.connection import ConnectionKey
from evertoken.domain.instants import to_iso
from evertoken.domain.token_set import TokenSet

_NAMESPACE = uuid.UUID("6f0e9d0a-3c1b-5c6e-9d36-0c6a2d7a51b4")

SPENT_STAGE = "EVERTOKEN_SPENT"
"""The staging label of a number that was spent without showing readers anything."""
EMPTY_SECRET = 0
"""The number of what a secret is made with: no token yet."""
NO_SECRET_YET = -1
"""The `published_number` of a row that came without a secret: its first publisher makes the empty one before it puts anything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """The content of one number: an access token, or a withdrawal without one."""

    key: ConnectionKey
    number: int
    content: str = field(repr=False)

    @property
    def version_id(self) -> str:
        """The only Secrets Manager version id that this number may have."""
        return version_id_of(self.key, self.number)


def version_id_of(key: ConnectionKey, number: int) -> str:
    """Return the version id of a publication number: an id can be written only once, and that is the fence."""
    return str(uuid.uuid5(_NAMESPACE, f"{key.tenant_id}/{key.connection_id}/{number}"))


def publish_token_set(key: ConnectionKey, number: int, token_set: TokenSet, generation: int) -> Publication:
    """Return the publication that shows readers *token_set*; the refresh token is not in it."""
    content = {
        "access_token": token_set.access_token,
        "token_type": token_set.token_type,
        "expires_at": None if token_set.expires_at is None else to_iso(token_set.expires_at),
        "scope": token_set.scope,
        "generation": generation,
        "connection_id": key.connection_id,
        "extra": dict(token_set.extra),
    }
    return Publication(key=key, number=number, content=_canonical(content))


def publish_withdrawal(key: ConnectionKey, number: int) -> Publication:
    """Return the publication that shows readers that there is no token; each number has its own content."""
    content = {
        "access_token": None,
        "withdrawn": True,
        "connection_id": key.connection_id,
        "publication": number,
    }
    return Publication(key=key, number=number, content=_canonical(content))


def _canonical(content: Mapping[str, object]) -> str:
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
