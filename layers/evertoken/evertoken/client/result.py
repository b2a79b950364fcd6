"""An operation's outcome as a value, for programs that would rather look at `success` than catch exceptions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Generic, TypeVar

from evertoken.client.errors import EvertokenClientError

Data = TypeVar("Data")


@dataclass(frozen=True, slots=True, kw_only=True)
class Result(Generic[Data]):
    """Either `data` or `error`: `success` says which.

    `error` is the message that the exception would have carried, `code` its code. `trace_id` is the id under which the other side's support finds the
    request, "" when there is none. The representation shows no data.
    """

    success: bool
    data: Data | None = field(default=None, repr=False)
    error: str = ""
    code: str = ""
    trace_id: str = ""
    retryable: bool = False

    @classmethod
    def from_error(cls, error: EvertokenClientError) -> Result[Data]:
        """Return the outcome of an operation that raised *error*."""
        return cls(
            success=False,
            error=str(error),
            code=error.code,
            trace_id=error.correlation_id,
            retryable=error.retryable,
        )
