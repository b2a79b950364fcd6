"""Checks a provider document: `python -m tools.check_provider FILE [--shipped]`, or `make check-provider FILE=my.json`.

Every problem that can be found is printed with its line, its field and the mend, and the exit status is 1. Of a good document it prints what it says, which
facts it leaves unknown, and what that makes Evertoken do.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evertoken.catalogue.document_patterns import PROVIDER_ID
from evertoken.catalogue.loader import find_problems, parse_provider
from evertoken.domain.provider import Provider
from evertoken.entrypoints.http_event import LARGEST_BODY
from evertoken.entrypoints.json_body import DEEPEST
from evertoken.usecases.describe_provider import find_unknown_facts
from tools.json_lines import JsonLines, find_depth_line, find_half_character_line, find_lines

_DISCOVERED = "https://discovered.invalid/"
"""Stands for the endpoints of a document that leaves them to its issuer's metadata."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What is wrong in a line of the file."""

    line: int
    text: str


class _UnreadableError(Exception):
    def __init__(self, line: int, text: str) -> None:
        super().__init__(text)
        self.problem = Problem(line=line, text=text)


def check_file(path: Path, *, is_shipped: bool) -> tuple[tuple[Problem, ...], Provider | None]:
    """Return all problems of the document in *path*, by line, and the provider when there are none.

    *is_shipped* asks for what the catalogue asks for: schema_version, a source of each section, and the file's name as id.
    """
    try:
        text, document = _read(path, largest=None if is_shipped else LARGEST_BODY)
    except _UnreadableError as error:
        return (error.problem,), None
    lines = find_lines(text)
    provider_id = _id_of(document, path, is_shipped=is_shipped)
    whole = document if is_shipped else _with_discovered_endpoints(document)
    problems = {
        *_repeated(lines),
        *(
            Problem(line=lines.line_of(found.field), text=str(found))
            for found in find_problems(whole, provider_id=provider_id, needs_sources=is_shipped)
        ),
    }
    if problems:
        return tuple(sorted(problems, key=lambda one: (one.line, one.text))), None
    return (), parse_provider(whole, provider_id=provider_id, needs_sources=is_shipped)


def _read(path: Path, *, largest: int | None) -> tuple[str, Any]:
    text = _read_text(path, largest)
    try:
        return text, json.loads(text, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        mend = f"The file is not JSON here (column {error.colno}): {error.msg}."
        raise _UnreadableError(error.lineno, mend) from error
    except ValueError as error:
        raise _UnreadableError(1, f"The file is not JSON: {error}.") from error


def _read_text(path: Path, largest: int | None) -> str:
    """What the API refuses of any body is refused here too, with its line."""
    try:
        content = path.read_bytes()
        text = content.decode("utf-8")
    except OSError as error:
        raise _UnreadableError(1, f"The file cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise _UnreadableError(line, "The file is not UTF-8 here. Save it as UTF-8.") from error
    if largest is not None and len(content) > largest:
        mend = f"The file is longer than {largest} bytes, the most that the API takes. Leave out sources, comments and white space."
        raise _UnreadableError(1, mend)
    if text.startswith("\ufeff"):
        mend = "The file begins with a byte order mark. Save it as UTF-8 without one."
        raise _UnreadableError(1, mend)
    if (deep := find_depth_line(text, DEEPEST)) is not None:
        raise _UnreadableError(deep, f"The file is nested deeper than {DEEPEST} levels here. No field is.")
    if (half := find_half_character_line(text)) is not None:
        mend = "The file has half of a character here (\\ud800 to \\udfff alone). Write the character itself."
        raise _UnreadableError(half, mend)
    return text


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


def _id_of(document: Any, path: Path, *, is_shipped: bool) -> str:
    if is_shipped:
        return path.stem
    given = document.get("id") if isinstance(document, dict) else None
    candidates = (given, path.stem.lower(), "own")
    return next(str(one) for one in candidates if isinstance(one, str) and PROVIDER_ID.fullmatch(one))


def _leaves_endpoints_to_discovery(document: Any) -> bool:
    return isinstance(document, dict) and "issuer" in document and "endpoints" not in document


def _with_discovered_endpoints(document: Any) -> Any:
    if not _leaves_endpoints_to_discovery(document):
        return document
    names = ("authorization", "token", "revocation", "device_authorization")
    return {**document, "endpoints": {name: f"{_DISCOVERED}{name}" for name in names}}


def _repeated(lines: JsonLines) -> Iterator[Problem]:
    for field, line in lines.repeated:
        text = f"{field} stands twice, first in line {lines.lines[field]}. Remove one: readers of JSON disagree on which counts."
        yield Problem(line=line, text=text)


def describe(provider: Provider) -> Iterator[str]:
    """Yield the lines that say what a good document says."""
    yield f"{provider.name} ({provider.provider_id})"
    rotation = provider.rotation.kind.value
    if provider.rotation.grace_seconds:
        rotation += f", {provider.rotation.grace_seconds} s"
    facts = {
        "lifecycle": " ".join(filter(None, (provider.lifecycle.stage.value, provider.lifecycle.ends_on))),
        "grants": ", ".join(sorted(provider.grants)),
        "token endpoint": _shown(provider.token_endpoint),
        "client authentication": ", ".join(provider.client_authentication),
        "PKCE": provider.pkce.value,
        "rotation": rotation,
        "renewed with": provider.refresh_credential.value,
        "access token": _shown_seconds(provider),
        "refresh token": _seconds(provider.refresh_token_lifetime_seconds),
        "account from": provider.account.origin.value,
    }
    yield from (f"  {name:<22} {value}" for name, value in facts.items())
    for name, parameter in sorted(provider.parameters.items()):
        default = f" (else {parameter.default})" if parameter.default else ""
        yield f"  {'to be given':<22} {name}: {parameter.description}{default}"
    unverified = [name for name, source in provider.sources.items() if source.confidence == "unverified"]
    if unverified:
        yield f"  {'unverified':<22} {', '.join(unverified)}: not relied upon where that could cost a grant"
    unknown = find_unknown_facts(provider)
    if unknown:
        yield "Unknown, and what follows:"
        yield from (f"  {fact.field:<32} {fact.consequence}" for fact in unknown)


def _shown(url: str) -> str:
    return "from the issuer's metadata, when it is stored" if url.startswith(_DISCOVERED) else url


def _shown_seconds(provider: Provider) -> str:
    if provider.access_token_lifetime_is_assumed:
        return "unknown"
    seconds = provider.access_token_lifetime_seconds
    return "does not expire" if seconds is None else _seconds(seconds)


def _seconds(seconds: int | None) -> str:
    return "unknown" if seconds is None else f"{seconds} s"


def main(arguments: list[str] | None = None) -> int:
    """Check the file that the arguments name; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.check_provider", description="Check a provider document."
    )
    parser.add_argument("file", type=Path)
    parser.add_argument(
        "--shipped", action="store_true", help="ask for what an entry of the catalogue must have"
    )
    given = parser.parse_args(arguments)
    problems, provider = check_file(given.file, is_shipped=given.shipped)
    for problem in problems:
        print(f"{given.file}:{problem.line}: {problem.text}")
    if provider is not None:
        print("\n".join(describe(provider)))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
