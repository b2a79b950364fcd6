"""The section `parameters` of a provider document: what may fill the placeholders of its URLs, parameters, headers and claims."""

from __future__ import annotations

import re
from collections.abc import Container
from dataclasses import replace

from evertoken.catalogue.document_patterns import (
    KEPT_MEMBER,
    KEPT_MEMBER_MEND,
    PARAMETER_NAME,
    PARAMETER_NAME_MEND,
)
from evertoken.catalogue.document_reader import DocumentReader
from evertoken.domain.errors import InvalidInputError
from evertoken.domain.provider_shapes import TemplateParameter
from evertoken.domain.provider_template import check_value
from evertoken.protocol.token_members import kept_name

RESERVED_NAMES = frozenset(
    {"client_id", "redirect_uri", "scope", "state", "random", "subject", "access_token", "refresh_token"}
)
"""What Evertoken fills by itself."""
_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")
_PART_MEND = "must be one part of a host or path."
_DEFAULT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,252}")
_CHOICE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_SUFFIX = re.compile(r"(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?){1,7}\.[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?")
_SUFFIX_MEND = "must be a dot and a domain of at least two labels, such as .my.example.com."
_MOST_PARAMETERS = 8


def read_parameters(reader: DocumentReader) -> dict[str, TemplateParameter]:
    """Return what the section declares; where each stands is `settled` later. Reports to the reader."""
    section = reader.object("parameters")
    if section is None:
        return {}
    declared = {}
    if len(section.names()) > _MOST_PARAMETERS:
        reader.report("parameters", f"must be an object of at most {_MOST_PARAMETERS}.")
    for name in section.names():
        parameter = section.object(name)
        if _NAME.fullmatch(name) is None:
            section.report(
                name[:64],
                "must have a name of lower-case letters, digits and '_', at most 32, a letter first.",
            )
        elif name in RESERVED_NAMES:
            section.report(name, "is filled by Evertoken itself. Choose another name.")
        elif parameter is not None:
            declared[name] = _read_parameter(parameter)
    return declared


def settled(
    reader: DocumentReader,
    declared: dict[str, TemplateParameter],
    *,
    in_host: Container[str],
    used: Container[str],
    inherited: Container[str],
) -> dict[str, TemplateParameter]:
    """Return those of *declared* that are *used*, with where they stand, their defaults checked.

    Reports to the reader, also one that is not used; one that is only *inherited* may be left over.
    """
    for name in declared:
        if name not in used and name not in inherited:
            reader.report(
                f"parameters.{name}",
                f"is used by no URL, parameter, header or claim. Write {{{name}}} where it belongs, or remove it.",
            )
    parameters = {
        name: replace(parameter, in_host=name in in_host)
        for name, parameter in declared.items()
        if name in used
    }
    for name, parameter in parameters.items():
        if parameter.default is not None:
            _check(reader, f"parameters.{name}.default", name, parameter, parameter.default)
    return parameters


def _read_parameter(reader: DocumentReader) -> TemplateParameter:
    description = reader.text("description")
    if description is None:
        reader.report("description", "is missing. Say what the caller has to give.")
    reader.text("example")
    from_answer = reader.text("from_answer", pattern=KEPT_MEMBER, mend=KEPT_MEMBER_MEND)
    parameter = TemplateParameter(
        description=description or "",
        in_host=False,
        default=reader.text("default", pattern=_DEFAULT, mend=_PART_MEND),
        choices=reader.texts("choices", pattern=_CHOICE, mend=_PART_MEND, limit=64),
        suffixes=reader.texts("suffixes", pattern=_SUFFIX, mend=_SUFFIX_MEND, limit=8),
        operator_host=reader.flag("operator_host"),
        from_callback=reader.text("from_callback", pattern=PARAMETER_NAME, mend=PARAMETER_NAME_MEND),
        from_answer=None if from_answer is None else kept_name(from_answer),
    )
    if parameter.operator_host and parameter.suffixes:
        reader.report("suffixes", "cannot stand beside operator_host, which admits every host.")
    if parameter.operator_host or parameter.suffixes:
        host = TemplateParameter(description="", in_host=True, operator_host=True)
        for choice in parameter.choices:
            _check(reader, "choices", "here", host, choice)
    reader.close()
    return parameter


def _check(reader: DocumentReader, field: str, name: str, parameter: TemplateParameter, value: str) -> None:
    try:
        check_value(name, parameter, value, by_operator=True)
    except InvalidInputError as error:
        reader.report(field, f"cannot be {value!r}. {error}")
