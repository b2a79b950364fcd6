"""Reads one object of a provider document member by member, so that what nobody asked for is refused by its name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, TypeVar

from evertoken.domain.errors import InvalidInputError

UNKNOWN = "unknown"
_MAX_TEXT = 2048
_Choice = TypeVar("_Choice", bound=StrEnum)


class DocumentReader:
    """One JSON object at *path*; `close` refuses the members that were not taken.

    Every method raises InvalidInputError with a message that names the field and the mend.
    """

    def __init__(self, value: Any, path: str = "") -> None:
        if not isinstance(value, Mapping):
            raise InvalidInputError(f"{path or 'The provider document'} must be a JSON object.")
        self._rest = dict(value)
        self._path = path

    def name_of(self, member: str) -> str:
        """Return the full name of *member*, for messages."""
        return f"{self._path}.{member}" if self._path else member

    def has(self, member: str) -> bool:
        """Return whether *member* is there and was not taken yet."""
        return member in self._rest

    def take(self, member: str) -> Any:
        """Take *member* as it is; None when it is absent."""
        return self._rest.pop(member, None)

    def refuse(self, member: str, mend: str) -> InvalidInputError:
        """Return the error that says what *member* must be."""
        return InvalidInputError(f"{self.name_of(member)} {mend}")

    def object(self, member: str) -> DocumentReader | None:
        """Take an object, or None when it is absent."""
        return DocumentReader(self.take(member), self.name_of(member)) if self.has(member) else None

    def objects(self, member: str, *, limit: int) -> tuple[DocumentReader, ...]:
        """Take a list of at most *limit* objects, empty when it is absent."""
        values = self._list(member, limit)
        return tuple(
            DocumentReader(value, f"{self.name_of(member)}[{index}]") for index, value in enumerate(values)
        )

    def text(self, member: str, *, pattern: re.Pattern[str] | None = None, mend: str = "") -> str | None:
        """Take a text that *pattern* matches whole, or None when it is absent."""
        if not self.has(member):
            return None
        value = self.take(member)
        if not isinstance(value, str) or not 0 < len(value) <= _MAX_TEXT:
            raise self.refuse(member, f"must be a text of 1 to {_MAX_TEXT} characters.")
        if pattern is not None and pattern.fullmatch(value) is None:
            raise self.refuse(member, mend)
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
        values = self._list(member, limit)
        if not all(isinstance(value, str) and pattern.fullmatch(value) for value in values):
            raise self.refuse(member, f"must be a list; each member {mend}")
        if len(set(values)) < len(values):
            raise self.refuse(member, "must name each member once.")
        return tuple(values)

    def mapping(
        self, member: str, *, names: re.Pattern[str], values: re.Pattern[str], mend: str, limit: int = 32
    ) -> dict[str, str]:
        """Take an object of texts, empty when it is absent."""
        value = self.take(member) if self.has(member) else {}
        if not isinstance(value, Mapping) or len(value) > limit:
            raise self.refuse(member, f"must be an object of at most {limit} texts.")
        for name, text in value.items():
            if not names.fullmatch(name) or not isinstance(text, str) or not values.fullmatch(text):
                raise InvalidInputError(f"{self.name_of(member)}.{name[:64]} {mend}")
        return dict(value)

    def choice(self, member: str, kind: type[_Choice], default: _Choice) -> _Choice:
        """Take one word of a closed list, or *default* when it is absent."""
        return self.find_choice(member, kind) or default

    def find_choice(self, member: str, kind: type[_Choice]) -> _Choice | None:
        """Take one word of a closed list, or None when it is absent."""
        if not self.has(member):
            return None
        value = self.take(member)
        if not isinstance(value, str) or value not in list(kind):
            raise self.refuse(member, f"must be one of: {', '.join(kind)}.")
        return kind(value)

    def choices(self, member: str, kind: type[_Choice], *, limit: int = 8) -> tuple[_Choice, ...]:
        """Take a list of different words of a closed list, empty when it is absent."""
        values = self._list(member, limit)
        if not all(isinstance(value, str) and value in list(kind) for value in values):
            raise self.refuse(member, f"must be a list of: {', '.join(kind)}.")
        if len(set(values)) < len(values):
            raise self.refuse(member, "must name each member once.")
        return tuple(kind(value) for value in values)

    def integers(self, member: str, *, least: int, most: int, limit: int = 16) -> tuple[int, ...]:
        """Take a list of whole numbers, empty when it is absent."""
        values = self._list(member, limit)
        if not all(type(value) is int and least <= value <= most for value in values):
            raise self.refuse(member, f"must be a list of whole numbers from {least} to {most}.")
        return tuple(values)

    def integer(self, member: str, *, least: int, most: int) -> int | None:
        """Take a whole number; None when it is absent or `unknown`."""
        if not self.has(member):
            return None
        value = self.take(member)
        if value == UNKNOWN:
            return None
        if type(value) is not int or not least <= value <= most:
            raise self.refuse(member, f'must be a whole number from {least} to {most}, or "unknown".')
        return value

    def truth(self, member: str, *, unknown: bool) -> bool:
        """Take true or false; *unknown* is what absence and the word `unknown` count as."""
        if not self.has(member):
            return unknown
        value = self.take(member)
        if value == UNKNOWN:
            return unknown
        if not isinstance(value, bool):
            raise self.refuse(member, 'must be true, false or "unknown".')
        return value

    def close(self) -> None:
        """Refuse every member that was not taken."""
        for member in self._rest:
            raise InvalidInputError(
                f"{self.name_of(str(member)[:64])} is not a field of a provider document. Remove it, or see docs/providers.md for its name."
            )

    def _list(self, member: str, limit: int) -> list[Any]:
        value = self.take(member) if self.has(member) else []
        if not isinstance(value, list) or len(value) > limit:
            raise self.refuse(member, f"must be a list of at most {limit}.")
        return value
