"""Reads one object of a provider document member by member, so that what nobody asked for is refused by its name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, TypeVar

from evertoken.catalogue.document_problems import DocumentProblems

UNKNOWN = "unknown"
_MAX_TEXT = 2048
_Choice = TypeVar("_Choice", bound=StrEnum)


class DocumentReader:
    """One JSON object at *path*; `close` refuses the members that were not taken.

    Every method reports what cannot be by the field's name and the mend: *problems* raises InvalidInputError at once, or collects; then the method
    returns what an absent member means.
    """

    def __init__(self, value: Any, problems: DocumentProblems, path: str = "") -> None:
        self._problems = problems
        self._path = path
        if not isinstance(value, Mapping):
            problems.add(path or "The provider document", "must be a JSON object.")
            value = {}
        self._rest = dict(value)

    def name_of(self, member: str) -> str:
        """Return the full name of *member*, for messages."""
        return f"{self._path}.{member}" if self._path else member

    def has(self, member: str) -> bool:
        """Return whether *member* is there and was not taken yet."""
        return member in self._rest

    def names(self) -> tuple[str, ...]:
        """Return the members that were not taken yet."""
        return tuple(self._rest)

    def take(self, member: str) -> Any:
        """Take *member* as it is; None when it is absent."""
        return self._rest.pop(member, None)

    def peek(self, member: str) -> Any:
        """Return *member* without taking it; None when it is absent."""
        return self._rest.get(member)

    def report(self, member: str, mend: str) -> None:
        """Report what *member* must be."""
        self._problems.add(self.name_of(member), mend)

    def object(self, member: str) -> DocumentReader | None:
        """Take an object, or None when it is absent."""
        if not self.has(member):
            return None
        return DocumentReader(self.take(member), self._problems, self.name_of(member))

    def objects(self, member: str, *, limit: int) -> tuple[DocumentReader, ...]:
        """Take a list of at most *limit* objects, empty when it is absent."""
        name = self.name_of(member)
        return tuple(
            DocumentReader(value, self._problems, f"{name}[{index}]")
            for index, value in enumerate(self._list(member, limit))
        )

    def text(self, member: str, *, pattern: re.Pattern[str] | None = None, mend: str = "") -> str | None:
        """Take a text that *pattern* matches whole (without one: that is not empty), or None when it is absent."""
        if not self.has(member):
            return None
        value = self.take(member)
        if not isinstance(value, str) or len(value) > _MAX_TEXT or (pattern is None and not value):
            self.report(member, f"must be a text of 1 to {_MAX_TEXT} characters.")
            return None
        if pattern is not None and pattern.fullmatch(value) is None:
            self.report(member, mend)
            return None
        return value

    def known_text(
        self, member: str, *, pattern: re.Pattern[str] | None = None, mend: str = ""
    ) -> str | None:
        """Take a text as `text` does; the word `unknown` is None."""
        if self._rest.get(member) == UNKNOWN:
            self.take(member)
            return None
        return self.text(member, pattern=pattern, mend=mend)

    def texts(self, member: str, *, pattern: re.Pattern[str], mend: str, limit: int) -> tuple[str, ...]:
        """Take a list of different texts, empty when it is absent."""
        return self._different(member, self._list(member, limit), pattern, mend)

    def mapping(
        self, member: str, *, names: re.Pattern[str], values: re.Pattern[str], mend: str, limit: int = 32
    ) -> dict[str, str]:
        """Take an object of texts, empty when it is absent."""
        taken = self._named(member, names, mend, limit)
        for name, text in taken.items():
            if not isinstance(text, str) or values.fullmatch(text) is None:
                self.report(f"{member}.{name[:64]}", mend)
        return {name: text for name, text in taken.items() if isinstance(text, str)}

    def mapping_of_texts(
        self, member: str, *, names: re.Pattern[str], values: re.Pattern[str], mend: str, limit: int
    ) -> dict[str, tuple[str, ...]]:
        """Take an object of lists of one to *limit* different texts, empty when it is absent."""
        lists = {}
        for name, value in self._named(member, names, mend, limit=32).items():
            field = f"{member}.{name}"
            if not isinstance(value, list) or not 0 < len(value) <= limit:
                self.report(field, f"must be a list of 1 to {limit}.")
            else:
                lists[name] = self._different(field, value, values, mend)
        return lists

    def choice(self, member: str, kind: type[_Choice], default: _Choice) -> _Choice:
        """Take one word of a closed list, or *default* when it is absent."""
        return self.find_choice(member, kind) or default

    def find_choice(self, member: str, kind: type[_Choice]) -> _Choice | None:
        """Take one word of a closed list, or None when it is absent."""
        if not self.has(member):
            return None
        value = self.take(member)
        if not isinstance(value, str) or value not in list(kind):
            self.report(member, f"must be one of: {', '.join(kind)}.")
            return None
        return kind(value)

    def choices(self, member: str, kind: type[_Choice], *, limit: int | None = None) -> tuple[_Choice, ...]:
        """Take a list of different words of a closed list, empty when it is absent."""
        words = re.compile("|".join(kind))
        mend = f"must be one of: {', '.join(kind)}."
        return tuple(
            kind(value)
            for value in self._different(member, self._list(member, limit or len(kind)), words, mend)
        )

    def integers(self, member: str, *, least: int, most: int, limit: int = 16) -> tuple[int, ...]:
        """Take a list of whole numbers, empty when it is absent."""
        values = self._list(member, limit)
        if not all(type(value) is int and least <= value <= most for value in values):
            self.report(member, f"must be a list of whole numbers from {least} to {most}.")
            return ()
        return tuple(values)

    def integer(self, member: str, *, least: int, most: int) -> int | None:
        """Take a whole number; None when it is absent or `unknown`."""
        if self._rest.get(member) == UNKNOWN:
            self.take(member)
        return self.count(member, least=least, most=most, mend=', or "unknown"')

    def count(self, member: str, *, least: int, most: int, mend: str = "") -> int | None:
        """Take a whole number, or None when it is absent; `unknown` is none."""
        if not self.has(member):
            return None
        value = self.take(member)
        if type(value) is not int or not least <= value <= most:
            self.report(member, f"must be a whole number from {least} to {most}{mend}.")
            return None
        return value

    def truth(self, member: str, *, unknown: bool) -> bool:
        """Take true or false; *unknown* is what absence and the word `unknown` count as."""
        if self._rest.get(member) == UNKNOWN:
            self.take(member)
        return self.flag(member, default=unknown, mend='must be true, false or "unknown".')

    def flag(self, member: str, *, default: bool = False, mend: str = "must be true or false.") -> bool:
        """Take true or false, or *default* when it is absent."""
        if not self.has(member):
            return default
        value = self.take(member)
        if not isinstance(value, bool):
            self.report(member, mend)
            return default
        return value

    def close(self) -> None:
        """Refuse every member that was not taken."""
        for member in self._rest:
            self.report(
                str(member)[:64],
                "is not a field of a provider document. Remove it, or see docs/providers.md for its name.",
            )

    def _list(self, member: str, limit: int) -> list[Any]:
        value = self.take(member) if self.has(member) else []
        if not isinstance(value, list) or len(value) > limit:
            self.report(member, f"must be a list of at most {limit}.")
            return []
        return value

    def _named(self, member: str, names: re.Pattern[str], mend: str, limit: int) -> dict[str, Any]:
        value = self.take(member) if self.has(member) else {}
        if not isinstance(value, Mapping) or len(value) > limit:
            self.report(member, f"must be an object of at most {limit}.")
            return {}
        for name in value:
            if names.fullmatch(name) is None:
                self.report(f"{member}.{name[:64]}", mend)
        return {name: one for name, one in value.items() if names.fullmatch(name)}

    def _different(
        self, member: str, values: list[Any], pattern: re.Pattern[str], mend: str
    ) -> tuple[str, ...]:
        if not all(isinstance(value, str) and pattern.fullmatch(value) for value in values):
            self.report(member, f"must be a list; each member {mend}")
            return ()
        if len(set(values)) < len(values):
            self.report(member, "must name each member once.")
            return ()
        return tuple(values)
