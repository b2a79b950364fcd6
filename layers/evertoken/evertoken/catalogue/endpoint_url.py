"""Which URLs a provider document may name: https, a plain host, placeholders only where their value cannot change who is asked."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from evertoken.domain.provider_shapes import TemplateParameter

_HOST = re.compile(r"(?:(?:[a-z0-9]|\{[a-z][a-z0-9_]*\}|[a-z0-9][a-z0-9-]{0,61}[a-z0-9])(?:\.|\Z))+")
_PLACEHOLDER = re.compile(r"\{([A-Za-z][A-Za-z0-9_.-]*)\}")
_FIXED_SUFFIX = re.compile(r".*\}(?:\.[a-z0-9-]+){2,}")
_FORBIDDEN = re.compile(r"[^\x21-\x7e]|[\\\"<>^`|]")
_NO_PARAMETERS: Mapping[str, TemplateParameter] = {}
_HOST_MEND = "must name a host in lower case, such as https://accounts.example.com/token."
_LOOPBACK = "must not be on this machine: only the local stage allows providers on loopback addresses."


@dataclass(frozen=True, slots=True, kw_only=True)
class UrlPlaceholders:
    """The placeholders of one URL."""

    in_host: frozenset[str]
    in_path: frozenset[str]


def find_url_problem(
    url: str, *, allow_loopback: bool, parameters: Mapping[str, TemplateParameter] = _NO_PARAMETERS
) -> str | None:
    """Return what is wrong with an endpoint's URL, as the end of a sentence, or None.

    A placeholder in the host is one DNS label before a fixed domain of at least two, unless *parameters* closes what can stand there: a choice stands
    anywhere, and a whole host (`suffixes`, `operator_host`) alone.
    """
    if _FORBIDDEN.search(url):
        return "must be a URL of plain ASCII characters."
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return "must be a URL."
    if "@" in parts.netloc or parts.fragment or url.endswith("#"):
        return "must be a URL without user name and fragment."
    if _is_loopback(host):
        return None if allow_loopback and parts.scheme in ("http", "https") else _LOOPBACK
    if parts.scheme != "https":
        return "must begin with https://."
    if _is_address(host):
        return "must name its host; a numeric address cannot prove who it is."
    if parts.netloc != parts.netloc.lower():
        return _HOST_MEND
    problem = _find_host_problem(host, parameters)
    if problem is None and not _has_clean_placeholders(parts.path):
        return "may have a placeholder only as a whole part of its path, such as /applications/{client_id}/token."
    if problem is None and ("{" in parts.query or "{client_id}" in host):
        return "may not have a placeholder there."
    return problem


def find_placeholders(url: str) -> UrlPlaceholders:
    """Return the placeholders of *url*."""
    if "{" not in url:
        return _NO_PLACEHOLDERS
    parts = urlsplit(url)
    return UrlPlaceholders(
        in_host=frozenset(_PLACEHOLDER.findall(parts.netloc)),
        in_path=frozenset(_PLACEHOLDER.findall(parts.path)),
    )


_NO_PLACEHOLDERS = UrlPlaceholders(in_host=frozenset(), in_path=frozenset())


def find_names(text: str) -> list[str]:
    """Return the names in braces of a parameter's, header's or claim's value."""
    return _PLACEHOLDER.findall(text) if "{" in text else []


def _find_host_problem(host: str, parameters: Mapping[str, TemplateParameter]) -> str | None:
    named = {name: parameters[name] for name in _PLACEHOLDER.findall(host) if name in parameters}
    for name, parameter in named.items():
        if parameter.suffixes or parameter.operator_host:
            return (
                None
                if host == f"{{{name}}}"
                else f"must have {{{name}}}, which is a whole host, alone as its host."
            )
    for one in _hosts_with_choices(host, named):
        if _HOST.fullmatch(one) is None or "." not in one or one.endswith(".") or _is_loopback(one):
            return _HOST_MEND
        # No top-level domain begins with a digit; 127.0.0.0x1 is an address to some (https://url.spec.whatwg.org, ends-in-a-number checker).
        if one.rpartition(".")[2][0].isdigit():
            return _HOST_MEND
        if "{" in one and _FIXED_SUFFIX.fullmatch(one) is None:
            return "must end its host in a fixed domain after the placeholder, such as https://{shop}.example.com."
    return None


def _hosts_with_choices(host: str, named: Mapping[str, TemplateParameter]) -> Iterator[str]:
    """Yield the host with each choice of each parameter in it, the others at their first."""
    closed = {name: parameter.choices for name, parameter in named.items() if parameter.choices}
    first = host
    for name, choices in closed.items():
        first = first.replace(f"{{{name}}}", choices[0])
    yield first
    for name, choices in closed.items():
        rest = host
        for other, others in closed.items():
            rest = rest if other == name else rest.replace(f"{{{other}}}", others[0])
        yield from (rest.replace(f"{{{name}}}", choice) for choice in choices[1:])


def _has_clean_placeholders(path: str) -> bool:
    return ("{" not in path and "}" not in path) or all(
        ("{" not in part and "}" not in part) or _PLACEHOLDER.fullmatch(part) for part in path.split("/")
    )


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    return _is_address(host) and ipaddress.ip_address(host).is_loopback


def _is_address(host: str) -> bool:
    # Every address ends in a digit or holds a colon; names are told apart without the cost of an exception.
    if ":" not in host and not host[-1:].isdigit():
        return False
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
