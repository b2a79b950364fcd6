"""The command as a user runs it: within this process, in a process of its own or at a terminal; with a home of its own and no credential that was not given."""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import pty
import select
import signal
import subprocess
import sys
import time
import webbrowser
from dataclasses import dataclass
from http.server import ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import evertoken
from evertoken.client.command import connect, jobs, main, return_page

LAYER = Path(evertoken.__file__).parents[1]
COMMAND = (sys.executable, "-m", "evertoken.client.command")


@dataclass(frozen=True)
class Ended:
    status: int
    out: str
    error: str


class QuickToStop(ThreadingHTTPServer):
    """Looks often whether it is to stop."""

    def serve_forever(self, poll_interval=0.01):
        super().serve_forever(poll_interval)


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
        self.pauses = []

    @property
    def login_file(self):
        return self.home / "config" / "evertoken" / "login.json"

    def without_environment(self):
        """The same user in a shell that has nothing of Evertoken's."""
        for name in ("EVERTOKEN_API", "EVERTOKEN_TOKEN"):
            self.environment.pop(name, None)
        return self

    def run(self, *arguments, given=None):
        """What the command's entry does within this process, which is quicker; its waits are noted and not slept."""
        given, out, error = (
            io.TextIOWrapper(io.BytesIO(text), encoding="utf-8")
            for text in ((given or "").encode(), b"", b"")
        )
        clock = SimpleNamespace(sleep=self.pauses.append, monotonic=time.monotonic)
        with (
            mock.patch.dict(os.environ, self.environment, clear=True),
            mock.patch.multiple(sys, argv=["evertoken", *arguments], stdin=given, stdout=out, stderr=error),
            mock.patch.object(connect, "time", clock),
            mock.patch.object(jobs, "time", clock),
            mock.patch.object(return_page, "ThreadingHTTPServer", QuickToStop),
            contextlib.chdir(self.home),
        ):
            importlib.reload(webbrowser)  # it looks for browsers once a process
            try:
                main()
                status = 0
            except SystemExit as exit_:
                status = exit_.code
        for stream in (out, error):
            stream.flush()
        return Ended(status or 0, out.buffer.getvalue().decode(), error.buffer.getvalue().decode())

    def run_process(self, *arguments, given=None):
        ended = subprocess.run(
            [*COMMAND, *arguments],
            env=self.environment,
            cwd=self.home,
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
