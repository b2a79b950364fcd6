"""Envelope encryption: a data key per tenant and month, wrapped by KMS, and AES-256-GCM bound to what is encrypted."""

from __future__ import annotations

import os
import re
import threading
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from evertoken.adapters.aws_errors import error_code, unavailable_as
from evertoken.adapters.dynamodb_keys import data_key_sort, key_of, tenant_partition
from evertoken.adapters.dynamodb_values import blob, encode_item
from evertoken.domain.connection import Sealed
from evertoken.domain.errors import VaultSealedError
from evertoken.ports import Clock

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_kms import KMSClient

CACHE_SECONDS = 300
READY_SECONDS = 60
"""What was made ready stays usable for this long at least, longer than any invocation, so that nothing fails after a request was sent."""
CACHE_LIMIT = 1_000
_NONCE_BYTES = 12
_FORM = b"\x01"
_MONTH = re.compile(r"[0-9]{4}-[0-9]{2}")
_SEALED = "The key that opens this tenant's tokens cannot be had. No state was changed; check the KMS key and the role."
_KMS_REFUSALS = frozenset(
    {
        "AccessDeniedException",
        "DisabledException",
        "InvalidCiphertextException",
        "KMSInvalidStateException",
        "NotFoundException",
    }
)


@dataclass(frozen=True, slots=True)
class _DataKey:
    plaintext: bytes = field(repr=False)
    fetched_at: float


class EnvelopeSealer:
    """TokenSealer on KMS and the table.

    A data key is made by the first that needs it in a month (one conditional write decides) and never changes; its wrapped form is in the tenant's
    partition, its plaintext is cached for five minutes at most. The tenant is KMS's encryption context and, with the purpose, the authenticated data, so
    that a ciphertext moved to another row, or an older one put back, does not open.
    """

    def __init__(
        self, kms: KMSClient, dynamodb: DynamoDBClient, *, table_name: str, key_id: str, clock: Clock
    ) -> None:
        self._kms = kms
        self._dynamodb = dynamodb
        self._table = table_name
        self._key_id = key_id
        self._clock = clock
        self._cache: dict[tuple[str, str], _DataKey] = {}
        self._lock = threading.Lock()

    def make_ready(self, tenant_id: str, *key_ids: str) -> None:
        for month in {self._month(), *key_ids} - {""}:
            self._data_key(tenant_id, month, may_create=month == self._month(), usable_seconds=READY_SECONDS)

    def seal(self, tenant_id: str, purpose: str, plaintext: bytes) -> Sealed:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        month = self._newest_ready(tenant_id)
        nonce = os.urandom(_NONCE_BYTES)
        key = self._data_key(tenant_id, month, may_create=True)
        ciphertext = AESGCM(key).encrypt(nonce, plaintext, _bound(tenant_id, purpose))
        return Sealed(key_id=month, ciphertext=_FORM + nonce + ciphertext)

    def open(self, tenant_id: str, purpose: str, sealed: Sealed) -> bytes:
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        # What a caller hands back (a cursor) names its key itself: nothing is asked for one that can be nobody's.
        if _MONTH.fullmatch(sealed.key_id) is None:
            raise VaultSealedError("A ciphertext names a data key that cannot exist. It was damaged.")
        key = self._data_key(tenant_id, sealed.key_id, may_create=False)
        form, nonce, body = sealed.ciphertext[:1], sealed.ciphertext[1:13], sealed.ciphertext[13:]
        if form != _FORM:
            raise VaultSealedError(
                "A stored ciphertext has a form that this version does not know. Finish the upgrade."
            )
        try:
            return AESGCM(key).decrypt(nonce, body, _bound(tenant_id, purpose))
        except (InvalidTag, ValueError) as error:
            raise VaultSealedError(
                "A stored ciphertext is not what its row says it is. It was moved, replayed or damaged."
            ) from error

    def _month(self) -> str:
        return self._clock.now().strftime("%Y-%m")

    def _newest_ready(self, tenant_id: str) -> str:
        """Return the current month, or the last one while the turn of the month found the new key not yet in memory."""
        month = self._month()
        if (tenant_id, month) in self._cache:
            return month
        before = (self._clock.now().replace(day=1) - timedelta(days=1)).strftime("%Y-%m")
        return before if (tenant_id, before) in self._cache else month

    def _data_key(
        self, tenant_id: str, month: str, *, may_create: bool, usable_seconds: float = 0.0
    ) -> bytes:
        cached = self._cached(tenant_id, month, usable_seconds)
        if cached is not None:
            return cached
        with self._lock:  # one fetch for all threads of this environment
            cached = self._cached(tenant_id, month, usable_seconds)
            if cached is not None:
                return cached
            plaintext = self._fetch(tenant_id, month, may_create=may_create)
            if len(self._cache) >= CACHE_LIMIT:
                del self._cache[min(self._cache, key=lambda name: self._cache[name].fetched_at)]
            self._cache[(tenant_id, month)] = _DataKey(plaintext, self._clock.monotonic())
            return plaintext

    def _cached(self, tenant_id: str, month: str, usable_seconds: float) -> bytes | None:
        cached = self._cache.get((tenant_id, month))
        if cached is None or self._clock.monotonic() - cached.fetched_at >= CACHE_SECONDS - usable_seconds:
            return None
        return cached.plaintext

    def _fetch(self, tenant_id: str, month: str, *, may_create: bool) -> bytes:
        with unavailable_as(VaultSealedError, _SEALED):
            try:
                wrapped = self._find_wrapped(tenant_id, month)
                if wrapped is None and may_create:
                    wrapped = self._create(tenant_id, month)
                if wrapped is None:
                    raise VaultSealedError(
                        "The data key of a stored token is missing. Restore the table's data key items."
                    )
                answer = self._kms.decrypt(
                    CiphertextBlob=wrapped, KeyId=self._key_id, EncryptionContext={"tenant": tenant_id}
                )
            except ClientError as error:
                if error_code(error) in _KMS_REFUSALS:
                    raise VaultSealedError(_SEALED) from error
                raise
        return answer["Plaintext"]

    def _find_wrapped(self, tenant_id: str, month: str) -> bytes | None:
        key = key_of(tenant_partition(tenant_id), data_key_sort(month))
        answer = self._dynamodb.get_item(TableName=self._table, Key=key, ConsistentRead=True)
        return blob(answer["Item"], "wrapped") if "Item" in answer else None

    def _create(self, tenant_id: str, month: str) -> bytes:
        made = self._kms.generate_data_key_without_plaintext(
            KeyId=self._key_id, KeySpec="AES_256", EncryptionContext={"tenant": tenant_id}
        )["CiphertextBlob"]
        key = key_of(tenant_partition(tenant_id), data_key_sort(month))
        item = {**key, **encode_item({"wrapped": made, "created_at": self._clock.now()})}
        try:
            self._dynamodb.put_item(
                TableName=self._table, Item=item, ConditionExpression="attribute_not_exists(pk)"
            )
        except ClientError as error:
            if error_code(error) != "ConditionalCheckFailedException":
                raise
            winner = self._find_wrapped(tenant_id, month)
            if winner is not None:
                return winner
        return made


def _bound(tenant_id: str, purpose: str) -> bytes:
    return f"evertoken|{tenant_id}|{purpose}".encode()
