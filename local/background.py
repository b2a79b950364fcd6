"""Processes that outlive the command that started them, known again by a locked pid file.

The starter opens and locks the file and lets the child inherit the descriptor. The lock lasts exactly as long as the child, so a pid
in a locked file is never a stranger's, whatever numbers the system has handed out since.
"""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from local.stack import ROOT

PAUSE_SECONDS = 0.05
# What this process has started and may have to bury. They are meant to outlive it, so nothing waits for them at its end.
_children: dict[int, subprocess.Popen[bytes]] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Background:
    """One background process: the file that knows it, and the log it writes."""

    pid_file: Path
    log: Path

    def find_pid(self) -> int | None:
        """Return the process's pid while it lives."""
        try:
            with self.pid_file.open() as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
                except BlockingIOError:
                    return int(file.read() or 0) or None
        except FileNotFoundError:
            pass
        return None

    def start(self, command: Sequence[str], environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
        """Start the process in a session, and so a process group, of its own.

        Raises:
            BlockingIOError: it runs already.
        """
        self.pid_file.parent.mkdir(parents=True, exist_ok=True)
        with self.pid_file.open("a+") as file, self.log.open("ab") as log:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            file.truncate(0)
            process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                pass_fds=[file.fileno()],
            )
            file.write(str(process.pid))
        _children[process.pid] = process
        return process

    def stop(self, seconds: float) -> bool:
        """Ask the process to end, kill what is left of its group after that many seconds, and return whether there was one."""
        pid = self.find_pid()
        if pid is None:
            return False
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + seconds
        while self.find_pid() == pid and time.monotonic() < deadline:
            time.sleep(PAUSE_SECONDS)
        # Its workers stay in its group. Whoever is left now has lost its parent.
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
        child = _children.pop(pid, None)
        if child is not None:
            child.wait()
        self.pid_file.unlink(missing_ok=True)
        return True
