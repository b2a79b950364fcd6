"""Client registrations as items of one partition, each with a `BINDING#` item that makes (token endpoint, client_id) unique."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from evertoken.adapters.aws_errors import error_code, unavailable_as
from evertoken.adapters.dynamodb_values import Plain, decode_item, encode_item, find_instant
from evertoken.domain.assertion import SigningAlgorithm, SigningKey
from evertoken.domain.errors import ConflictError, StoreUnavailableError
from evertoken.domain.instants import from_milliseconds, to_milliseconds
from evertoken.domain.registration import ClientRegistration

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

PARTITION = "REGISTRATIONS"
_BINDING = "BINDING#"
_UNAVAILABLE = "The store of client registrations did not answer in time. Try again."
_MOVED = "This client registration was changed meanwhile. Read it again and repeat the change."
_TAKEN = (
    "Another client registration already uses this client_id at this provider's token endpoint. "
    "Change that one, or register another client at the provider."
)


class DynamoDBRegistrations:
    """`RegistrationStore` on the table: the registration and its binding change in one transaction, or neither does."""

    def __init__(self, client: DynamoDBClient, table_name: str) -> None:
        self._client = client
        self._table = table_name

    def find(self, registration_id: str) -> ClientRegistration | None:
        """Return a registration, read consistently, or None. Raises StoreUnavailableError."""
        values = self._find_values(registration_id)
        return None if values is None else _registration(values)

    def put(self, registration: ClientRegistration, *, binding: str, expected_version: int | None) -> None:
        """Write IF the stored version is *expected_version* (None: absent).

        Raises:
            ConflictError: the version moved, or the binding is another registration's.
            StoreUnavailableError: the write may have happened.
        """
        stored = self._find_values(registration.registration_id)
        if (None if stored is None else stored["version"]) != expected_version:
            raise ConflictError(_MOVED)
        writes = [
            self._put_registration(registration, binding, expected_version),
            self._put_binding(registration, binding),
        ]
        if stored is not None and stored["binding"] != binding:
            # The old binding is the one of this very version, which the first write checks again.
            writes.append(
                {"Delete": {"TableName": self._table, "Key": encode_item(_key(_BINDING + stored["binding"]))}}
            )
        try:
            with unavailable_as(StoreUnavailableError, _UNAVAILABLE):
                self._client.transact_write_items(TransactItems=writes)
        except ClientError as error:
            raise _conflict(error) from None

    def delete(self, registration_id: str) -> bool:
        """Remove it and free its binding; return whether it was there. Raises ConflictError (it changed meanwhile), StoreUnavailableError."""
        stored = self._find_values(registration_id)
        if stored is None:
            return False
        deletes: list[TransactWriteItemTypeDef] = [
            {
                "Delete": {
                    "TableName": self._table,
                    "Key": encode_item(_key(registration_id)),
                    "ConditionExpression": "version = :version",
                    "ExpressionAttributeValues": encode_item({":version": stored["version"]}),
                }
            },
            {"Delete": {"TableName": self._table, "Key": encode_item(_key(_BINDING + stored["binding"]))}},
        ]
        try:
            with unavailable_as(StoreUnavailableError, _UNAVAILABLE):
                self._client.transact_write_items(TransactItems=deletes)
        except ClientError as error:
            raise _conflict(error) from None
        return True

    def list_all(self) -> tuple[ClientRegistration, ...]:
        """Return all registrations, by id. Raises StoreUnavailableError."""
        paginator = self._client.get_paginator("query")
        with unavailable_as(StoreUnavailableError, _UNAVAILABLE):
            pages = paginator.paginate(
                TableName=self._table,
                KeyConditionExpression="pk = :partition",
                ExpressionAttributeValues=encode_item({":partition": PARTITION}),
                ConsistentRead=True,
            )
            rows = [decode_item(item) for page in pages for item in page["Items"]]
        return tuple(_registration(row) for row in rows if not row["sk"].startswith(_BINDING))

    def _find_values(self, registration_id: str) -> dict[str, Any] | None:
        with unavailable_as(StoreUnavailableError, _UNAVAILABLE):
            answer = self._client.get_item(
                TableName=self._table, Key=encode_item(_key(registration_id)), ConsistentRead=True
            )
        item = answer.get("Item")
        return None if item is None else decode_item(item)

    def _put_registration(
        self, registration: ClientRegistration, binding: str, expected_version: int | None
    ) -> TransactWriteItemTypeDef:
        item = encode_item(
            {**_key(registration.registration_id), **_values(registration), "binding": binding}
        )
        if expected_version is None:
            return {
                "Put": {
                    "TableName": self._table,
                    "Item": item,
                    "ConditionExpression": "attribute_not_exists(pk)",
                }
            }
        return {
            "Put": {
                "TableName": self._table,
                "Item": item,
                "ConditionExpression": "version = :version",
                "ExpressionAttributeValues": encode_item({":version": expected_version}),
            }
        }

    def _put_binding(self, registration: ClientRegistration, binding: str) -> TransactWriteItemTypeDef:
        return {
            "Put": {
                "TableName": self._table,
                "Item": encode_item(
                    {**_key(_BINDING + binding), "registration_id": registration.registration_id}
                ),
                "ConditionExpression": "attribute_not_exists(pk) OR registration_id = :id",
                "ExpressionAttributeValues": encode_item({":id": registration.registration_id}),
            }
        }


def _key(name: str) -> dict[str, Plain]:
    return {"pk": PARTITION, "sk": name}


def _conflict(error: ClientError) -> Exception:
    """Return what a refused transaction means; the reasons come in the order of its writes."""
    if error_code(error) != "TransactionCanceledException":
        return error
    reasons = [reason.get("Code") for reason in error.response.get("CancellationReasons", [])]
    if reasons and reasons[0] == "ConditionalCheckFailed":
        return ConflictError(_MOVED)
    if "ConditionalCheckFailed" in reasons:
        return ConflictError(_TAKEN)
    return StoreUnavailableError(_UNAVAILABLE)


def _values(registration: ClientRegistration) -> dict[str, Plain]:
    paused_until = registration.paused_until
    return {
        "registration_id": registration.registration_id,
        "provider_id": registration.provider_id,
        "client_id": registration.client_id,
        "tenants": registration.tenants,
        "scopes": registration.scopes,
        "client_authentication": registration.client_authentication,
        "parameters": dict(registration.parameters),
        "has_secret": registration.has_secret,
        "has_private_key": registration.has_private_key,
        "signing_key": None
        if registration.signing_key is None
        else _signing_key_values(registration.signing_key),
        "version": registration.version,
        "paused_until": None if paused_until is None else to_milliseconds(paused_until),
        "created_at": to_milliseconds(registration.created_at),
        "updated_at": to_milliseconds(registration.updated_at),
    }


def _signing_key_values(key: SigningKey) -> dict[str, str]:
    values = {
        "algorithm": key.algorithm.value,
        "key_id": key.key_id,
        "kms_key_id": key.kms_key_id,
        "certificate_thumbprint": key.certificate_thumbprint,
    }
    return {name: value for name, value in values.items() if value is not None}


def _signing_key(values: Mapping[str, str] | None) -> SigningKey | None:
    if values is None:
        return None
    return SigningKey(
        algorithm=SigningAlgorithm(values["algorithm"]),
        key_id=values.get("key_id"),
        kms_key_id=values.get("kms_key_id"),
        certificate_thumbprint=values.get("certificate_thumbprint"),
    )


def _registration(values: Mapping[str, Any]) -> ClientRegistration:
    return ClientRegistration(
        registration_id=values["registration_id"],
        provider_id=values["provider_id"],
        client_id=values["client_id"],
        tenants=values["tenants"],
        scopes=values["scopes"],
        client_authentication=values.get("client_authentication"),
        parameters=values["parameters"],
        has_secret=values["has_secret"],
        has_private_key=values.get("has_private_key", False),
        signing_key=_signing_key(values.get("signing_key")),
        version=values["version"],
        paused_until=find_instant(values, "paused_until"),
        created_at=from_milliseconds(values["created_at"]),
        updated_at=from_milliseconds(values["updated_at"]),
    )
