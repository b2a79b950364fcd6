"""The command `evertoken`: log in, connect accounts, and look at what is kept fresh (docs/command.md)."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command with the process's arguments; ends the process."""
    try:
        from evertoken.client.command.program import program
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in {"click", "rich"}:
            raise
        sys.exit(
            f"evertoken: the command needs {error.name}, which is not installed. Run: pip install 'evertoken[cli]'"
        )
    program(prog_name="evertoken")
