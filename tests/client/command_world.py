"""The command as a user runs it: a process of its own, with a home of its own and no credential that was not given."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import evertoken

LAYER = Path(evertoken.__file__).parents[1]
COMMAND = (sys.executable, "-m", "evertoken.client.command")


@dataclass(frozen=True)
class Ended:
    status: int
    out: str
    error: str


class User:
    def __init__(self, home, base_url):
        self.home = home
        self.environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(LAYER),
            "HOME": str(home),
            "XDG_CONFIG_HOME": str(home / "config"),
            "LANG": "C.UTF-8",
            "EVERTOKEN_API": base_url,
            "EVERTOKEN_TOKEN": "users-token",
        }

    @property
    def login_file(self):
        return self.home / "config" / "evertoken" / "login.json"

    def without_environment(self):
        """The same user in a shell that has nothing of Evertoken's."""
        for name in ("EVERTOKEN_API", "EVERTOKEN_TOKEN"):
            self.environment.pop(name, None)
        return self

    def run(self, *arguments, given=None, directory=None):
        ended = subprocess.run(
            [*COMMAND, *arguments],
            env=self.environment,
            cwd=directory or self.home,
            input=given or "",
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return Ended(ended.returncode, ended.stdout, ended.stderr)

    def start(self, *arguments):
        """A process that goes on; its lines can be read."""
        return subprocess.Popen(
            [*COMMAND, *arguments],
            env=self.environment,
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run_at_terminal(self, *arguments, typed="", interrupted_when=None):
        """Everything that a terminal shows, and the exit status; Ctrl-C comes when what is shown is enough."""
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            [*COMMAND, *arguments],
            env=self.environment,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        shown = b""
        try:
            while select.select([ours], [], [], 30)[0]:
                try:
                    shown += os.read(ours, 4096)
                except OSError:
                    break
                if interrupted_when is not None and interrupted_when(shown.decode(errors="replace")):
                    process.send_signal(signal.SIGINT)
                    interrupted_when = None
                # Once it asks: what is typed before a prompt without echo is thrown away.
                if typed and shown.rstrip().endswith(b":"):
                    os.write(ours, typed.encode())
                    typed = ""
            return Ended(process.wait(timeout=10), shown.decode(), "")
        finally:
            process.kill()
            process.wait()
            os.close(ours)
