"""The world that the benches measure in: one tenant, one registration at a loopback provider, connections that are due."""

from __future__ import annotations

import base64
import hashlib
import os
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from bench.provider_process import CLIENT_ID
from evertoken.adapters.envelope_sealer import EnvelopeSealer
from evertoken.adapters.system import SystemClock
from evertoken.domain.connection import (
    Connection,
    ConnectionKey,
    ConnectionStatus,
    PublicationMode,
    Sealed,
)
from evertoken.domain.hint import Hint
from evertoken.domain.registration import ClientRegistration, client_binding
from evertoken.domain.token_set import TokenSet
from evertoken.domain.token_set_codec import encode_token_set, token_set_purpose

TENANT = "acme"
REGISTRATION = PROVIDER = "bench"
SHARDS = 16
LIFETIME_SECONDS = 3600


def connection_id_of(number: int) -> str:
    """Return the id of the *number*-th connection, in the form that the product makes."""
    digest = hashlib.sha256(f"connection {number}".encode()).digest()
    return "con_" + base64.b32encode(digest).decode().lower()[:26]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Due connections whose token sets are sealed as the product seals them, under a data key that is in hand."""

    token_endpoint: str
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    data_key: bytes = field(default_factory=lambda: os.urandom(32), repr=False)

    @property
    def month(self) -> str:
        """The id of the data key."""
        return self.now.strftime("%Y-%m")

    def registration(self) -> ClientRegistration:
        """Return the client registration."""
        return ClientRegistration(
            registration_id=REGISTRATION,
            provider_id=PROVIDER,
            client_id=CLIENT_ID,
            tenants=(TENANT,),
            scopes=("read",),
            has_secret=True,
            created_at=self.now,
            updated_at=self.now,
        )

    def provider_document(self) -> dict[str, object]:
        """Return the provider's entry as an operator would write it."""
        return {
            "extends": "oauth2",
            "name": "Bench",
            "grants": ["refresh_token"],
            "endpoints": {"token": self.token_endpoint},
            "rotation": {"kind": "static"},
        }

    def token_set(self, refresh_token: str, *, issued_seconds_ago: float) -> TokenSet:
        """Return a token set of an hour; its access token is as long as a small JWT."""
        issued_at = self.now - timedelta(seconds=issued_seconds_ago)
        return TokenSet(
            access_token="a" * 600,
            issued_at=issued_at,
            expires_at=issued_at + timedelta(seconds=LIFETIME_SECONDS),
            scope="read",
            refresh_token=refresh_token,
        )

    def connection(
        self,
        number: int,
        refresh_token: str,
        *,
        publication: PublicationMode = PublicationMode.SECRETS_MANAGER,
        issued_seconds_ago: float = 0.8 * LIFETIME_SECONDS,
    ) -> Connection:
        """Return the *number*-th connection, active, of generation 1, all published; by default it is due now."""
        token_set = self.token_set(refresh_token, issued_seconds_ago=issued_seconds_ago)
        connection_id = connection_id_of(number)
        refresh_at = token_set.issued_at + timedelta(seconds=0.7 * LIFETIME_SECONDS)
        published = 1 if publication is PublicationMode.SECRETS_MANAGER else 0
        return Connection(
            tenant_id=TENANT,
            connection_id=connection_id,
            provider_id=PROVIDER,
            registration_id=REGISTRATION,
            binding=client_binding(self.token_endpoint, CLIENT_ID),
            user_id=f"user-{number}",
            account=f"account-{number}",
            name="A connection",
            status=ConnectionStatus.ACTIVE,
            publication=publication,
            epoch=1,
            generation=1,
            sealed=self.seal(connection_id, token_set, epoch=1, generation=1),
            scope="read",
            issued_at=token_set.issued_at,
            expires_at=token_set.expires_at,
            has_refresh_token=True,
            refresh_at=refresh_at,
            due_at=refresh_at,
            publication_number=published,
            published_number=published,
            commit_id="commit-of-generation-1",
            created_at=token_set.issued_at,
            updated_at=token_set.issued_at,
        )

    def seal(self, connection_id: str, token_set: TokenSet, *, epoch: int, generation: int) -> Sealed:
        """Return the token set as the product seals it."""
        keys: Any = _KeyInHand(self.data_key)
        sealer = EnvelopeSealer(keys, keys, table_name="", key_id="", clock=SystemClock())
        purpose = token_set_purpose(connection_id, epoch, generation)
        return sealer.seal(TENANT, purpose, encode_token_set(token_set))


class _KeyInHand:
    """As much of KMS and the table as opening a data key takes."""

    def __init__(self, data_key: bytes) -> None:
        self._data_key = data_key

    def get_item(self, **_: object) -> dict[str, Any]:
        return {"Item": {"wrapped": {"B": b"wrapped"}}}

    def decrypt(self, **_: object) -> dict[str, Any]:
        return {"Plaintext": self._data_key}


def hint_of(row: Connection) -> Hint:
    """Return the hint that the scanner would make of *row*."""
    return Hint(
        key=ConnectionKey(tenant_id=row.tenant_id, connection_id=row.connection_id),
        epoch=row.epoch,
        generation=row.generation,
        provider_id=row.provider_id,
        registration_id=row.registration_id,
        key_id=row.sealed.key_id if row.sealed else "",
    )
