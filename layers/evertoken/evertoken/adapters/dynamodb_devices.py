"""Device authorizations under way, as items that go by themselves. The one conditional write decides who asks the provider next."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from evertoken.adapters.aws_errors import error_code, unavailable_as
from evertoken.adapters.dynamodb_authorizations import (
    UNAVAILABLE,
    begun_fields,
    begun_values,
    key_of_state,
    refuse_wrong_user,
)
from evertoken.adapters.dynamodb_values import Update, decode_item, encode_item
from evertoken.domain.authorization import PendingDevice
from evertoken.domain.connection import Sealed
from evertoken.domain.errors import StoreUnavailableError
from evertoken.domain.instants import from_milliseconds
from evertoken.ports import PollTooEarly

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_KIND = "DEVICE"
_REFUSED = "ConditionalCheckFailedException"


class DynamoDBDevices:
    """`DeviceStore` on the table, beside the browser's authorizations and keyed like them by hashes alone."""

    def __init__(self, client: DynamoDBClient, table_name: str) -> None:
        self._client = client
        self._table = table_name

    def put(self, device: PendingDevice) -> None:
        """Remember a started device authorization. Raises StoreUnavailableError."""
        item = {
            **key_of_state(device.session_hash, _KIND),
            **begun_values(device),
            "device_code_key_id": device.sealed_device_code.key_id,
            "device_code": device.sealed_device_code.ciphertext,
            "interval_seconds": device.interval_seconds,
            "next_poll_at": device.next_poll_at,
            "is_prepared": device.is_prepared,
            "tries": 0,
        }
        with unavailable_as(StoreUnavailableError, UNAVAILABLE):
            self._client.put_item(TableName=self._table, Item=encode_item(item))

    def claim_poll(
        self, session_hash: str, *, tenant_id: str, user_id: str, now: datetime, until: datetime
    ) -> PendingDevice | PollTooEarly | None:
        """Claim the next poll IF tenant and user match and *now* is not before `next_poll_at`.

        Raises:
            UserMismatchError: the user is another one. The fifth such try removes the session.
            StoreUnavailableError: the poll may be claimed until *until*.
        """
        key = encode_item(key_of_state(session_hash, _KIND))
        claim = Update().set("next_poll_at", until).require("tenant_id", "=", tenant_id)
        claim.require("user_id", "=", user_id).require("next_poll_at", "<=", now)
        try:
            with unavailable_as(StoreUnavailableError, UNAVAILABLE):
                answer = self._client.update_item(
                    TableName=self._table,
                    Key=key,
                    ReturnValues="ALL_NEW",
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                    **claim.expression(),
                )
        except ClientError as error:
            response: dict[str, Any] = dict(error.response)
            found = decode_item(response.get("Item") or {})
            if (found.get("tenant_id"), found.get("user_id")) == (tenant_id, user_id):
                device = _device(found)
                return PollTooEarly(
                    next_poll_at=device.next_poll_at, interval_seconds=device.interval_seconds
                )
            refuse_wrong_user(self._client, self._table, key, error, tenant_id=tenant_id)
            return None
        return _device(decode_item(answer["Attributes"]))

    def postpone_poll(
        self, claimed: PendingDevice, *, interval_seconds: int, next_poll_at: datetime, is_prepared: bool
    ) -> None:
        """Let the next poll be at *next_poll_at* IF *claimed* is still the newest claim. Raises StoreUnavailableError."""
        update = Update().set("next_poll_at", next_poll_at).set("interval_seconds", interval_seconds)
        update.set("is_prepared", is_prepared).require("next_poll_at", "=", claimed.next_poll_at)
        try:
            with unavailable_as(StoreUnavailableError, UNAVAILABLE):
                self._client.update_item(
                    TableName=self._table,
                    Key=encode_item(key_of_state(claimed.session_hash, _KIND)),
                    **update.expression(),
                )
        except ClientError as error:
            if error_code(error) != _REFUSED:
                raise

    def remove(self, session_hash: str) -> None:
        """Remove a device authorization; fine when it is gone. Raises StoreUnavailableError."""
        with unavailable_as(StoreUnavailableError, UNAVAILABLE):
            self._client.delete_item(
                TableName=self._table, Key=encode_item(key_of_state(session_hash, _KIND))
            )


def _device(values: Mapping[str, Any]) -> PendingDevice:
    return PendingDevice(
        **begun_fields(values),
        sealed_device_code=Sealed(key_id=values["device_code_key_id"], ciphertext=values["device_code"]),
        interval_seconds=values["interval_seconds"],
        next_poll_at=from_milliseconds(values["next_poll_at"]),
        is_prepared=values["is_prepared"],
    )
