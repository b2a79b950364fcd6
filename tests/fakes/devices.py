"""Device authorizations under way, in memory."""

from dataclasses import dataclass, field, replace
from datetime import datetime

from evertoken.domain.authorization import COMPLETION_TRIES, PendingDevice
from evertoken.domain.errors import UserMismatchError
from evertoken.ports import PollTooEarly


@dataclass
class MemoryDevices:
    """`DeviceStore`."""

    devices: dict[str, PendingDevice] = field(default_factory=dict)
    tries: dict[str, int] = field(default_factory=dict)

    def put(self, device: PendingDevice) -> None:
        self.devices[device.session_hash] = device

    def claim_poll(
        self, session_hash: str, *, tenant_id: str, user_id: str, now: datetime, until: datetime
    ) -> PendingDevice | PollTooEarly | None:
        found = self.devices.get(session_hash)
        if found is None or found.tenant_id != tenant_id:
            return None
        if found.user_id != user_id:
            self.tries[session_hash] = self.tries.get(session_hash, 0) + 1
            if self.tries[session_hash] >= COMPLETION_TRIES:
                del self.devices[session_hash]
            raise UserMismatchError("The user who finishes is not the user who began.")
        if now < found.next_poll_at:
            return PollTooEarly(next_poll_at=found.next_poll_at, interval_seconds=found.interval_seconds)
        self.devices[session_hash] = replace(found, next_poll_at=until)
        return self.devices[session_hash]

    def postpone_poll(
        self, claimed: PendingDevice, *, interval_seconds: int, next_poll_at: datetime, is_prepared: bool
    ) -> None:
        found = self.devices.get(claimed.session_hash)
        if found is not None and found.next_poll_at == claimed.next_poll_at:
            self.devices[claimed.session_hash] = replace(
                found, interval_seconds=interval_seconds, next_poll_at=next_poll_at, is_prepared=is_prepared
            )

    def remove(self, session_hash: str) -> None:
        self.devices.pop(session_hash, None)
