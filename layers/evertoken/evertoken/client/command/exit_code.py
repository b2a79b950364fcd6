"""What the command's exit status says (docs/command.md)."""

from __future__ import annotations

import enum

from evertoken.client.errors import (
    ConnectionNeedsUserError,
    CredentialsError,
    EvertokenClientError,
    ForbiddenError,
    NotFoundError,
)


class ExitCode(enum.IntEnum):
    """0 is success."""

    REFUSED = 1
    """It cannot be done so; the message says what to correct."""
    USAGE = 2
    """The command line is wrong."""
    CREDENTIALS = 3
    """Log in, or ask for the right."""
    NOT_FOUND = 4
    """There is no such thing."""
    NEEDS_USER = 5
    """Somebody has to connect again, or lift a hold."""
    TRY_LATER = 6
    """The same command may succeed later."""


def exit_code_of(error: EvertokenClientError) -> ExitCode:
    """Return the exit status that an error ends the command with."""
    if isinstance(error, CredentialsError | ForbiddenError):
        return ExitCode.CREDENTIALS
    if isinstance(error, NotFoundError):
        return ExitCode.NOT_FOUND
    if isinstance(error, ConnectionNeedsUserError):
        return ExitCode.NEEDS_USER
    return ExitCode.TRY_LATER if error.retryable else ExitCode.REFUSED
