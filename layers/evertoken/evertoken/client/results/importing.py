"""What became of the rows of an import."""

from __future__ import annotations

from dataclasses import dataclass

from evertoken.client.results.api_result import ApiResult


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedRow(ApiResult):
    """A row whose account has a connection now: a new one (`imported`), or the one that it had (`exists`), unchanged."""

    position: int
    status: str
    connection_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedRow(ApiResult):
    """A row that was not taken over, and how to mend it."""

    position: int
    status: str
    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportAnswer(ApiResult):
    """A result for each row, in their order, and how many there are of each."""

    imported: int
    exists: int
    failed: int
    results: tuple[ImportedRow | FailedRow, ...]
