"""Every port call gets a number, and a plan may disturb it.

`FAULTS` is the whole list of port methods that the refresh protocol, the scanner and the readers call, with what may happen to each. A test
compares it with the ports, so that a new method cannot be left out.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Any, cast

from evertoken.domain.errors import (
    EvertokenError,
    PublisherUnavailableError,
    SignerUnavailableError,
    StoreUnavailableError,
    VaultSealedError,
)
from evertoken.domain.http import HttpExchange, NoAnswer, NotSent


class Killed(BaseException):
    """The process is gone. Not an Exception, so that nothing that handles errors can survive its own death."""


class Fault(StrEnum):
    """What may happen at a port call."""

    CRASH_BEFORE = "crash before"
    CRASH_AFTER = "crash after"
    UNAVAILABLE = "unavailable"
    """Refused at once: throttled, or no connection. Nothing happened."""
    SILENCE = "silence"
    """Nothing happened, and the caller cannot know that."""
    TIMEOUT_AFTER = "timeout after it took effect"


CRASHES = (Fault.CRASH_BEFORE, Fault.CRASH_AFTER)
CALLED = (*CRASHES, Fault.UNAVAILABLE, Fault.TIMEOUT_AFTER)

FAULTS: dict[str, dict[str, tuple[Fault, ...]]] = {
    "store": dict.fromkeys(
        (
            "get",
            "find",
            "acquire_lease",
            "commit_token_set",
            "record_verdict",
            "release_lease",
            "acknowledge_publication",
            "postpone",
            "note_consent_ending",
            "find_account",
            "create_connecting",
            "connect",
            "import_connection",
            "disconnect",
            "set_hold",
            "update_settings",
            "finish_revocation",
            "replace_revocation",
            "retire",
            "forget_retired_secret",
            "find_due",
            "list_by_tenant",
        ),
        CALLED,
    ),
    "publisher": dict.fromkeys(("create_empty", "spend", "put", "delete"), CALLED),
    "queue": {"send": CALLED},
    "rescue": {"keep": CALLED},
    "cursor": {"get": CALLED, "advance": CALLED},
    "transport": {"send": (*CALLED, Fault.SILENCE)},
    "directory": {"get_ready": (*CRASHES, Fault.UNAVAILABLE), "pause": CRASHES},
    "signer": {"sign": (*CRASHES, Fault.UNAVAILABLE)},
    # What was made ready is in memory: from then on only the process itself can fail.
    "sealer": {"make_ready": (*CRASHES, Fault.UNAVAILABLE), "seal": CRASHES, "open": CRASHES},
}

_ERRORS: dict[str, type[EvertokenError]] = {
    "publisher": PublisherUnavailableError,
    "sealer": VaultSealedError,
    "directory": VaultSealedError,
    "signer": SignerUnavailableError,
}

Gate = Callable[[str, str, Callable[[], Any]], Any]
"""Called as gate(port, method, effect) for every call; returns what the caller gets."""


def disturb(fault: Fault | None, port: str, effect: Callable[[], Any]) -> Any:
    """Run *effect* as *fault* has it."""
    match fault:
        case None:
            return effect()
        case Fault.CRASH_BEFORE:
            raise Killed
        case Fault.CRASH_AFTER:
            effect()
            raise Killed
        case Fault.UNAVAILABLE:
            return _fail(port, reached=False)
        case Fault.SILENCE:
            return _fail(port, reached=True)
        case Fault.TIMEOUT_AFTER:
            effect()
            return _fail(port, reached=True)


def _fail(port: str, *, reached: bool) -> HttpExchange:
    if port == "transport":
        return NoAnswer(reason="timeout") if reached else NotSent(reason="connect")
    raise _ERRORS.get(port, StoreUnavailableError)("Not acknowledged in time.")


class Numbered:
    """A port whose every method goes through *gate*."""

    def __init__(self, port: str, target: object, gate: Gate) -> None:
        self._port = port
        self._target = target
        self._gate = gate

    def __getattr__(self, method: str) -> Callable[..., Any]:
        effect = cast("Callable[..., Any]", getattr(self._target, method))

        def call(*args: Any, **kwargs: Any) -> Any:
            # A page is fetched when it is asked for; a disturbed query is disturbed as a whole.
            is_paged = method == "find_due"
            return self._gate(
                self._port,
                method,
                lambda: iter(list(effect(*args, **kwargs))) if is_paged else effect(*args, **kwargs),
            )

        return call
