"""The connection that a path names."""

from __future__ import annotations

import re

from evertoken.domain.connection import ConnectionKey
from evertoken.domain.errors import ConnectionNotFoundError
from evertoken.entrypoints.api import Request

_CONNECTION_ID = re.compile(r"con_[a-z2-7]{26}")


def get_connection_key(request: Request) -> ConnectionKey:
    """Return the connection that the path names, always within the caller's own tenant. Raises ConnectionNotFoundError: no connection can have that id."""
    connection_id = request.path["connection_id"]
    tenant_id = request.tenant_id
    if _CONNECTION_ID.fullmatch(connection_id) is None:
        raise ConnectionNotFoundError
    return ConnectionKey(tenant_id=tenant_id, connection_id=connection_id)
