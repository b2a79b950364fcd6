"""On which line each field of a JSON file stands, and which members stand there twice."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import yaml

_NOT_PLAIN = re.compile(r"[^\x20-\x7e\n]")
_BRACKET = re.compile(r'"(?:[^"\\]|\\.)*+"|[\[{]|[\]}]')
_HALF_CHARACTER = re.compile(
    r"\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonLines:
    """`lines` are by a field's full name, such as `errors[0].path`, counted from 1; `repeated` are fields with the line of their second appearance."""

    lines: dict[str, int]
    repeated: tuple[tuple[str, int], ...]

    def line_of(self, field: str) -> int:
        """Return the line of a field; of one that is not there, the line of what it should stand in."""
        while field and field not in self.lines:
            field = field[: max(field.rfind("."), field.rfind("["), 0)]
        return self.lines.get(field, 1)


def find_lines(text: str) -> JsonLines:
    """Return where the fields of *text* stand, which is valid JSON; of unusual JSON (a key of a thousand characters) nothing is known."""
    # PyYAML reads JSON as YAML and knows lines. What the two differ in (tabs, controls, other line ends) changes no line and is blanked.
    try:
        root = yaml.compose(_NOT_PLAIN.sub(" ", text), Loader=yaml.SafeLoader)
    except yaml.YAMLError:
        return JsonLines(lines={}, repeated=())
    lines: dict[str, int] = {}
    repeated = []
    for field, line in _walk(root, ""):
        if field in lines:
            repeated.append((field, line))
        else:
            lines[field] = line
    return JsonLines(lines=lines, repeated=tuple(repeated))


def find_depth_line(text: str, deepest: int) -> int | None:
    """Return the line on which *text*, JSON or not, opens more than *deepest* brackets, or None."""
    depth = 0
    for found in _BRACKET.finditer(text):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(found[0], 0)
        if depth > deepest:
            return _line_at(text, found.start())
    return None


def find_half_character_line(text: str) -> int | None:
    """Return the line of the first escape that is half of a surrogate pair (RFC 8259 section 8.2), or None."""
    halves = (found for found in _HALF_CHARACTER.finditer(text) if found[1])
    first = next(halves, None)
    return None if first is None else _line_at(text, first.start())


def _line_at(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1


def _walk(node: yaml.Node | None, path: str) -> Iterator[tuple[str, int]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            field = f"{path}.{key.value}" if path else str(key.value)
            yield field, key.start_mark.line + 1
            yield from _walk(value, field)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            field = f"{path}[{index}]"
            yield field, item.start_mark.line + 1
            yield from _walk(item, field)
