"""The parts of a provider document that say how answers and errors look, and where the account is."""

from __future__ import annotations

import re
from enum import StrEnum

from evertoken.catalogue.document_reader import DocumentReader
from evertoken.catalogue.request_document import PARAMETER_NAME, PARAMETER_NAME_MEND
from evertoken.domain.outcome import FailureKind
from evertoken.domain.provider_shapes import (
    CALLERS_ACCOUNT,
    RFC_ANSWER,
    AccountOrigin,
    AccountSource,
    AnswerShape,
    ErrorRule,
    Operation,
)

_POINTER = re.compile(r"(?:/[A-Za-z0-9_.~-]{1,64}){0,6}")
_POINTER_MEND = "must be a JSON pointer such as /error/code."
_SEPARATOR = re.compile(r"[ ,;+|]")
_MAX_VALUES = 32
_CODE = re.compile(r"[a-z0-9_.-]{1,64}")
_TOKEN_TYPE = re.compile(r"[a-z0-9 _-]{1,64}")


class ErrorClass(StrEnum):
    """What a rule may make of an error: the kinds of failure that an answer can mean."""

    GRANT_DEAD = "grant_dead"
    CLIENT_MISCONFIGURED = "client_misconfigured"
    THROTTLED = "throttled"
    PROVIDER_DOWN = "provider_down"
    OUTCOME_UNKNOWN = "outcome_unknown"
    REJECTED = "rejected"


def parse_answer_shape(reader: DocumentReader | None) -> AnswerShape:
    """Return how token answers look, from the section `answer`. Raises InvalidInputError."""
    if reader is None:
        return RFC_ANSWER
    shape = AnswerShape(
        token_paths=reader.texts("token_paths", pattern=_POINTER, mend=_POINTER_MEND, limit=4) or ("",),
        form_encoded=reader.truth("form_encoded", unknown=False),
        scope_members=reader.texts("scope_members", pattern=PARAMETER_NAME, mend=PARAMETER_NAME_MEND, limit=4)
        or ("scope",),
        scope_separator=reader.text("scope_separator", pattern=_SEPARATOR, mend="must be one of: ' ' , ; + |")
        or " ",
        keeps=reader.texts("keeps", pattern=PARAMETER_NAME, mend=PARAMETER_NAME_MEND, limit=16),
        token_types=frozenset(
            reader.texts(
                "token_types", pattern=_TOKEN_TYPE, mend="must be a token type in lower case.", limit=4
            )
        ),
    )
    reader.close()
    return shape


def parse_error_rules(readers: tuple[DocumentReader, ...]) -> tuple[ErrorRule, ...]:
    """Return the rules of the section `errors`, in its order. Raises InvalidInputError."""
    return tuple(_parse_error_rule(reader) for reader in readers)


def _parse_error_rule(reader: DocumentReader) -> ErrorRule:
    error_class = reader.find_choice("class", ErrorClass)
    if error_class is None:
        raise reader.refuse("class", f"must be one of: {', '.join(ErrorClass)}.")
    path = reader.text("path", pattern=_POINTER, mend=_POINTER_MEND)
    values, contains = _parse_values(reader)
    statuses = reader.integers("statuses", least=200, most=599)
    if (path is None) != (not values):
        raise reader.refuse("path", "and one of equals, in and contains go together.")
    if path is None and not statuses:
        raise reader.refuse("statuses", "or a path must say when the rule applies.")
    reader.text("comment")
    rule = ErrorRule(
        kind=FailureKind(error_class.value),
        operations=frozenset(reader.choices("operations", Operation)),
        statuses=frozenset(statuses),
        path=path,
        values=values,
        contains=contains,
        code=reader.text(
            "code", pattern=_CODE, mend="must be a code: lower-case letters, digits, '_', '.', '-'."
        ),
    )
    reader.close()
    return rule


def _parse_values(reader: DocumentReader) -> tuple[tuple[str | int, ...], bool]:
    given = [member for member in ("equals", "in", "contains") if reader.has(member)]
    if not given:
        return (), False
    if len(given) > 1:
        raise reader.refuse(given[1], f"cannot stand beside {given[0]}: a rule compares in one way.")
    member = given[0]
    value = reader.take(member)
    values = value if member == "in" else [value]
    kinds = (str,) if member == "contains" else (str, int)
    if (
        not isinstance(values, list)
        or not 0 < len(values) <= _MAX_VALUES
        or not all(type(one) in kinds and one != "" for one in values)
    ):
        raise reader.refuse(
            member, "must be a text or a whole number (for `in` a list of them, for `contains` a text)."
        )
    return tuple(values), member == "contains"


def parse_account_source(reader: DocumentReader | None) -> AccountSource:
    """Return where the account is, from the section `account`. Raises InvalidInputError."""
    if reader is None:
        return CALLERS_ACCOUNT
    origin = reader.choice("from", AccountOrigin, AccountOrigin.CALLER)
    member = reader.text("member", pattern=PARAMETER_NAME, mend=PARAMETER_NAME_MEND)
    if (origin is AccountOrigin.ANSWER) != (member is not None):
        raise reader.refuse("member", 'must name a member of the answer, exactly where from is "answer".')
    reader.close()
    return AccountSource(origin=origin, member=member)
