"""The client that a command speaks through: of the environment where that names one, else of the login that is kept."""

from __future__ import annotations

import os

from evertoken.client.api_client import EvertokenClient
from evertoken.client.api_client_base import Credential
from evertoken.client.api_environment import credential_from_env
from evertoken.client.command.stored_login import read_login


def open_client() -> EvertokenClient:
    """Return the client; the caller closes it. Raises: ConfigurationError when nobody is logged in."""
    base_url, credential = find_login()
    return EvertokenClient(base_url, **credential)


def find_login() -> tuple[str, Credential]:
    """Return the API's address and the credential. Those of the environment go together: half of them with half of a login would be somebody else's."""
    base_url, credential = os.environ.get("EVERTOKEN_API", ""), credential_from_env()
    return (base_url, credential) if base_url and credential else read_login()
