"""Refusals: one for every rule of an entry, those of the RFCs, and what each has to be understood as, by a reading of the rules of our own."""

import copy
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from tests.conformance.answers import encode
from tests.conformance.calls import Reply
from tests.conformance.entry_document import Entry
from tests.conformance.json_pointer import find, put

RETRY_AFTER_SECONDS = 37
TRACE_ID = "trace-7.A:1"
CLASSES = {
    "grant_dead",
    "client_misconfigured",
    "throttled",
    "provider_down",
    "outcome_unknown",
    "user_action_required",
    "rejected",
}
STORED_GRANT = ("refresh", "session_login", "jwt_bearer")
"""The operations whose refusal can end a grant that is stored."""
RFC_ERRORS = (
    (400, "invalid_grant", "grant_dead"),
    (401, "invalid_client", "client_misconfigured"),
    (429, None, "throttled"),
    (503, None, "provider_down"),
    (500, None, "outcome_unknown"),
)


@dataclass(frozen=True, kw_only=True)
class ErrorAnswer:
    """An answer to *operation*, and what it means; `reply_at` makes it for an instant, since some say until when to wait."""

    operation: str
    reply_at: Callable[[float], Reply]
    kind: str
    code: str | None = None
    retry_after_seconds: int | None = None
    trace_id: str | None = None
    about: str = ""


def rule_answers(entry: Entry) -> tuple[list[ErrorAnswer], list[str]]:
    """An answer for each value of each rule, on an operation that the rule names; and the rules that can never apply."""
    found: list[ErrorAnswer] = []
    dead: list[str] = []
    for index, rule in enumerate(entry.document.get("errors", ())):
        operations = [one for one in entry.operations if one in rule.get("operations", entry.operations)]
        for operation in renewing_first(operations):
            answers = _answers_of(entry, index, operation)
            if answers:
                found += answers
                break
        else:
            dead.append(
                f"errors[{index}] ({rule['class']}) can never apply: another rule comes first, or none of its operations exists"
            )
    return found, dead


def renewing_first(operations: Iterable[str]) -> list[str]:
    """The operations, those first that renew what is stored."""
    order = ("refresh", "session_login", "jwt_bearer", "client_credentials")
    return sorted(operations, key=lambda one: order.index(one) if one in order else len(order))


def rfc_answers(entry: Entry, operation: str) -> list[ErrorAnswer]:
    """What every server may answer, unless a rule of the entry understands it otherwise."""
    found = []
    for status, error, kind in RFC_ERRORS:
        body: object = {"error": error} if error else {}
        found.append(_finish(entry, operation, status, body, kind, f"{status} {error or ''}".strip()))
    garbage = Reply(status=200, headers={"content-type": "text/html"}, body=b"<html>Welcome!</html>")
    found.append(
        ErrorAnswer(
            operation=operation, reply_at=lambda _: garbage, kind="outcome_unknown", about="200 and a page"
        )
    )
    return found


def dead_grant_answer(entry: Entry, operation: str) -> ErrorAnswer:
    """How this provider says that a grant is over: by the entry's first rule for it, else as RFC 6749 section 5.2 has it."""
    for answer in rule_answers(entry)[0]:
        if answer.kind == "grant_dead" and answer.operation == operation:
            return answer
    return rfc_answers(entry, operation)[0]


def throttled_answer(entry: Entry, operation: str) -> ErrorAnswer:
    """How this provider says "later"."""
    return next(answer for answer in rfc_answers(entry, operation) if answer.about.startswith("429"))


def _answers_of(entry: Entry, index: int, operation: str) -> list[ErrorAnswer]:
    rule = entry.document["errors"][index]
    assert rule["class"] in CLASSES, f"The simulation does not know the class {rule['class']}."
    found = []
    statuses = rule.get("statuses") or ([400, 200] if "path" in rule else [400])
    for number, value in enumerate(_values(rule)):
        for status in [statuses[number % len(statuses)], *statuses]:
            body: object = {} if "path" not in rule else put({}, rule["path"], value)
            if first_match(entry, operation, status, body) == index:
                about = f"errors[{index}] {rule['class']} {rule.get('path', '')} {value if 'path' in rule else status}"
                answer = _finish(entry, operation, status, body, rule["class"], about)
                found.append(replace(answer, code=rule.get("code")))
                break
    return found


def _values(rule: dict) -> list:
    if "path" not in rule:
        return [None]
    if "equals" in rule:
        return [rule["equals"]]
    if "in" in rule:
        return list(rule["in"])
    if "contains" in rule:
        return [f"before {str(rule['contains']).upper()} after"]
    if "is_not" in rule:
        known = rule["is_not"]
        return [not known] if isinstance(known, bool) else [99999] if isinstance(known, int) else ["odd_7"]
    return ["anything"]


def first_match(entry: Entry, operation: str, status: int, body: object) -> int | None:
    """The index of the first rule that applies, read from the document alone."""
    for index, rule in enumerate(entry.document.get("errors", ())):
        if rule.get("operations") and operation not in rule["operations"]:
            continue
        if rule.get("statuses") and status not in rule["statuses"]:
            continue
        if "path" not in rule or _applies(rule, find(body, rule["path"])):
            return index
    return None


def _applies(rule: dict, found: object) -> bool:
    if found is None or isinstance(found, (dict, list, float)):
        return False
    if "contains" in rule:
        return not isinstance(found, bool) and str(rule["contains"]).lower() in str(found).lower()
    if "is_not" in rule:
        return not _same(found, rule["is_not"])
    return any(_same(found, value) for value in rule.get("in", [rule.get("equals")]))


def _same(one: object, other: object) -> bool:
    return type(one) is type(other) and one == other


def _finish(entry: Entry, operation: str, status: int, body: object, kind: str, about: str) -> ErrorAnswer:
    """The answer with what else the entry promises about refusals: where to wait, and the id for the provider's support."""
    headers: dict[str, str] = {}
    trace = entry.fact("answer.trace", {})
    if "header" in trace:
        headers[trace["header"]] = TRACE_ID
    if "path" in trace and find(body, trace["path"]) is None and _is_free(body, trace["path"]):
        body = put(body, trace["path"], TRACE_ID)
    index = first_match(entry, operation, status, body)
    if index is not None:
        kind = entry.document["errors"][index]["class"]

    def reply_at(now: float) -> Reply:
        said, more = copy.deepcopy(body), dict(headers)
        if kind == "throttled":
            said = _say_retry_after(entry, more, said, now)
        return encode(entry, said, status=status, headers=more)

    has_trace = TRACE_ID in headers.values() or find(body, trace.get("path", "/-")) == TRACE_ID
    return ErrorAnswer(
        operation=operation,
        reply_at=reply_at,
        kind=kind,
        retry_after_seconds=RETRY_AFTER_SECONDS
        if kind == "throttled" and _can_say_retry_after(entry, body)
        else None,
        trace_id=TRACE_ID if has_trace else None,
        about=about,
    )


def _can_say_retry_after(entry: Entry, body: object) -> bool:
    shape = entry.fact("answer.retry_after", {})
    return "path" not in shape or _is_free(body, shape["path"])


def _is_free(body: object, pointer: str) -> bool:
    """Whether something can stand at *pointer* without taking another's place."""
    parent = find(body, pointer.rpartition("/")[0])
    return parent is None or isinstance(parent, dict)


def _say_retry_after(entry: Entry, headers: dict[str, str], body: object, now: float) -> object:
    shape = entry.fact("answer.retry_after")
    if shape is None:
        headers["retry-after"] = str(RETRY_AFTER_SECONDS)
        return body
    seconds = {
        "seconds": RETRY_AFTER_SECONDS,
        "milliseconds": RETRY_AFTER_SECONDS * 1000,
        "epoch_seconds": round(now) + RETRY_AFTER_SECONDS,
        "epoch_milliseconds": (round(now) + RETRY_AFTER_SECONDS) * 1000,
    }[shape.get("kind", "seconds")]
    if "header" in shape:
        headers[shape["header"]] = str(seconds)
        return body
    return put(body, shape["path"], seconds) if _is_free(body, shape["path"]) else body


def kind_for(operation: str, kind: str, *, connecting: bool) -> str:
    """A dead grant means something only where one is stored; a client's own grant is the client."""
    if kind != "grant_dead" or (operation in STORED_GRANT and not connecting):
        return kind
    return "client_misconfigured" if operation == "client_credentials" else "rejected"
