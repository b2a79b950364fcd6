"""The API as its callers see it: HTTP and nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

NEVER_ANSWERED = re.compile(r"canary[0-9a-f]{12}-(refresh|code)-")
"""What the scripted providers call refresh tokens and codes."""
TIMEOUT_SECONDS = 35.0
"""A little more than API Gateway waits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer as a caller sees it."""

    status: int
    headers: Mapping[str, str]
    text: str = field(repr=False)

    @property
    def json(self) -> Any:
        return json.loads(self.text)

    @property
    def error(self) -> dict[str, Any]:
        """The error envelope's inside, whose shape is checked on the way."""
        document = self.json
        assert set(document) == {"error"}, sorted(document)
        error: dict[str, Any] = document["error"]
        assert set(error) - {"retry_after"} == {"code", "message", "correlation_id", "retryable"}, sorted(
            error
        )
        return error

    @property
    def code(self) -> str:
        """`200` and the like for what is no error, else the error's code."""
        return str(self.error["code"]) if self.status >= 400 else str(self.status)


class Caller:
    """Whoever holds one access token, or none. Safe for many threads."""

    def __init__(self, base_url: str, token: str = "") -> None:
        self.base_url = base_url
        self.token = token
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=20)
        self._client = httpx.Client(timeout=TIMEOUT_SECONDS, limits=limits, trust_env=False)

    def close(self) -> None:
        self._client.close()

    def request(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        content: str | bytes | None = None,
        query: Mapping[str, Any] | str = "",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send one request; *content* is sent as it is, *body* as JSON."""
        all_headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        if body is not None:
            content = json.dumps(body)
        if content is not None:
            all_headers["Content-Type"] = "application/json"
        url = self.base_url + path
        if isinstance(query, str):
            url, parameters = (f"{url}?{query}" if query else url), None
        else:
            parameters = dict(query)
        response = self._client.request(
            method, url, params=parameters, content=content, headers=all_headers | dict(headers or {})
        )
        assert not NEVER_ANSWERED.search(response.text), (
            f"{method} {path} answers with what only the service may hold"
        )
        return Answer(status=response.status_code, headers=response.headers, text=response.text)

    def get(self, path: str, **query: Any) -> Answer:
        return self.request("GET", path, query=query)

    def put(self, path: str, body: Any) -> Answer:
        return self.request("PUT", path, body=body)

    def post(self, path: str, body: Any = None) -> Answer:
        return self.request("POST", path, body=body)

    def delete(self, path: str) -> Answer:
        return self.request("DELETE", path)


def document(answer: Answer, status: int = 200) -> Any:
    """The document of an answer that has to have this status."""
    assert answer.status == status, f"{answer.status}, and not {status}: {answer.text[:500]}"
    return answer.json
