"""What is wrong with a provider document: the first problem is raised, or all are collected."""

from __future__ import annotations

from dataclasses import dataclass

from evertoken.domain.errors import InvalidInputError


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentProblem:
    """A field by its full name, such as `errors[0].path`, and what it must be."""

    field: str
    mend: str

    def __str__(self) -> str:
        return f"{self.field} {self.mend}"


class DocumentProblems:
    """Where a reading reports to: it ends at the first problem, unless it *collects*; then `found` has one of each field."""

    def __init__(self, *, collects: bool = False) -> None:
        self._collects = collects
        self.found: list[DocumentProblem] = []

    def add(self, field: str, mend: str) -> None:
        """Report a problem. Raises InvalidInputError unless problems are collected."""
        problem = DocumentProblem(field=field, mend=mend)
        if not self._collects:
            raise InvalidInputError(str(problem))
        # What follows from a problem is mostly another sentence about the same field.
        if all(one.field != field for one in self.found):
            self.found.append(problem)
