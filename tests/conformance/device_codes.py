"""The server's side of the device flow (RFC 8628): codes that a user agrees to elsewhere, and a client that must not ask too often."""

from collections.abc import Callable
from dataclasses import dataclass, field

INTERVAL_SECONDS = 5
LIFETIME_SECONDS = 600


@dataclass
class DeviceCode:
    expires_at: float
    polled_at: float | None = None
    is_approved: bool = False
    is_used: bool = False


@dataclass
class DeviceCodes:
    clock: Callable[[], float]
    prefix: str = ""
    interval_seconds: int = INTERVAL_SECONDS
    codes: dict[str, DeviceCode] = field(default_factory=dict)

    def begin(self, page: str) -> dict[str, object]:
        """The answer of RFC 8628 section 3.2."""
        number = len(self.codes) + 1
        device_code = f"{self.prefix}device-{number}"
        self.codes[device_code] = DeviceCode(expires_at=self.clock() + LIFETIME_SECONDS)
        return {
            "device_code": device_code,
            "user_code": f"WDJB-{number:04}",
            "verification_uri": page,
            "verification_uri_complete": f"{page}?user_code=WDJB-{number:04}",
            "expires_in": LIFETIME_SECONDS,
            "interval": self.interval_seconds,
        }

    def approve(self) -> None:
        """The user agrees to all that waits."""
        for code in self.codes.values():
            code.is_approved = True

    def poll(self, device_code: str) -> str | None:
        """The error code of RFC 8628 section 3.5, or None when tokens are to be had."""
        code = self.codes.get(device_code)
        if code is None or code.is_used or self.clock() >= code.expires_at:
            return "expired_token"
        too_soon = code.polled_at is not None and self.clock() < code.polled_at + self.interval_seconds
        code.polled_at = self.clock()
        if too_soon:
            return "slow_down"
        if not code.is_approved:
            return "authorization_pending"
        code.is_used = True
        return None
