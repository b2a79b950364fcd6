"""Starts an authorization server that other people wrote (django-oauth-toolkit) as a process of its own.

It holds us to what we cannot hold ourselves to: PKCE for every client, `iss` in the authorization response
(RFC 9207), a real login form, rotated refresh tokens whose reuse kills the family, RFC 8414 metadata, RFC
7591 registration. It lives in `.venv-provider` because its pins are its own affair.
"""

import json
import select
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

_ROOT = Path(__file__).resolve().parents[2]
_SITE = Path(__file__).with_name("third_party_site.py")
INTERPRETER = _ROOT / ".venv-provider" / "bin" / "python"
START_SECONDS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredClient:
    """A confidential client at the third-party server."""

    client_id: str
    client_secret: str
    redirect_uri: str

    def __repr__(self) -> str:
        return f"RegisteredClient(client_id={self.client_id!r})"


class ThirdPartyServer:
    """The running server; use it as a context manager.

    `username` and `password` are those of its only user. Access tokens live `access_token_seconds`.
    """

    username = "ada"
    password = "a loopback password"

    def __init__(self, *, access_token_seconds: int = 60) -> None:
        self._access_token_seconds = access_token_seconds
        self._directory = ""
        self._process: subprocess.Popen[str] | None = None
        self.issuer = ""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start the process in a new temporary directory and wait until it listens.

        Raises:
            RuntimeError: the environment is missing, or the process ended or said nothing in 30 seconds.
        """
        if not INTERPRETER.exists():
            raise RuntimeError(
                "the environment .venv-provider is missing: make it from requirements/provider.txt"
            )
        self._directory = tempfile.mkdtemp(prefix="third-party-")
        log = Path(self._directory) / "site.log"
        with log.open("w") as errors:
            self._process = subprocess.Popen(
                [
                    str(INTERPRETER), str(_SITE), "--directory", self._directory,
                    "--access-token-seconds", str(self._access_token_seconds),
                    "--username", self.username, "--password", self.password,
                ],
                stdout=subprocess.PIPE, stderr=errors, stdin=subprocess.DEVNULL, text=True,
            )  # fmt: skip
        self.issuer = self._read_issuer(self._process, log)

    def _read_issuer(self, process: subprocess.Popen[str], log: Path) -> str:
        assert process.stdout is not None
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            readable, _, _ = select.select([process.stdout], [], [], 0.2)
            line = process.stdout.readline() if readable else ""
            if line:
                return str(json.loads(line)["issuer"])
            if process.poll() is not None:
                break
        tail = log.read_text()[-2000:]
        self.stop()
        raise RuntimeError(f"the third-party server did not start: {tail}")

    def stop(self) -> None:
        """End the process by its id and remove its directory; a second call does nothing."""
        process, self._process = self._process, None
        if process is not None:
            process.terminate()
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(timeout=10)
            if process.stdout is not None:
                process.stdout.close()
        if self._directory:
            shutil.rmtree(self._directory, ignore_errors=True)
            self._directory = ""

    @property
    def pid(self) -> int:
        """The id of the running process."""
        assert self._process is not None
        return self._process.pid

    @property
    def authorization_endpoint(self) -> str:
        return f"{self.issuer}/authorize/"

    @property
    def token_endpoint(self) -> str:
        return f"{self.issuer}/token/"

    @property
    def revocation_endpoint(self) -> str:
        return f"{self.issuer}/revoke_token/"

    @property
    def userinfo_endpoint(self) -> str:
        return f"{self.issuer}/userinfo/"

    @property
    def metadata_url(self) -> str:
        """RFC 8414 metadata; the OpenID document beside it does not name the revocation endpoint."""
        return f"{self.issuer}/.well-known/oauth-authorization-server"

    def register_client(
        self, redirect_uri: str, *, token_endpoint_auth_method: str = "client_secret_basic"
    ) -> RegisteredClient:
        """Register a confidential client over HTTP (RFC 7591)."""
        response = httpx.post(
            f"{self.issuer}/register/",
            json={
                "client_name": "Evertoken",
                "redirect_uris": [redirect_uri],
                "grant_types": ["authorization_code", "refresh_token"],
                "token_endpoint_auth_method": token_endpoint_auth_method,
            },
            trust_env=False,
        )
        response.raise_for_status()
        answer = response.json()
        return RegisteredClient(
            client_id=answer["client_id"], client_secret=answer["client_secret"], redirect_uri=redirect_uri
        )

    def accepts(self, access_token: str) -> bool:
        """Whether the server's own resource (userinfo) takes this access token now."""
        response = httpx.get(
            self.userinfo_endpoint, headers={"Authorization": f"Bearer {access_token}"}, trust_env=False
        )
        return response.status_code == 200
