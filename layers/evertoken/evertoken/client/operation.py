"""What a monitoring hook is told: each operation that left the process, how long it took, and what became of it."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from evertoken.client.errors import EvertokenClientError

_log = logging.getLogger("evertoken.client")


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation that ended: `code` is "" on success, else the error's; `correlation_id` is "" where the other side named none."""

    name: str
    duration_seconds: float
    success: bool
    code: str = ""
    correlation_id: str = ""


OnOperation = Callable[[Operation], None]


@contextlib.contextmanager
def observed(
    name: str,
    on_operation: OnOperation | None,
    *,
    correlation_id: str = "",
    monotonic: Callable[[], float] = time.monotonic,
) -> Iterator[None]:
    """Tell *on_operation* how the block ended, under the *correlation_id* that was sent unless the error has another.

    A hook that raises is logged and breaks nothing: who watches must not decide what happens.
    """
    if on_operation is None:
        yield
        return
    began = monotonic()
    code, success = "", False
    try:
        yield
        success = True
    except EvertokenClientError as error:
        code, correlation_id = error.code, error.correlation_id or correlation_id
        raise
    except BaseException as error:
        code = type(error).__name__
        raise
    finally:
        operation = Operation(
            name=name,
            duration_seconds=monotonic() - began,
            success=success,
            code=code,
            correlation_id=correlation_id,
        )
        try:
            on_operation(operation)
        except Exception:  # noqa: BLE001  # whatever a hook does is its own affair
            _log.exception("The hook on_operation raised. The operation itself was not affected.")
