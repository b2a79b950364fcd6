"""A client's configuration from environment variables."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from evertoken.client.errors import ConfigurationError

if TYPE_CHECKING:
    from evertoken.client.api_client_base import Credential


def api_from_env() -> str:
    """Return the API's address. Raises: ConfigurationError."""
    base_url = os.environ.get("EVERTOKEN_API", "")
    if not base_url:
        raise ConfigurationError("EVERTOKEN_API is not set. Set it to the stack's Output ApiUrl.")
    return base_url


def credential_from_env() -> Credential:
    """Return the credential that the environment names, empty when it names none: EVERTOKEN_CLIENT_ID goes before EVERTOKEN_TOKEN, and both before the role.

    Raises: ConfigurationError: EVERTOKEN_AS_ROLE is neither yes nor no.
    """
    client_id = os.environ.get("EVERTOKEN_CLIENT_ID", "")
    token = os.environ.get("EVERTOKEN_TOKEN", "")
    if client_id:
        return {"client_id": client_id, "client_secret": os.environ.get("EVERTOKEN_CLIENT_SECRET", "")}
    if token:
        return {"token": token}
    as_role = os.environ.get("EVERTOKEN_AS_ROLE", "")
    if as_role.lower() not in ("", "0", "1", "false", "true"):
        raise ConfigurationError("EVERTOKEN_AS_ROLE must be 1 or 0.")
    return {"as_role": True} if as_role.lower() in ("1", "true") else {}
