"""Filling `{placeholder}` in a provider's URLs so that no value can lead to another host (security facts 5c)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import urlsplit

from evertoken.domain.errors import InvalidInputError
from evertoken.domain.provider_shapes import TemplateParameter
from evertoken.domain.request_shape import RequestShape, RequestShapes

DNS_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_HOST_NAME = re.compile(
    r"(?=.{1,253}\Z)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?"
)
_PATH_SEGMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


def check_parameters(
    provider_name: str,
    declared: Mapping[str, TemplateParameter],
    values: Mapping[str, str],
    *,
    by_operator: bool,
    whole: bool,
) -> dict[str, str]:
    """Return the values to fill in: all of *values* and, when *whole*, every default.

    Raises:
        InvalidInputError: one is not declared, not admitted or (when *whole*) missing.
    """
    for name in values:
        if name not in declared:
            known = ", ".join(sorted(declared)) or "none"
            raise InvalidInputError(f"{provider_name} takes no parameter {name[:64]!r}. It takes: {known}.")
    filled = {}
    for name, parameter in declared.items():
        value = values.get(name, parameter.default if whole else None)
        if value is not None:
            filled[name] = check_value(name, parameter, value, by_operator=by_operator)
        elif whole:
            raise InvalidInputError(f"{provider_name} needs the parameter {name}: {parameter.description}")
    return filled


def check_value(name: str, parameter: TemplateParameter, value: str, *, by_operator: bool = False) -> str:
    """Return *value* if it may fill the template parameter *name*. Raises InvalidInputError, which says what it must be."""
    if value in parameter.choices:
        return value
    if parameter.choices and not parameter.suffixes and not parameter.operator_host:
        raise InvalidInputError(f"The parameter {name} must be one of: {', '.join(parameter.choices)}.")
    if parameter.operator_host:
        return _check_host(name, parameter, value, by_operator=by_operator)
    if parameter.suffixes:
        if any(
            value.endswith(suffix) and DNS_LABEL.fullmatch(value.removesuffix(suffix))
            for suffix in parameter.suffixes
        ):
            return value
        admitted = ", ".join((*parameter.choices, *(f"<name>{suffix}" for suffix in parameter.suffixes)))
        raise InvalidInputError(f"The parameter {name} must be one of: {admitted}.")
    if parameter.in_host and DNS_LABEL.fullmatch(value) is None:
        raise InvalidInputError(
            f"The parameter {name} must be one DNS label: lower-case letters, digits and inner hyphens, at most 63, no dots."
        )
    if not parameter.in_host and _PATH_SEGMENT.fullmatch(value) is None:
        raise InvalidInputError(
            f"The parameter {name} must be one path segment: letters, digits, '.', '_' and '-', not first a '.', at most 128."
        )
    return value


def _check_host(name: str, parameter: TemplateParameter, value: str, *, by_operator: bool) -> str:
    if not by_operator and value != parameter.default:
        raise InvalidInputError(
            f"The parameter {name} is a host, which only the client registration may name. An operator sets it: PUT /v1/registrations/{{id}}."
        )
    if _HOST_NAME.fullmatch(value) is None:
        raise InvalidInputError(
            f"The parameter {name} must be a host name in lower case, such as login.example.com: no scheme, port, path or address."
        )
    return value


def find_parameter_value(value: str) -> str:
    """Return what a provider's own word for a template parameter means: the host of a URL, else the word itself."""
    if not value.startswith("https://"):
        return value
    try:
        return urlsplit(value).hostname or value
    except ValueError:
        return value


def fill_template(text: str, values: Mapping[str, str]) -> str:
    """Return *text* with each `{name}` of *values* replaced; other placeholders stay."""
    if "{" in text:
        for name, value in values.items():
            text = text.replace("{" + name + "}", value)
    return text


def fill_values(texts: Mapping[str, str], values: Mapping[str, str]) -> Mapping[str, str]:
    """Return *texts* with each value filled."""
    return {name: fill_template(text, values) for name, text in texts.items()}


def fill_requests(requests: RequestShapes, values: Mapping[str, str]) -> RequestShapes:
    """Return *requests* with their URLs, parameters and headers filled."""

    def fill(shape: RequestShape) -> RequestShape:
        return replace(
            shape,
            url=None if shape.url is None else fill_template(shape.url, values),
            parameters=fill_values(shape.parameters, values),
            headers=fill_values(shape.headers, values),
        )

    return requests.mapped(fill)
