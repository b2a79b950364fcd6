"""What may go wrong with one request to the scripted provider, and the script that says when.

A fault says whether the provider commits (it processed the request) and what then reaches the client. The
functions below build the faults; tests combine them with `FaultScript.add`.
"""

import gzip
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

from tests.support.provider_ledger import RequestRecord
from tests.support.provider_requests import Reply

Delivery = Literal["whole", "drip", "endless", "close", "reset", "hang"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One disturbance. `commits`: whether the rules process the request before the answer goes its way."""

    name: str
    commits: bool
    replace: Reply | None = field(default=None, repr=False)
    alter: Callable[[Reply], Reply] | None = None
    delay_before_seconds: float = 0
    delay_after_seconds: float = 0
    delivery: Delivery = "whole"
    drip_bytes: int = 1
    drip_pause_seconds: float = 0
    endless_bytes: int = 0

    def apply(self, reply: Reply) -> Reply:
        """What is sent in place of the provider's own answer."""
        reply = self.replace or reply
        return self.alter(reply) if self.alter else reply


def answer(
    status: int, body: bytes = b"", headers: Mapping[str, str] | None = None, *, commits: bool = False
) -> Fault:
    """Exactly these bytes; the content length is added unless it is given."""
    return Fault(
        name=f"answer {status}",
        commits=commits,
        replace=Reply(status, {"Content-Length": str(len(body)), **(headers or {})}, body),
    )


def throttled(retry_after: str | None = "30") -> Fault:
    """429 before anything was processed."""
    return answer(429, b'{"error":"slow_down"}', _retry_after(retry_after))


def unavailable(retry_after: str | None = "30") -> Fault:
    """503 before anything was processed."""
    return answer(503, b"", _retry_after(retry_after))


def redirect(location: str, status: int = 307) -> Fault:
    """Sends the client elsewhere; one that follows hands over its credentials."""
    return answer(status, b"", {"Location": location})


def delay(seconds: float, *, after_commit: bool = False) -> Fault:
    """The right answer, late; the provider commits after or before the wait."""
    if after_commit:
        return Fault(name="delay after commit", commits=True, delay_after_seconds=seconds)
    return Fault(name="delay", commits=True, delay_before_seconds=seconds)


def hang(*, commits: bool = False) -> Fault:
    """No answer until the client gives up or the provider stops."""
    return Fault(name="hang after commit" if commits else "hang", commits=commits, delivery="hang")


def drip(pause_seconds: float, bytes_at_once: int = 1) -> Fault:
    """The right answer in small pieces, so that no single read is slow and the whole is."""
    return Fault(
        name="drip", commits=True, delivery="drip", drip_bytes=bytes_at_once, drip_pause_seconds=pause_seconds
    )


def drop_before(*, reset: bool = False) -> Fault:
    """The connection ends before the provider processed anything."""
    return Fault(name="drop before", commits=False, delivery="reset" if reset else "close")


def drop_after_commit(*, reset: bool = False) -> Fault:
    """The provider rotated the token, and the answer is lost."""
    return Fault(name="drop after commit", commits=True, delivery="reset" if reset else "close")


def alter(change: Callable[[Reply], Reply], name: str = "altered") -> Fault:
    """The right answer, changed on its way; the content length is corrected."""

    def change_and_measure(reply: Reply) -> Reply:
        changed = change(reply)
        headers = {**changed.headers, "Content-Length": str(len(changed.body))}
        return Reply(changed.status, headers, changed.body)

    return Fault(name=name, commits=True, alter=change_and_measure)


def wrong_content_type(content_type: str = "text/html") -> Fault:
    """The right bytes under a wrong name."""
    return alter(
        lambda reply: Reply(reply.status, {**reply.headers, "Content-Type": content_type}, reply.body),
        "wrong content type",
    )


def truncated(kept_bytes: int = 20) -> Fault:
    """The provider committed, and the JSON ends early."""
    return alter(lambda reply: Reply(reply.status, reply.headers, reply.body[:kept_bytes]), "truncated")


def huge_body(total_bytes: int = 500 * 1024 * 1024) -> Fault:
    """A 200 whose body goes on and on, sent in pieces of 64 KiB until the client closes."""
    headers = {"Content-Type": "application/json"}
    return Fault(
        name="huge body",
        commits=True,
        replace=Reply(200, headers, b""),
        delivery="endless",
        endless_bytes=total_bytes,
    )


def gzip_bomb(decoded_bytes: int = 64 * 1024 * 1024) -> Fault:
    """A small body that becomes a large one when it is decoded."""
    body = _compress_spaces(decoded_bytes)
    headers = {
        "Content-Type": "application/json",
        "Content-Encoding": "gzip",
        "Content-Length": str(len(body)),
    }
    return Fault(name="gzip bomb", commits=True, replace=Reply(200, headers, body))


@dataclass(slots=True, kw_only=True)
class _Rule:
    fault: Fault
    endpoint: str
    when: Callable[[RequestRecord], bool] | None
    left: int


class FaultScript:
    """Faults waiting for their requests; each is used up in the order in which it was added."""

    def __init__(self) -> None:
        self._rules: list[_Rule] = []
        self._lock = threading.Lock()

    def add(
        self,
        fault: Fault,
        *,
        endpoint: str = "token",
        times: int = 1,
        when: Callable[[RequestRecord], bool] | None = None,
    ) -> None:
        """Meet the next `times` requests at `endpoint` (that satisfy `when`) with this fault."""
        with self._lock:
            self._rules.append(_Rule(fault=fault, endpoint=endpoint, when=when, left=times))

    def clear(self) -> None:
        """Forget what has not happened yet."""
        with self._lock:
            self._rules.clear()

    def take(self, record: RequestRecord) -> Fault | None:
        """The fault for this request, if any; it is used up."""
        with self._lock:
            for rule in self._rules:
                if rule.endpoint == record.endpoint and (rule.when is None or rule.when(record)):
                    rule.left -= 1
                    if rule.left == 0:
                        self._rules.remove(rule)
                    return rule.fault
        return None


def _retry_after(value: str | None) -> dict[str, str]:
    return {} if value is None else {"Retry-After": value}


@lru_cache(maxsize=4)
def _compress_spaces(decoded_bytes: int) -> bytes:
    return gzip.compress(b" " * decoded_bytes, compresslevel=9, mtime=0)
