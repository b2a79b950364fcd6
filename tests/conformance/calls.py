"""A request as it arrives at the simulated server, and what it answers."""

import json
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit

JSON_TYPE = "application/json"
FORM_TYPE = "application/x-www-form-urlencoded"


class UnreadableCallError(ValueError):
    """The request's parameters cannot be read; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Call:
    """A request: `host` as its sender meant it, header names in lower case."""

    method: str
    host: str
    target: str
    headers: dict[str, str]
    body: bytes = b""

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> list[tuple[str, str]]:
        return parse_qsl(urlsplit(self.target).query, keep_blank_values=True, strict_parsing=False)

    def parameters(self, encoding: str) -> list[tuple[str, str]]:
        """The parameters where *encoding* puts them. Raises UnreadableCallError."""
        if encoding == "query":
            if self.body:
                raise UnreadableCallError("there is a body, and the parameters belong into the query")
            return self.query
        if not self.body and "content-type" not in self.headers:
            return []
        content_type = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        if encoding == "form":
            if content_type != FORM_TYPE:
                raise UnreadableCallError(f"the body is {content_type or 'of no type'}, not a form")
            try:
                text = self.body.decode("ascii")
                return parse_qsl(text, keep_blank_values=True, strict_parsing=bool(text), errors="strict")
            except (UnicodeDecodeError, ValueError):
                raise UnreadableCallError("the body is no form") from None
        if content_type != JSON_TYPE:
            raise UnreadableCallError(f"the body is {content_type or 'of no type'}, not JSON")
        try:
            members = json.loads(self.body)
        except ValueError:
            raise UnreadableCallError("the body is no JSON") from None
        if not isinstance(members, dict) or not all(isinstance(value, str) for value in members.values()):
            raise UnreadableCallError("the body is no JSON object of texts")
        return list(members.items())


@dataclass(frozen=True, kw_only=True)
class Reply:
    """An answer."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


def json_reply(document: object, status: int = 200, **headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(
        status=status, headers={"content-type": JSON_TYPE, **named}, body=json.dumps(document).encode()
    )
