"""A hint: a message that says "look at this connection". It proposes, and never changes anything by itself."""

from __future__ import annotations

from dataclasses import dataclass

from evertoken.domain.connection import ConnectionKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Hint:
    """What the due index knew when the hint was made; enough to make ready and to lease without reading the row first.

    `asked`: a reader met a stale token, so the plan need not say that it is due; `correlation_id` is that of its request.
    """

    key: ConnectionKey
    epoch: int
    generation: int
    provider_id: str
    registration_id: str
    key_id: str
    asked: bool = False
    correlation_id: str = ""
    delay_seconds: int = 0

    @property
    def group(self) -> str:
        """The fair queue group: one provider or one tenant cannot crowd out the others."""
        return f"{self.provider_id}#{self.key.tenant_id}"
