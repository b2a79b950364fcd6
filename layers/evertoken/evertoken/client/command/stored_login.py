"""What `evertoken login` keeps: one file under the user's configuration directory that nobody else may read."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import stat
from pathlib import Path
from typing import Any

import click

from evertoken.client.api_client_base import Credential
from evertoken.client.errors import ConfigurationError

_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_TEXTS = ("api", "client_id", "client_secret", "token")


def login_path() -> Path:
    """Return where it is kept: `~/.config/evertoken/login.json` (XDG_CONFIG_HOME is honoured), or the system's own place."""
    return Path(click.get_app_dir("evertoken")) / "login.json"


def save_login(base_url: str, credential: Credential) -> Path:
    """Replace what is kept, whole or not at all, mode 0600. Raises: ConfigurationError."""
    path = login_path()
    content = json.dumps({"api": base_url, **credential}).encode()
    beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as error:
        raise ConfigurationError(
            f"The login cannot be kept in {path} ({error.strerror}). Mend that, or set EVERTOKEN_API and a credential in the environment."
        ) from error
    return path


def forget_login() -> bool:
    """Remove what is kept; return whether there was anything."""
    path = login_path()
    was_there = path.exists()
    path.unlink(missing_ok=True)
    return was_there


def read_login() -> tuple[str, Credential]:
    """Return the API's address and the credential that were kept.

    Raises: ConfigurationError when there is none, it is not ours, or others may read it.
    """
    path = login_path()
    try:
        with path.open("rb") as file:
            if os.name == "posix" and os.fstat(file.fileno()).st_mode & _OTHERS:
                raise ConfigurationError(f"Others may read {path}. Run: chmod 600 {path}")
            document = json.load(file)
    except FileNotFoundError:
        raise ConfigurationError(
            "You are not logged in. Run: evertoken login (or set EVERTOKEN_API and a credential in the environment)"
        ) from None
    except (OSError, ValueError, RecursionError):
        # Without the cause: it may hold the content.
        raise ConfigurationError(f"{path} cannot be read as a login. Run: evertoken login") from None
    return _parse(path, document)


def _parse(path: Path, document: Any) -> tuple[str, Credential]:
    if not isinstance(document, dict) or not isinstance(document.get("api"), str):
        raise ConfigurationError(f"{path} is not a login. Run: evertoken login")
    credential: Credential = {}
    with contextlib.suppress(KeyError):
        if document.get("as_role") is True:
            return document["api"], {"as_role": True}
        if isinstance(document.get("token"), str):
            return document["api"], {"token": document["token"]}
        credential = {
            "client_id": str(document["client_id"]),
            "client_secret": str(document["client_secret"]),
        }
    return document["api"], credential
