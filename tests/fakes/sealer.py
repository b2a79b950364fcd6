"""A sealer without KMS that opens only what it is asked for by its right name."""

from __future__ import annotations

import hashlib

from evertoken.domain.connection import Sealed
from evertoken.domain.errors import VaultSealedError
from evertoken.ports import Clock

_VEIL = bytes(byte ^ 0x5A for byte in range(256))


class FakeSealer:
    """TokenSealer: the binding is in a digest, and the plaintext is veiled so that a search for leaked tokens cannot find it.

    `lost` names data keys that cannot be had any more; `fetches` lists the keys that had to be fetched, in order.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._known: set[tuple[str, str]] = set()
        self.lost: set[str] = set()
        self.fetches: list[tuple[str, str]] = []

    def make_ready(self, tenant_id: str, *key_ids: str) -> None:
        for key_id in {self._month(), *key_ids} - {""}:
            self._have(tenant_id, key_id)

    def seal(self, tenant_id: str, purpose: str, plaintext: bytes) -> Sealed:
        month = self._month()
        self._have(tenant_id, month)
        veiled = plaintext.translate(_VEIL)
        return Sealed(key_id=month, ciphertext=_digest(tenant_id, purpose, month, veiled) + veiled)

    def open(self, tenant_id: str, purpose: str, sealed: Sealed) -> bytes:
        self._have(tenant_id, sealed.key_id)
        digest, veiled = sealed.ciphertext[:32], sealed.ciphertext[32:]
        if digest != _digest(tenant_id, purpose, sealed.key_id, veiled):
            raise VaultSealedError("A stored ciphertext is not what its row says it is.")
        return veiled.translate(_VEIL)

    def forget(self) -> None:
        """Begin as a new environment does: with no key in memory."""
        self._known.clear()

    def _month(self) -> str:
        return self._clock.now().strftime("%Y-%m")

    def _have(self, tenant_id: str, key_id: str) -> None:
        if key_id in self.lost:
            raise VaultSealedError("The data key cannot be had.")
        if (tenant_id, key_id) not in self._known:
            self._known.add((tenant_id, key_id))
            self.fetches.append((tenant_id, key_id))


def _digest(tenant_id: str, purpose: str, key_id: str, veiled: bytes) -> bytes:
    return hashlib.sha256(f"{tenant_id}|{purpose}|{key_id}|".encode() + veiled).digest()
