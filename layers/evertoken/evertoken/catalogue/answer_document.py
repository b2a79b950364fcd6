"""The part of a provider document that says how token answers look."""

from __future__ import annotations

import re
from enum import StrEnum

from evertoken.catalogue.document_patterns import (
    HEADER_NAME,
    HEADER_NAME_MEND,
    KEPT_MEMBER,
    KEPT_MEMBER_MEND,
    PARAMETER_NAME,
    POINTER,
    POINTER_MEND,
    SCHEME,
    SCHEME_MEND,
    SCOPE_SEPARATOR,
    SCOPE_SEPARATOR_MEND,
)
from evertoken.catalogue.document_reader import DocumentReader
from evertoken.catalogue.document_sections import Reading, close_section
from evertoken.domain.answer_shape import (
    RFC_ANSWER,
    STANDARD_MEMBERS,
    AnswerShape,
    ExpiryKind,
    ExpiryShape,
    RetryAfterShape,
    TraceShape,
)
from evertoken.domain.provider_shapes import AccountOrigin, AccountSource

_STANDARD_MEMBER = re.compile("|".join(STANDARD_MEMBERS))
_TOKEN_TYPE = re.compile(r"[a-z0-9 _-]{1,64}")
_MAX_KEPT = 16
_SEALED_MEMBERS = ("access_token", "refresh_token", "id_token", "device_code")


class WaitKind(StrEnum):
    """What the wait that an answer asks for is measured in."""

    SECONDS = "seconds"
    MILLISECONDS = "milliseconds"
    EPOCH_SECONDS = "epoch_seconds"
    EPOCH_MILLISECONDS = "epoch_milliseconds"


def parse_answer_shape(reader: DocumentReader | None, reading: Reading) -> AnswerShape:
    """Return how token answers look, from the section `answer`. Reports to the reader."""
    if reader is None:
        return RFC_ANSWER
    shape = AnswerShape(
        token_paths=reader.texts("token_paths", pattern=POINTER, mend=POINTER_MEND, limit=4) or ("",),
        members=reader.mapping_of_texts(
            "members",
            names=_STANDARD_MEMBER,
            values=PARAMETER_NAME,
            mend=f"must be one of {', '.join(STANDARD_MEMBERS)}, and a list of its names there.",
            limit=4,
        ),
        headers={
            member: header.lower()
            for member, header in reader.mapping(
                "headers",
                names=PARAMETER_NAME,
                values=HEADER_NAME,
                mend="must be a member's name and a header's.",
                limit=_MAX_KEPT,
            ).items()
        },
        keeps=reader.texts("keeps", pattern=KEPT_MEMBER, mend=KEPT_MEMBER_MEND, limit=_MAX_KEPT),
        form_encoded=reader.truth("form_encoded", unknown=False),
        jsonp=reader.flag("jsonp"),
        scope_separator=reader.text("scope_separator", pattern=SCOPE_SEPARATOR, mend=SCOPE_SEPARATOR_MEND)
        or " ",
        token_types=frozenset(
            reader.texts(
                "token_types", pattern=_TOKEN_TYPE, mend="must be a token type in lower case.", limit=4
            )
        ),
        authorization_scheme=reader.text("authorization_scheme", pattern=SCHEME, mend=SCHEME_MEND)
        or RFC_ANSWER.authorization_scheme,
        expiry=_parse_expiry(reader.object("expires_in"), RFC_ANSWER.expiry),
        refresh_token_expiry=_parse_expiry(
            reader.object("refresh_token_expires_in"), RFC_ANSWER.refresh_token_expiry
        ),
        retry_after=_parse_retry_after(reader.object("retry_after")),
        trace=_parse_trace(reader.object("trace")),
    )
    close_section(reader, "answer", reading)
    return shape


def report_shown_tokens(reader: DocumentReader, shape: AnswerShape, account: AccountSource) -> None:
    """Report what would show a token of an answer: kept members are published, an account is listed, a trace is logged."""
    names = {name for member in _SEALED_MEMBERS for name in shape.names_of(member)}
    shown = {
        "answer.keeps": shape.keeps,
        "answer.trace.path": () if shape.trace is None or shape.trace.path is None else (shape.trace.path,),
        "account.member": (account.member,)
        if account.origin is AccountOrigin.ANSWER and account.member
        else (),
    }
    for field, members in shown.items():
        if any(member.rpartition("/")[2] in names for member in members):
            reader.report(
                field,
                "names a token, which would be shown. Tokens are kept sealed by themselves: leave it out.",
            )


def _parse_expiry(reader: DocumentReader | None, default: ExpiryShape) -> ExpiryShape:
    if reader is None:
        return default
    shape = ExpiryShape(
        kind=reader.choice("kind", ExpiryKind, default.kind),
        zero_is_never=reader.flag("zero_is_never", default=default.zero_is_never),
    )
    reader.close()
    return shape


def _parse_retry_after(reader: DocumentReader | None) -> RetryAfterShape | None:
    if reader is None:
        return None
    header, path = _take_place(reader)
    kind = reader.choice("kind", WaitKind, WaitKind.SECONDS)
    reader.close()
    return RetryAfterShape(header=header, path=path, kind=ExpiryKind(kind.value))


def _parse_trace(reader: DocumentReader | None) -> TraceShape | None:
    if reader is None:
        return None
    header, path = _take_place(reader)
    reader.close()
    return TraceShape(header=header, path=path)


def _take_place(reader: DocumentReader) -> tuple[str | None, str | None]:
    header = reader.text("header", pattern=HEADER_NAME, mend=HEADER_NAME_MEND)
    path = reader.text("path", pattern=POINTER, mend=POINTER_MEND)
    if header is None and path is None:
        reader.report("header", "or path must say where it stands.")
    return None if header is None else header.lower(), path
