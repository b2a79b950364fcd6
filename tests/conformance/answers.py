"""Token answers in the entry's own form: names, nesting, kinds of expiry, separators, encodings; each answer plays another admitted variant."""

import base64
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlencode

from tests.conformance.calls import FORM_TYPE, JSON_TYPE, Reply
from tests.conformance.entry_document import Entry
from tests.conformance.grants import FOREVER
from tests.conformance.json_pointer import put

REFRESH_EXPIRY_NAMES = ["refresh_token_expires_in", "refresh_expires_in", "x_refresh_token_expires_in"]


@dataclass(frozen=True, kw_only=True)
class Tokens:
    """What an answer has to say; `number` counts a grant's answers and chooses the variant."""

    number: int
    access_token: str
    access_expires_at: float
    refresh_token: str | None
    refresh_expires_at: float
    scopes: tuple[str, ...]
    subject: str
    kept: dict[str, str]
    """Members that are kept, by where they stand."""


def token_answer(entry: Entry, tokens: Tokens, now: float, *, says_expiry: bool = True) -> Reply:
    """The answer that issues *tokens*."""
    shape = entry.document.get("answer", {})
    members = {
        name: value for name, value in _members(entry, tokens, now, says_expiry).items() if value is not None
    }
    headers: dict[str, str] = {}
    for member, header in shape.get("headers", {}).items():
        if member in members:
            headers[header] = str(members.pop(member))
    names = shape.get("members", {})
    inner: dict[str, object] = {}
    for member, value in members.items():
        tried = names.get(member) or (
            REFRESH_EXPIRY_NAMES if member == "refresh_token_expires_in" else [member]
        )
        put_name(inner, tried[tokens.number % len(tried)], value)
    paths = shape.get("token_paths", [""])
    outside: list[tuple[str, str]] = []
    for where, value in tokens.kept.items():
        if where.startswith("/"):
            outside.append((where, value))
        else:
            inner[where] = value
    is_form = shape.get("form_encoded") and tokens.number % 2 == 0
    body: object = put({}, "" if is_form else paths[tokens.number % len(paths)], inner)
    for where, value in outside:
        body = put(body, where, value)
    return encode(entry, add_success_marks(entry, body), headers=headers, is_form=bool(is_form))


def put_name(members: dict, name: str, value: object) -> None:
    """Set a member; a name may itself be a pointer."""
    if name.startswith("/"):
        put(members, name, value)
    else:
        members[name] = value


def add_success_marks(entry: Entry, body: object) -> object:
    """Where an error is "something stands there and it is not x", a success says x."""
    for rule in entry.document.get("errors", ()):
        if "is_not" in rule and "path" in rule and not isinstance(body, list):
            body = put(body, rule["path"], rule["is_not"])
    return body


def encode(
    entry: Entry,
    body: object,
    *,
    status: int = 200,
    headers: dict[str, str] | None = None,
    is_form: bool = False,
) -> Reply:
    """The body as JSON, JSONP or a form."""
    more = headers or {}
    if is_form and isinstance(body, dict):
        return Reply(
            status=status, headers={"content-type": FORM_TYPE, **more}, body=urlencode(body).encode()
        )
    text = json.dumps(body)
    if entry.fact("answer.jsonp"):
        return Reply(
            status=status,
            headers={"content-type": "text/html", **more},
            body=f"callback( {text} );\n".encode(),
        )
    return Reply(status=status, headers={"content-type": JSON_TYPE, **more}, body=text.encode())


def _members(entry: Entry, tokens: Tokens, now: float, says_expiry: bool) -> dict[str, object]:
    shape = entry.document.get("answer", {})
    types = ["Bearer", *shape.get("token_types", ())]
    expiry, refresh_expiry = (
        shape.get("expires_in", {}),
        shape.get("refresh_token_expires_in", {"zero_is_never": True}),
    )
    separator = shape.get("scope_separator", " ")
    scope: object = separator.join(tokens.scopes)
    if tokens.number % 3 == 2 and not shape.get("form_encoded"):
        scope = list(tokens.scopes)
    return {
        "access_token": tokens.access_token,
        "token_type": types[tokens.number % len(types)],
        "expires_in": say_expiry(expiry, tokens.access_expires_at, now, tokens.number)
        if says_expiry
        else None,
        "refresh_token": tokens.refresh_token,
        "refresh_token_expires_in": None
        if tokens.refresh_token is None
        else say_expiry(refresh_expiry, tokens.refresh_expires_at, now, tokens.number),
        "scope": scope or None,
        "id_token": id_token(tokens.subject) if entry.fact("account.from") == "id_token" else None,
    }


def say_expiry(shape: dict, expires_at: float, now: float, number: int) -> object:
    """An expiry in the entry's kind, as a number or as text; None where nothing is said."""
    if expires_at == FOREVER:
        return 0 if shape.get("zero_is_never") else None
    left = round(expires_at - now)
    match shape.get("kind", "seconds"):
        case "seconds":
            said: object = left
        case "milliseconds":
            said = left * 1000
        case "epoch_seconds":
            said = round(expires_at)
        case "epoch_milliseconds":
            said = round(expires_at * 1000)
        case "iso_8601":
            moment = datetime.fromtimestamp(round(expires_at), UTC)
            forms = (
                moment.isoformat(),
                moment.strftime("%Y-%m-%dT%H:%M:%S"),
                moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
            )
            return forms[number % 3]
        case "jwt_exp":
            return None
        case other:
            raise AssertionError(f"The simulation does not know the expiry kind {other}.")
    return str(said) if number // 2 % 2 else said


def id_token(subject: str) -> str:
    """An ID token of *subject*, unsigned: it travels from the token endpoint itself."""

    def part(document: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(document).encode()).rstrip(b"=").decode()

    return f"{part({'alg': 'none'})}.{part({'sub': subject})}."
