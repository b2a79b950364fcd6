"""The scan cursor in memory."""

from __future__ import annotations

from datetime import datetime


class FakeScanCursor:
    """ScanCursor as a dict."""

    def __init__(self) -> None:
        self._through: dict[int, datetime] = {}

    def get(self) -> dict[int, datetime]:
        return dict(self._through)

    def advance(self, through: dict[int, datetime]) -> None:
        self._through.update(through)
