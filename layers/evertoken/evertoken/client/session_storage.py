"""Calls of the program's storage, blocking and not: whatever it raises becomes a StorageError."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any

from evertoken.client.errors import EvertokenClientError, StorageError
from evertoken.client.session_commands import Load, Save


def call_storage(command: Load | Save) -> Any:
    """Load or save. Raises: StorageError."""
    try:
        return command.load() if isinstance(command, Load) else command.save(command.tokens)
    except EvertokenClientError:
        raise
    except Exception as error:
        raise _failed(error) from error


async def call_storage_async(command: Load | Save) -> Any:
    """Load or save; a storage that blocks is called in a thread. Raises: StorageError."""
    work, arguments = (command.load, ()) if isinstance(command, Load) else (command.save, (command.tokens,))
    try:
        if inspect.iscoroutinefunction(work):
            return await work(*arguments)
        return await asyncio.to_thread(work, *arguments)
    except EvertokenClientError:
        raise
    except Exception as error:
        raise _failed(error) from error


def _failed(error: Exception) -> StorageError:
    return StorageError(
        f"The storage of the session's token failed ({type(error).__name__}). A new token is kept in memory and stored at the next call; mend the storage."
    )
