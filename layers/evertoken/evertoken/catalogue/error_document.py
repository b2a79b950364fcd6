"""The part of a provider document that says what the provider's own errors mean."""

from __future__ import annotations

import re
from enum import StrEnum

from evertoken.catalogue.document_patterns import POINTER, POINTER_MEND
from evertoken.catalogue.document_reader import DocumentReader
from evertoken.catalogue.document_sections import Reading, close_section
from evertoken.domain.answer_shape import ErrorRule
from evertoken.domain.outcome import FailureKind
from evertoken.domain.request_shape import Operation

_MAX_RULES = 64
_MAX_VALUES = 32
_MAX_PART = 256
_CODE = re.compile(r"[a-z0-9_.-]{1,64}")
_COMPARISONS = ("equals", "in", "contains", "is_not")


class ErrorClass(StrEnum):
    """What a rule may make of an error: the kinds of failure that an answer can mean."""

    GRANT_DEAD = "grant_dead"
    CLIENT_MISCONFIGURED = "client_misconfigured"
    THROTTLED = "throttled"
    PROVIDER_DOWN = "provider_down"
    OUTCOME_UNKNOWN = "outcome_unknown"
    USER_ACTION_REQUIRED = "user_action_required"
    REJECTED = "rejected"


def parse_error_rules(reader: DocumentReader, reading: Reading) -> tuple[ErrorRule, ...]:
    """Return the rules of the list `errors`, in its order. Reports to the reader."""
    rules = []
    for index, one in enumerate(reader.objects("errors", limit=_MAX_RULES)):
        rule = _parse_rule(one)
        close_section(one, f"errors[{index}]", reading)
        if rule is not None:
            rules.append(rule)
    return tuple(rules)


def _parse_rule(reader: DocumentReader) -> ErrorRule | None:
    error_class = reader.find_choice("class", ErrorClass)
    if error_class is None:
        reader.report("class", f"must be one of: {', '.join(ErrorClass)}.")
    path = reader.text("path", pattern=POINTER, mend=POINTER_MEND)
    comparison, values = _take_values(reader)
    statuses = reader.integers("statuses", least=200, most=599)
    if (path is None) != (not values):
        reader.report("path", "and one of equals, in, contains and is_not go together.")
    if path is None and not statuses:
        reader.report("statuses", "or a path must say when the rule applies.")
    reader.text("comment")
    operations = reader.choices("operations", Operation)
    code = reader.text(
        "code", pattern=_CODE, mend="must be a code: lower-case letters, digits, '_', '.', '-'."
    )
    if error_class is None:
        return None
    return ErrorRule(
        kind=FailureKind(error_class.value),
        operations=frozenset(operations),
        statuses=frozenset(statuses),
        path=path,
        values=values,
        contains=comparison == "contains",
        negated=comparison == "is_not",
        code=code,
    )


def _take_values(reader: DocumentReader) -> tuple[str | None, tuple[str | int | bool, ...]]:
    given = [member for member in _COMPARISONS if reader.has(member)]
    if not given:
        return None, ()
    for member in given[1:]:
        reader.take(member)
        reader.report(member, f"cannot stand beside {given[0]}: a rule compares in one way.")
    member = given[0]
    value = reader.take(member)
    values = value if member == "in" else [value]
    if (
        not isinstance(values, list)
        or not 0 < len(values) <= _MAX_VALUES
        or not all(_is_comparable(one, member) for one in values)
    ):
        reader.report(
            member,
            "must be a text, a whole number, true or false (for `in` a list of them, for `contains` a text of at most 256 characters).",
        )
        return member, ("",)
    return member, tuple(values)


def _is_comparable(value: object, member: str) -> bool:
    if member == "contains":
        return isinstance(value, str) and 0 < len(value) <= _MAX_PART
    return type(value) in (str, int, bool) and value != ""
