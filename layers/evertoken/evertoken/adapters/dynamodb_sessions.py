"""Sessions on the table, one item each; what decides between refresh, reuse and logout is the condition of one write (security facts 2a.5)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from evertoken.adapters.aws_errors import error_code, unavailable_as
from evertoken.adapters.dynamodb_keys import Key, key_of, session_partition
from evertoken.adapters.dynamodb_values import Plain, Update, decode_item, encode, encode_item, find_instant
from evertoken.control_ports import NotRotated, Rotated, SessionChange, SessionPage
from evertoken.domain.errors import StoreUnavailableError
from evertoken.domain.instants import from_milliseconds
from evertoken.domain.session import Profile, Session, SessionEnd, SessionToken, user_prefix

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

KEPT = timedelta(days=1)
"""For how long after its absolute end a session can still be looked up; its tokens are long dead by then."""
_UNAVAILABLE = "The store of sessions did not answer in time. Try again."
_REFUSED = "ConditionalCheckFailedException"
# The role is copied by the expression itself: what the tenant says is read in the write that uses it.
_ROTATE = (
    "SET previous_token_id = token_id, token_id = :successor, generation = generation + :one,"
    " rotated_at = :now, token_role = #role"
)
_IS_NEWEST_AND_LIVE = "token_id = :presented AND attribute_not_exists(revoked_at) AND ends_at > :now"


class DynamoDBSessions:
    """`SessionStore` on the table. Every method raises StoreUnavailableError."""

    def __init__(self, client: DynamoDBClient, table_name: str) -> None:
        self._client = client
        self._table = table_name

    def create(self, session: Session) -> None:
        item: dict[str, Plain] = {
            "session_of_tenant": session.tenant_id,
            "user_id": session.user_id,
            "role": session.role,
            "email": session.profile.email,
            "name": session.profile.name,
            "authenticated_at": session.authenticated_at,
            "ends_at": session.ends_at,
            "token_id": session.token_id,
            "previous_token_id": session.previous_token_id,
            "token_role": session.token_role,
            "generation": session.generation,
            "rotated_at": session.rotated_at,
            "revoked_at": session.revoked_at,
            "revoked_because": session.revoked_because,
            "ttl": int((session.ends_at + KEPT).timestamp()),
        }
        key = _key(session.tenant_id, session.session_id)
        with unavailable_as(StoreUnavailableError, _UNAVAILABLE):
            self._client.put_item(TableName=self._table, Item={**encode_item(item), **key})

    def find(self, tenant_id: str, session_id: str) -> Session | None:
        with unavailable_as(StoreUnavailableError, _UNAVAILABLE):
            answer = self._client.get_item(
                TableName=self._table, Key=_key(tenant_id, session_id), ConsistentRead=True
            )
        return _find_session(answer.get("Item"))

    def list(self, tenant_id: str, *, user_id: str | None, limit: int, position: str | None) -> SessionPage:
        query: dict[str, Any] = {
            "TableName": self._table,
            "KeyConditionExpression": "pk = :partition",
            "ExpressionAttributeValues": {":partition": encode(session_partition(tenant_id))},
            "ConsistentRead": True,
        }
        if user_id is not None:
            query["KeyConditionExpression"] += " AND begins_with(sk, :prefix)"
            query["FilterExpression"] = "user_id = :user"
            query["ExpressionAttributeValues"] |= {
                ":prefix": encode(user_prefix(tenant_id, user_id)),
                ":user": encode(user_id),
            }
        start: Any = None if position is None else _key(tenant_id, position)
        found: list[Session] = []
        while True:
            if start is not None:
                query["ExclusiveStartKey"] = start
            with unavailable_as(StoreUnavailableError, _UNAVAILABLE):
                answer = self._client.query(**query, Limit=limit - len(found))
            found.extend(_session(decode_item(item)) for item in answer["Items"])
            start = answer.get("LastEvaluatedKey")
            if start is None or len(found) >= limit:
                last = None if start is None else str(start["sk"]["S"])
                return SessionPage(sessions=tuple(found), position=last)

    def rotate(self, presented: SessionToken, *, successor: str, now: datetime) -> Rotated | NotRotated:
        values: dict[str, Plain] = {
            ":successor": successor,
            ":presented": presented.token_id,
            ":one": 1,
            ":now": now,
        }
        expression = {
            "UpdateExpression": _ROTATE,
            "ConditionExpression": _IS_NEWEST_AND_LIVE,
            "ExpressionAttributeNames": {"#role": "role"},
            "ExpressionAttributeValues": encode_item(values),
        }
        is_done, item = self._write(presented.tenant_id, presented.session_id, expression)
        session = _find_session(item)
        return Rotated(session=session) if is_done and session is not None else NotRotated(session=session)

    def change(
        self, tenant_id: str, session_id: str, change: SessionChange, *, now: datetime
    ) -> Session | None:
        update = Update().require_absent("revoked_at").require("ends_at", ">", now)
        if change.role is not None:
            update.set("role", change.role)
        if change.profile is not None:
            update.set("email", change.profile.email).set("name", change.profile.name)
        is_done, item = self._write(tenant_id, session_id, update.expression())
        return _find_session(item) if is_done else None

    def revoke(self, tenant_id: str, session_id: str, *, because: SessionEnd, now: datetime) -> bool | None:
        update = Update().set("revoked_at", now).set("revoked_because", because.value)
        update.require_present("token_id").require_absent("revoked_at")
        is_done, item = self._write(tenant_id, session_id, update.expression())
        return None if item is None else is_done

    def _write(self, tenant_id: str, session_id: str, expression: Mapping[str, Any]) -> tuple[bool, Any]:
        """Return whether the conditional write happened, and the item as it is after it, or None when there is none."""
        try:
            with unavailable_as(StoreUnavailableError, _UNAVAILABLE):
                answer = self._client.update_item(
                    TableName=self._table,
                    Key=_key(tenant_id, session_id),
                    ReturnValues="ALL_NEW",
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                    **expression,
                )
        except ClientError as error:
            if error_code(error) != _REFUSED:
                raise
            response: dict[str, Any] = dict(error.response)
            return False, response.get("Item") or None
        return True, answer["Attributes"]


def _key(tenant_id: str, session_id: str) -> Key:
    return key_of(session_partition(tenant_id), session_id)


def _find_session(item: Mapping[str, Any] | None) -> Session | None:
    return None if item is None else _session(decode_item(item))


def _session(values: Mapping[str, Any]) -> Session:
    because = values.get("revoked_because")
    return Session(
        tenant_id=values["session_of_tenant"],
        session_id=values["sk"],
        user_id=values["user_id"],
        role=values["role"],
        profile=Profile(email=values.get("email"), name=values.get("name")),
        authenticated_at=from_milliseconds(values["authenticated_at"]),
        ends_at=from_milliseconds(values["ends_at"]),
        token_id=values["token_id"],
        previous_token_id=values.get("previous_token_id"),
        token_role=values["token_role"],
        generation=values["generation"],
        rotated_at=from_milliseconds(values["rotated_at"]),
        revoked_at=find_instant(values, "revoked_at"),
        revoked_because=None if because is None else SessionEnd(because),
    )
