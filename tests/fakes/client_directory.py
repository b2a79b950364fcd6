"""Client registrations in memory."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from evertoken.domain.errors import InvalidInputError, UnknownRegistrationError
from evertoken.domain.ready_client import ReadyClient


class FakeClientDirectory:
    """ClientDirectory as a dict; `pauses` counts the calls that did pause a registration."""

    def __init__(self, *ready: ReadyClient) -> None:
        self._ready = {one.registration.registration_id: one for one in ready}
        self._spoilt: set[str] = set()
        self.pauses = 0

    def put(self, ready: ReadyClient) -> None:
        """What an operator does: another secret, another client, no pause."""
        self._ready[ready.registration.registration_id] = ready

    def remove(self, registration_id: str) -> None:
        del self._ready[registration_id]

    def spoil(self, registration_id: str) -> None:
        """What an upgrade or an operator can do: an entry that is not read any more, or parameters that it does not take."""
        self._spoilt.add(registration_id)

    def get_ready(self, registration_id: str) -> ReadyClient:
        if registration_id in self._spoilt:
            raise InvalidInputError("answer.scope_members: is not known.")
        if registration_id not in self._ready:
            raise UnknownRegistrationError("No client registration has this id.")
        return self._ready[registration_id]

    def pause(self, ready: ReadyClient, *, until: datetime, now: datetime) -> bool:
        current = self._ready.get(ready.registration.registration_id)
        if current is None or current.registration.version != ready.registration.version:
            return False
        paused_until = current.registration.paused_until
        if paused_until is not None and paused_until > now:
            return False
        self.put(replace(current, registration=replace(current.registration, paused_until=until)))
        self.pauses += 1
        return True
