"""A token set in a file that its owner alone may read, replaced whole or not at all, and shared between processes."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import sys
import threading
from pathlib import Path
from typing import Any, Final

from evertoken.client.errors import ConfigurationError, StorageError
from evertoken.client.oauth_tokens import OAuthTokens

if sys.platform != "win32":
    import fcntl

FORMAT: Final = "evertoken-oauth-tokens"
VERSION: Final = 1
_OWNER_ALONE: Final = 0o600
_OWNERS_DIRECTORY: Final = 0o700
_MAX_BYTES: Final = 1_000_000


class FileTokenStorage:
    """Keeps a token set in the file *path*, mode 0600; one file for one grant.

    A save is written beside it, flushed to the disk (fsync) and renamed into place, so that a crash leaves the old file or the new one. The lock is on
    a file beside it (`.lock`), and the operating system frees it when its holder dies; it works between processes of one machine. What is not a file of
    this class is neither read nor overwritten.

    Raises:
        ConfigurationError: this system has no POSIX locks (Windows).
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        if sys.platform == "win32":
            raise ConfigurationError(
                "FileTokenStorage needs POSIX file modes and locks. Give the client a TokenStorage of your own, of the system's credential store for example."
            )
        # A link is followed once, here: renaming onto it would replace the link and leave the file behind.
        self._path = Path(path).expanduser().resolve()
        self._lock_path = self._path.with_name(f"{self._path.name}.lock")
        self._locked: int | None = None
        self._locked_by = 0
        self._mutex = threading.Lock()

    def __repr__(self) -> str:
        return f"FileTokenStorage({str(self._path)!r})"

    def load(self) -> OAuthTokens | None:
        """Return the tokens in the file, or None where there is no file.

        Raises:
            StorageError: it cannot be read, or is none of ours.
        """
        try:
            with self._path.open("rb") as file:
                content = file.read(_MAX_BYTES + 1)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._failed("cannot be read", error) from error
        return self._parse(content)

    def save(self, tokens: OAuthTokens) -> None:
        """Replace the file; when this returns, the tokens are on the disk.

        Raises:
            StorageError: they are not, or there is another kind of file in this place.
        """
        self.load()
        try:
            content = json.dumps(
                {"format": FORMAT, "version": VERSION, "tokens": tokens.to_document()}, indent=1
            ).encode()
        except (TypeError, ValueError):
            # Not chained: the cause could carry what it could not write.
            raise StorageError(
                f"The tokens for {self._path} hold something in `extra` that JSON does not have."
            ) from None
        try:
            self._path.parent.mkdir(mode=_OWNERS_DIRECTORY, parents=True, exist_ok=True)
            self._replace(content)
        except OSError as error:
            raise self._failed("cannot be written", error) from error

    def try_lock(self) -> bool:
        """Return whether this object now holds the lock; at once.

        Raises:
            StorageError: the lock's file cannot be opened.
        """
        with self._mutex:
            if self._locked is not None:
                if self._locked_by == os.getpid():
                    return False
                # Inherited by a fork: the lock is the parent's.
                self._close_lock()
            try:
                self._path.parent.mkdir(mode=_OWNERS_DIRECTORY, parents=True, exist_ok=True)
                descriptor = os.open(self._lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _OWNER_ALONE)
            except OSError as error:
                raise self._failed("cannot be locked", error) from error
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(descriptor)
                return False
            except OSError as error:
                os.close(descriptor)
                raise self._failed("cannot be locked", error) from error
            self._locked, self._locked_by = descriptor, os.getpid()
            return True

    def unlock(self) -> None:
        """Give the lock back; does nothing when it is not held."""
        with self._mutex:
            if self._locked is not None:
                self._close_lock()

    def _close_lock(self) -> None:
        assert self._locked is not None
        if self._locked_by == os.getpid():
            # A child that was forked meanwhile has the descriptor too, and closing ours alone would leave the lock to it (flock(2)).
            fcntl.flock(self._locked, fcntl.LOCK_UN)
        os.close(self._locked)
        self._locked = None

    def _replace(self, content: bytes) -> None:
        temporary = self._path.with_name(f".{self._path.name}.{secrets.token_hex(8)}.tmp")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _OWNER_ALONE)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(self._path)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise
        # The rename itself is durable only when the directory is.
        directory = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)

    def _parse(self, content: bytes) -> OAuthTokens:
        try:
            return _read_document(content)
        except RecursionError:
            problem = "it is not JSON"
        except ValueError as error:
            # A JSON error carries the document, and the document carries tokens.
            problem = str(error) if type(error) is ValueError else "it is not JSON"
        raise StorageError(
            f"{self._path} is not a file of tokens: {problem}. It was left as it is; move it away, or give another path."
        )

    def _failed(self, what: str, error: OSError) -> StorageError:
        return StorageError(
            f"{self._path} {what} ({error.strerror}). Give this program's user the right to the file and its directory, and room on the disk."
        )


def _read_document(content: bytes) -> OAuthTokens:
    if len(content) > _MAX_BYTES:
        raise ValueError("it is too large")
    document: Any = json.loads(content)
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise ValueError("it is not marked as one")
    if document.get("version") != VERSION:
        raise ValueError("it is of another version of this library")
    return OAuthTokens.from_document(document.get("tokens"))
