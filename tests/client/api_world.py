"""The API as its document describes it, on loopback: every request is checked against openapi.json, every answer is made from it."""

from __future__ import annotations

import json
import re
import threading
from collections import Counter
from dataclasses import dataclass
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from jsonschema import Draft202012Validator

import evertoken

DOCUMENT = json.loads((Path(evertoken.__file__).parent / "openapi.json").read_text(encoding="utf-8"))
SCHEMAS = DOCUMENT["components"]["schemas"]
CLIENT_ID, CLIENT_SECRET = "cli_program", "evs_the-program's-secret"
CONNECTION = "con_fjyyqoxq2mxmjklhf2gpwdqvha"
LOST = "lost"
"""In place of an answer: the connection is closed after the request was read."""


@dataclass(frozen=True)
class Planned:
    """An answer that is given in place of the document's example."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Seen:
    """A request as it arrived."""

    method: str
    path: str
    template: str
    query: dict
    headers: dict
    body: bytes


def refusal(
    status, code, *, retryable=False, retry_after=None, message="It cannot be done. Do something else."
):
    error = {"code": code, "message": message, "correlation_id": "theirs", "retryable": retryable}
    if retry_after is not None:
        error["retry_after"] = retry_after
    headers = (("X-Correlation-Id", "theirs"),)
    return Planned(status, json.dumps({"error": error}).encode(), headers)


def example(schema):
    """A document that the schema admits."""
    if "$ref" in schema:
        return example(SCHEMAS[schema["$ref"].rpartition("/")[2]])
    for members in (schema.get("anyOf"), schema.get("oneOf")):
        if members:
            return example(members[0])
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    if "examples" in schema:
        return schema["examples"][0]
    kind = schema.get("type")
    if kind == "object":
        if "properties" in schema:
            return {name: example(one) for name, one in schema["properties"].items()}
        members = schema.get("additionalProperties")
        return {"member": example(members)} if isinstance(members, dict) else {"member": "value"}
    if kind == "array":
        return [example(schema["items"])]
    if kind == "string":
        return example_text(schema)
    if kind == "integer":
        return max(1, schema.get("minimum", 1))
    return {"number": 1.5, "boolean": True, "null": None}.get(kind, "text")


def example_text(schema):
    if schema.get("format") == "date-time":
        return "2026-11-21T12:00:00.000Z"
    identifier = re.fullmatch(r"\^(\w+_)\[a-z2-7\]\{26\}\$", schema.get("pattern", ""))
    return f"{identifier[1]}{'a' * 26}" if identifier else "text"


@cache
def operations():
    """(method, template) -> operation, the more specific paths first."""
    return {
        (method.upper(), template): operation
        for template in sorted(DOCUMENT["paths"], key=lambda one: one.count("{"))
        for method, operation in DOCUMENT["paths"][template].items()
    }


def find_template(method, path):
    for known_method, template in operations():
        pattern = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(template))
        if known_method == method and re.fullmatch(pattern, path):
            return template
    return None


def answers_of(operation):
    """(status, schema or None) of every success that the document knows, one for each member of a union."""
    for status, answer in operation["responses"].items():
        if status.startswith("2"):
            content = answer.get("content", {}).get("application/json")
            schema = content["schema"] if content else None
            for member in (schema or {}).get("anyOf", [schema]):
                yield int(status), member


def problems_of(operation, seen):
    """What the document does not admit of a request."""
    found = []
    parameters = {one["name"]: one for one in operation.get("parameters", []) if one.get("in") == "query"}
    found += [f"query {name} is not known" for name in seen.query if name not in parameters]
    content = operation.get("requestBody", {}).get("content", {})
    media_type = seen.headers.get("content-type", "").partition(";")[0]
    if seen.body and media_type not in content:
        found.append(f"a body of {media_type!r} is not known")
    elif seen.body:
        body = dict(parse_qsl(seen.body.decode())) if "form" in media_type else json.loads(seen.body)
        schema = {**content[media_type]["schema"], "components": DOCUMENT["components"]}
        found += [error.message for error in Draft202012Validator(schema).iter_errors(body)]
    authorization = seen.headers.get("authorization", "").partition(" ")[0]
    schemes = {name for one in operation["security"] for name in one}
    expected = {"Bearer"} if schemes & {"accessToken", "sessionToken"} else {""}
    if "clientCredentials" in schemes:
        expected = {"Basic", ""}
    if "iamRole" in schemes:
        expected = {"AWS4-HMAC-SHA256"}
    if authorization not in expected:
        found.append(f"Authorization is {authorization!r}, and the route takes {sorted(schemes)}")
    return found


class DocumentedApi(ThreadingHTTPServer):
    """Serves the document. `planned` is answered first, one by one; `chosen` picks the success that is answered."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.lock = threading.Lock()
        self.seen = []
        self.problems = []
        self.planned = []
        self.chosen = {}
        self.bearers = Counter()
        self.token_seconds = 900
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def base_url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"

    def plan(self, *answers):
        self.planned.extend(answers)

    def requests(self, template=None):
        """The requests that were no exchange of credentials."""
        return [
            one for one in self.seen if one.template != "/v1/auth/token" and template in {None, one.template}
        ]

    def close(self):
        self.shutdown()
        self.server_close()

    def handle_error(self, request, client_address):
        """A client that leaves is part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    server: DocumentedApi
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = (
        True  # head and body are two writes: the second would wait 40 ms for an acknowledgement
    )

    def _serve(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = urlsplit(self.path)
        template = find_template(self.command, parts.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        seen = Seen(self.command, parts.path, template, dict(parse_qsl(parts.query)), headers, body)
        with self.server.lock:
            self.server.seen.append(seen)
            is_exchange = template == "/v1/auth/token" and b"client_credentials" in body
            planned = self.server.planned.pop(0) if self.server.planned and not is_exchange else None
        if planned == LOST:
            self.close_connection = True
            return
        self._answer(planned or self._find_answer(seen, is_exchange=is_exchange))

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815  # the names are http.server's

    def _find_answer(self, seen, *, is_exchange):
        if seen.template is None:
            return refusal(404, "NOT_FOUND")
        operation = operations()[seen.method, seen.template]
        self.server.problems += [
            f"{seen.method} {seen.path}: {problem}" for problem in problems_of(operation, seen)
        ]
        if is_exchange and seen.headers.get("authorization"):
            self.server.bearers["issued"] += 1
            issued = {
                "access_token": f"bearer-{self.server.bearers['issued']}",
                "token_type": "Bearer",
                "expires_in": self.server.token_seconds,
                "scope": "connections:read",
            }
            return Planned(200, json.dumps(issued).encode())
        status, schema = self.server.chosen.get((seen.method, seen.template)) or next(answers_of(operation))
        return Planned(status, b"" if schema is None else json.dumps(example(schema)).encode())

    def _answer(self, planned):
        self.send_response(planned.status)
        for name, value in planned.headers:
            self.send_header(name, value)
        if planned.body:
            self.send_header("Content-Type", "application/json")
        if planned.status != 204:
            self.send_header("Content-Length", str(len(planned.body)))
        self.end_headers()
        self.wfile.write(planned.body)

    def log_message(self, *_):
        """Quiet."""
