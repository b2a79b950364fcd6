"""Whether a caller whose token is good may go on: not revoked, and not faster than its share of this execution environment."""

from __future__ import annotations

import math
from collections import OrderedDict
from threading import Lock

from evertoken.adapters.revocation_list import RevocationList
from evertoken.domain.authorization import Caller
from evertoken.domain.errors import AuthenticationError, RateLimitedError
from evertoken.ports import Clock

BURST_SECONDS = 2
"""A client that was quiet may make the requests of this many seconds at once."""
MOST_CLIENTS = 4096
"""Buckets that are kept: whose bucket is forgotten has been quiet for longest, and begins with a full one."""


class ClientAdmission:
    """`Admission` by the revocation list and a token bucket for each API client.

    The bucket is this environment's alone and so approximate: a client that is served by n environments may be n times as fast. What bounds all callers
    together is the stage's throttle. Safe under threads.
    """

    def __init__(self, revocations: RevocationList, *, requests_per_second: int, clock: Clock) -> None:
        self._revocations = revocations
        self._rate = requests_per_second
        self._burst = requests_per_second * BURST_SECONDS
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = Lock()

    def admit(self, caller: Caller) -> None:
        """Let the caller pass.

        Raises:
            AuthenticationError: its client or tenant is revoked.
            RateLimitedError: it has used up its bucket.
            StoreUnavailableError: whether it is revoked cannot be known now.
        """
        if self._revocations.is_revoked_client(caller.client_id) or (
            caller.tenant_id is not None
            and self._revocations.is_revoked_tenant(caller.tenant_id, issued_at=caller.issued_at)
        ):
            raise AuthenticationError
        wait = self._take(caller.client_id)
        if wait > 0:
            raise RateLimitedError(
                f"This client made more than {self._rate} requests a second. Wait, and spread them.",
                retry_after_seconds=math.ceil(wait),
            )

    def _take(self, client_id: str) -> float:
        """Take one from the client's bucket; return 0, or the seconds until there is one."""
        now = self._clock.monotonic()
        with self._lock:
            level, since = self._buckets.pop(client_id, (float(self._burst), now))
            level = min(level + (now - since) * self._rate, self._burst)
            wait = 0.0 if level >= 1 else (1 - level) / self._rate
            self._buckets[client_id] = (level if wait else level - 1, now)
            if len(self._buckets) > MOST_CLIENTS:
                self._buckets.popitem(last=False)
        return wait
