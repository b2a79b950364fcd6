"""The names of an authorization under way: its state, its session, and what each of them is stored and sealed under."""

from __future__ import annotations

import base64
import hashlib

SESSION_PREFIX = "urn:evertoken:session:"
DEVICE_PREFIX = "urn:evertoken:device:"


def hash_name(name: str) -> str:
    """Return what a state or a session is stored under: whoever reads the store cannot use it."""
    return hashlib.sha256(name.encode()).hexdigest()


def session_uri_of(state: str) -> str:
    """Return the session of a state.

    It is derived, so that the callback can name it although only hashes are stored. A session opens nothing by itself: completing it takes
    the tenant's own credential and the user who began.
    """
    digest = hashlib.sha256(b"evertoken session\n" + state.encode()).digest()
    return SESSION_PREFIX + base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def verifier_purpose(state_hash: str) -> str:
    """Return what the sealed PKCE verifier is bound to."""
    return f"authorization|{state_hash}"


def code_purpose(session_hash: str) -> str:
    """Return what the sealed authorization code is bound to."""
    return f"code|{session_hash}"


def join_code(code: str, state: str) -> str:
    """Return what is sealed of a callback: the code, and the state, which some providers want back with it. Neither holds a line feed."""
    return f"{code}\n{state}"


def split_code(content: str) -> tuple[str, str]:
    """Return code and state; `join_code` is the inverse."""
    code, _, state = content.partition("\n")
    return code, state


def device_session_uri_of(token: str) -> str:
    """Return the session of a device authorization; *token* is random."""
    return DEVICE_PREFIX + token


def device_code_purpose(session_hash: str) -> str:
    """Return what the sealed device code is bound to."""
    return f"device|{session_hash}"
