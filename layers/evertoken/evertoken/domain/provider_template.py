"""Filling `{placeholder}` in a provider's URLs so that no value can lead to another host (security facts 5c)."""

from __future__ import annotations

import re
from collections.abc import Mapping

from evertoken.domain.errors import InvalidInputError
from evertoken.domain.provider_shapes import TemplateParameter

_DNS_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_PATH_SEGMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


def resolve_parameters(
    provider_name: str, declared: Mapping[str, TemplateParameter], given: Mapping[str, str]
) -> dict[str, str]:
    """Return the value of every declared parameter, from *given* or from its default.

    Raises:
        InvalidInputError: one is missing, is not declared, or is not one DNS label (in a host) or one plain segment (in a path).
    """
    for name in given:
        if name not in declared:
            known = ", ".join(sorted(declared)) or "none"
            raise InvalidInputError(f"{provider_name} takes no parameter {name[:64]!r}. It takes: {known}.")
    return {name: _resolve(provider_name, name, parameter, given) for name, parameter in declared.items()}


def _resolve(provider_name: str, name: str, parameter: TemplateParameter, given: Mapping[str, str]) -> str:
    value = given.get(name, parameter.default)
    if value is None:
        raise InvalidInputError(f"{provider_name} needs the parameter {name}: {parameter.description}")
    if parameter.in_host and _DNS_LABEL.fullmatch(value) is None:
        raise InvalidInputError(
            f"The parameter {name} must be one DNS label: lower-case letters, digits and inner hyphens, at most 63, no dots."
        )
    if not parameter.in_host and _PATH_SEGMENT.fullmatch(value) is None:
        raise InvalidInputError(
            f"The parameter {name} must be one path segment: letters, digits, '.', '_' and '-', not first a '.', at most 128."
        )
    return value


def fill_template(url: str, values: Mapping[str, str]) -> str:
    """Return *url* with each `{name}` of *values* replaced; other placeholders stay."""
    for name, value in values.items():
        url = url.replace("{" + name + "}", value)
    return url
