"""The parts of a provider document that say how browsers are sent there and come back, and who the account is."""

from __future__ import annotations

import re
from enum import StrEnum

from evertoken.catalogue.document_patterns import (
    KEPT_MEMBER,
    KEPT_MEMBER_MEND,
    PARAMETER_MEND,
    PARAMETER_NAME,
    PARAMETER_NAME_MEND,
    PARAMETER_VALUE,
    SCOPE_SEPARATOR,
    SCOPE_SEPARATOR_MEND,
)
from evertoken.catalogue.document_reader import DocumentReader
from evertoken.catalogue.document_sections import Reading, close_section
from evertoken.catalogue.placeholders import AUTHORIZATION_VALUE, NOWHERE
from evertoken.domain.provider_shapes import (
    CALLERS_ACCOUNT,
    RFC_AUTHORIZATION,
    RFC_CALLBACK,
    AccountOrigin,
    AccountSource,
    AuthorizationShape,
    CallbackShape,
)

_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,256}")
_CODE_SUFFIX = re.compile(r"[\x21-\x7e]{1,16}")
_MAX_KEPT = 16


class AuthorizationParameter(StrEnum):
    """The parameters that Evertoken sets itself, and a document may rename."""

    RESPONSE_TYPE = "response_type"
    CLIENT_ID = "client_id"
    REDIRECT_URI = "redirect_uri"
    SCOPE = "scope"
    STATE = "state"
    CODE_CHALLENGE = "code_challenge"
    CODE_CHALLENGE_METHOD = "code_challenge_method"


class OmittedParameter(StrEnum):
    """Those that may be left out; without `state` no answer could be told from a forged one."""

    RESPONSE_TYPE = "response_type"
    CLIENT_ID = "client_id"
    REDIRECT_URI = "redirect_uri"
    SCOPE = "scope"


_AUTHORIZATION_PARAMETER = re.compile("|".join(AuthorizationParameter))
_OWN = frozenset({*AuthorizationParameter, "request", "request_uri", "response_mode"})
"""What nobody else may set: the rest of these would change where, or how, the code is sent."""


def parse_authorization(reader: DocumentReader | None, reading: Reading) -> AuthorizationShape:
    """Return how authorization URLs look, from the section `authorization`. Reports to the reader."""
    if reader is None:
        return RFC_AUTHORIZATION
    names = reader.mapping(
        "names",
        names=_AUTHORIZATION_PARAMETER,
        values=PARAMETER_NAME,
        mend=f"must be one of {', '.join(AuthorizationParameter)}, and its name there.",
    )
    parameters = reader.mapping(
        "parameters", names=PARAMETER_NAME, values=PARAMETER_VALUE, mend=PARAMETER_MEND
    )
    accepts = reader.texts("accepts", pattern=PARAMETER_NAME, mend=PARAMETER_NAME_MEND, limit=32)
    for name in (*parameters, *accepts):
        if name in _OWN or name in names.values():
            reader.report(name, "is set by Evertoken itself and cannot be set by a document or a caller.")
    reading.placeholders.note_values(reader.name_of("parameters"), parameters, AUTHORIZATION_VALUE)
    shape = AuthorizationShape(
        scope_separator=reader.text("scope_separator", pattern=SCOPE_SEPARATOR, mend=SCOPE_SEPARATOR_MEND)
        or " ",
        always_scopes=reader.texts("always_scopes", pattern=_SCOPE, mend="must be a scope.", limit=32),
        names=names,
        omits=frozenset(parameter.value for parameter in reader.choices("omits", OmittedParameter)),
        parameters=parameters,
        accepts=frozenset(accepts),
    )
    close_section(reader, "authorization", reading)
    return shape


def parse_callback_shape(reader: DocumentReader | None, reading: Reading) -> CallbackShape:
    """Return how the browser comes back, from the section `callback`. Reports to the reader."""
    if reader is None:
        return RFC_CALLBACK
    shape = CallbackShape(
        code_parameter=reader.text("code_parameter", pattern=PARAMETER_NAME, mend=PARAMETER_NAME_MEND)
        or RFC_CALLBACK.code_parameter,
        code_suffixes=reader.texts(
            "code_suffixes", pattern=_CODE_SUFFIX, mend="must be 1 to 16 characters of plain ASCII.", limit=4
        ),
        keeps=reader.texts("keeps", pattern=PARAMETER_NAME, mend=PARAMETER_NAME_MEND, limit=_MAX_KEPT),
    )
    close_section(reader, "callback", reading)
    return shape


def parse_account_source(reader: DocumentReader | None, reading: Reading) -> AccountSource:
    """Return where the account is, from the section `account`. Reports to the reader."""
    if reader is None:
        return CALLERS_ACCOUNT
    origin = reader.choice("from", AccountOrigin, AccountOrigin.CALLER)
    member = reader.text("member", pattern=KEPT_MEMBER, mend=KEPT_MEMBER_MEND)
    is_named = origin in (AccountOrigin.ANSWER, AccountOrigin.CALLBACK, AccountOrigin.PARAMETER)
    if is_named != (member is not None):
        reader.report(
            "member",
            'must name a member of the answer, a parameter of the callback or one of `parameters`, exactly where from is "answer", "callback" or '
            '"parameter".',
        )
    if origin is AccountOrigin.PARAMETER and member is not None:
        reading.placeholders.note_text(reader.name_of("member"), f"{{{member}}}", NOWHERE)
    close_section(reader, "account", reading)
    return AccountSource(origin=origin, member=member)
