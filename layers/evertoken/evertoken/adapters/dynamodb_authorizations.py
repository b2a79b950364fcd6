"""Authorizations under way, as items that go by themselves: one `STATE` for the browser's way out, one `SESSION` for its way back.

Only hashes of `state` and session are keys, so that whoever reads the table can finish nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from evertoken.adapters.aws_errors import error_code, unavailable_as
from evertoken.adapters.dynamodb_values import Plain, decode_item, encode_item
from evertoken.domain.authorization import (
    COMPLETION_TRIES,
    BegunAuthorization,
    PendingAuthorization,
    ReturnedAuthorization,
)
from evertoken.domain.connection import PublicationMode, RefreshPolicy, Sealed
from evertoken.domain.errors import StoreUnavailableError, UserMismatchError
from evertoken.domain.instants import from_milliseconds, to_milliseconds

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

UNAVAILABLE = "The store of authorizations did not answer in time. Try again."
_REFUSED = "ConditionalCheckFailedException"
KEPT_LONGER_SECONDS = 60
"""Housekeeping may come late and never early: the instant itself is always checked by the use case."""


class DynamoDBAuthorizations:
    """`AuthorizationStore` on the table. Each taking is one conditional delete, so that of many callers one gets it.

    A delete whose answer was lost and that is repeated finds nothing: the user has to start again, and nothing is used twice.
    """

    def __init__(self, client: DynamoDBClient, table_name: str) -> None:
        self._client = client
        self._table = table_name

    def put_pending(self, pending: PendingAuthorization) -> None:
        """Remember a started authorization. Raises StoreUnavailableError."""
        item = {**key_of_state(pending.state_hash, "STATE"), **_pending_values(pending)}
        with unavailable_as(StoreUnavailableError, UNAVAILABLE):
            self._client.put_item(TableName=self._table, Item=encode_item(item))

    def take_pending(self, state_hash: str) -> PendingAuthorization | None:
        """Remove and return the authorization of this state, or None. Raises StoreUnavailableError."""
        with unavailable_as(StoreUnavailableError, UNAVAILABLE):
            answer = self._client.delete_item(
                TableName=self._table,
                Key=encode_item(key_of_state(state_hash, "STATE")),
                ReturnValues="ALL_OLD",
            )
        old = answer.get("Attributes")
        return _pending(decode_item(old)) if old else None

    def put_returned(self, returned: ReturnedAuthorization) -> None:
        """Keep a returned code for its completion. Raises StoreUnavailableError."""
        item: dict[str, Plain] = {
            **_pending_values(returned.pending),
            **key_of_state(returned.pending.session_hash, "SESSION"),
            "code_key_id": returned.sealed_code.key_id,
            "code": returned.sealed_code.ciphertext,
            "extra": dict(returned.extra),
            "tries": 0,
            "returned_at": to_milliseconds(returned.returned_at),
            "session_expires_at": to_milliseconds(returned.expires_at),
            "ttl": int(returned.expires_at.timestamp()) + KEPT_LONGER_SECONDS,
        }
        with unavailable_as(StoreUnavailableError, UNAVAILABLE):
            self._client.put_item(TableName=self._table, Item=encode_item(item))

    def take_returned(
        self, session_hash: str, *, tenant_id: str, user_id: str
    ) -> ReturnedAuthorization | None:
        """Remove and return what this session returned IF tenant and user match; None when it is not there.

        Raises:
            UserMismatchError: the user is another one. The fifth such try removes the session. Another tenant's session is not there
                for this tenant, and its tries are not counted.
            StoreUnavailableError: the session may be gone.
        """
        key = encode_item(key_of_state(session_hash, "SESSION"))
        try:
            with unavailable_as(StoreUnavailableError, UNAVAILABLE):
                answer = self._client.delete_item(
                    TableName=self._table,
                    Key=key,
                    ConditionExpression="tenant_id = :tenant AND user_id = :user",
                    ExpressionAttributeValues=encode_item({":tenant": tenant_id, ":user": user_id}),
                    ReturnValues="ALL_OLD",
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                )
        except ClientError as error:
            refuse_wrong_user(self._client, self._table, key, error, tenant_id=tenant_id)
            return None
        return _returned(decode_item(answer["Attributes"]))


def refuse_wrong_user(
    client: DynamoDBClient, table_name: str, key: Mapping[str, Any], refusal: ClientError, *, tenant_id: str
) -> None:
    """Say what a refused condition on tenant and user means: nothing to find for another tenant, a counted try for another user.

    Raises:
        UserMismatchError: the session is *tenant_id*'s and the user is another one; the fifth such try removes it.
        StoreUnavailableError: the try may have been counted.
    """
    if error_code(refusal) != _REFUSED:
        raise refusal
    response: dict[str, Any] = dict(refusal.response)
    if decode_item(response.get("Item") or {}).get("tenant_id") != tenant_id:
        return
    try:
        with unavailable_as(StoreUnavailableError, UNAVAILABLE):
            client.update_item(
                TableName=table_name,
                Key=key,
                UpdateExpression="ADD tries :one",
                ConditionExpression="attribute_exists(pk) AND tries < :last",
                ExpressionAttributeValues=encode_item({":one": 1, ":last": COMPLETION_TRIES - 1}),
            )
    except ClientError as error:
        if error_code(error) != _REFUSED:
            raise
        with unavailable_as(StoreUnavailableError, UNAVAILABLE):
            client.delete_item(TableName=table_name, Key=key)
    raise UserMismatchError(
        "The user who finishes is not the user who began. Complete with the user_id that the connection was started with."
    ) from None


def key_of_state(hashed: str, kind: str) -> dict[str, Plain]:
    """Return the key of an item of an authorization under way."""
    return {"pk": f"STATE#{hashed}", "sk": kind}


def begun_values(begun: BegunAuthorization) -> dict[str, Plain]:
    """Return the attributes that every authorization under way has."""
    return {
        "session_hash": begun.session_hash,
        "tenant_id": begun.tenant_id,
        "user_id": begun.user_id,
        "connection_id": begun.connection_id,
        "provider_id": begun.provider_id,
        "registration_id": begun.registration_id,
        "binding": begun.binding,
        "parameters": begun.parameters,
        "scopes": begun.scopes,
        "account": begun.account,
        "name": begun.name,
        "display_name": begun.display_name,
        "policy": begun.policy,
        "publication": begun.publication,
        "created_at": to_milliseconds(begun.created_at),
        "expires_at": to_milliseconds(begun.expires_at),
        "ttl": int(begun.expires_at.timestamp()) + KEPT_LONGER_SECONDS,
    }


def begun_fields(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of `BegunAuthorization`; `begun_values` is its inverse."""
    policy, publication = values.get("policy"), values.get("publication")
    return {
        "session_hash": values["session_hash"],
        "tenant_id": values["tenant_id"],
        "user_id": values["user_id"],
        "connection_id": values["connection_id"],
        "provider_id": values["provider_id"],
        "registration_id": values["registration_id"],
        "binding": values["binding"],
        # Absent in what was begun before connections had parameters of their own.
        "parameters": values.get("parameters", {}),
        "scopes": values["scopes"],
        "account": values.get("account"),
        "name": values["name"],
        "display_name": values.get("display_name", ""),
        "policy": RefreshPolicy(policy) if policy else None,
        "publication": PublicationMode(publication) if publication else None,
        "created_at": from_milliseconds(values["created_at"]),
        "expires_at": from_milliseconds(values["expires_at"]),
    }


def _pending_values(pending: PendingAuthorization) -> dict[str, Plain]:
    verifier = pending.sealed_verifier
    return {
        **begun_values(pending),
        "state_hash": pending.state_hash,
        "redirect_uri": pending.redirect_uri,
        "return_url": pending.return_url,
        "verifier_key_id": verifier.key_id if verifier else None,
        "verifier": verifier.ciphertext if verifier else None,
    }


def _pending(values: Mapping[str, Any]) -> PendingAuthorization:
    return PendingAuthorization(
        **begun_fields(values),
        state_hash=values["state_hash"],
        redirect_uri=values["redirect_uri"],
        return_url=values["return_url"],
        sealed_verifier=Sealed(key_id=values["verifier_key_id"], ciphertext=values["verifier"])
        if "verifier" in values
        else None,
    )


def _returned(values: Mapping[str, Any]) -> ReturnedAuthorization:
    return ReturnedAuthorization(
        pending=_pending(values),
        sealed_code=Sealed(key_id=values["code_key_id"], ciphertext=values["code"]),
        extra=tuple(sorted(values["extra"].items())),
        returned_at=from_milliseconds(values["returned_at"]),
        expires_at=from_milliseconds(values["session_expires_at"]),
    )
