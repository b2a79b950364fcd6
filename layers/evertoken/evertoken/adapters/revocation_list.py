"""Who may not pass any more although their tokens are good: written when an operator says so, known to every execution environment within a minute."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from datetime import datetime
from threading import Lock
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from evertoken.adapters.aws_errors import error_code, unavailable_as
from evertoken.adapters.dynamodb_keys import REVOKED, revoked_client_sort, revoked_tenant_sort
from evertoken.adapters.dynamodb_values import Plain, encode_item
from evertoken.domain.authorization import Revoked
from evertoken.domain.errors import StoreUnavailableError
from evertoken.domain.instants import from_milliseconds, to_milliseconds
from evertoken.ports import Clock, RevocationStore

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

REFETCH_SECONDS = 45
"""How long a fetched list is believed before it is fetched again."""
BELIEVED_SECONDS = 60
"""How long it is believed at most, when it cannot be fetched."""
RETRY_SECONDS = 5
"""After a failed fetch nobody asks again for this long."""
_UNAVAILABLE = "The list of the revoked cannot be read now. Try again."


class DynamoDBRevocations:
    """`RevocationStore` on the table, one small partition. Every method raises StoreUnavailableError."""

    def __init__(self, client: DynamoDBClient, table_name: str) -> None:
        self._client = client
        self._table = table_name

    def revoke_client(self, client_id: str, *, until: datetime) -> None:
        """Refuse the tokens of an API client; the entry goes by itself some time after *until*."""
        self._put(revoked_client_sort(client_id), until, {})

    def revoke_tenant(self, tenant_id: str, *, now: datetime, until: datetime | None) -> None:
        """Refuse the tokens of a tenant's clients and sessions: until then, or for as long as it is not lifted."""
        self._put(revoked_tenant_sort(tenant_id), until, {"revoked_at": to_milliseconds(now)})

    def lift_tenant(self, tenant_id: str, *, now: datetime, until: datetime) -> None:
        """Let a tenant pass again with what is issued from *now* on: the entry stays for what was issued before, and goes by itself some time after *until*."""
        lifted_at = to_milliseconds(now)
        try:
            self._put(
                revoked_tenant_sort(tenant_id),
                until,
                {"revoked_at": lifted_at, "lifted_at": lifted_at},
                ConditionExpression="revoked_at <= :now AND attribute_not_exists(lifted_at)",
                ExpressionAttributeValues=encode_item({":now": lifted_at}),
            )
        except ClientError as error:
            # Never revoked, or lifted before (a later instant would refuse what was issued since), or revoked again meanwhile.
            if error_code(error) != "ConditionalCheckFailedException":
                raise

    def read_all(self) -> Revoked:
        """Return all that are revoked, read consistently: one query."""
        query: dict[str, Any] = {
            "TableName": self._table,
            "KeyConditionExpression": "pk = :partition",
            "ProjectionExpression": "sk, lifted_at",
            "ExpressionAttributeValues": encode_item({":partition": REVOKED}),
            "ConsistentRead": True,
        }
        clients: set[str] = set()
        tenants: dict[str, datetime | None] = {}
        with unavailable_as(StoreUnavailableError, _UNAVAILABLE):
            # Not botocore's paginator: reading its description of DynamoDB would be part of every cold start.
            while True:
                answer = self._client.query(**query)
                for item in answer["Items"]:
                    kind, _, name = item["sk"]["S"].partition("#")
                    if kind == "CLIENT":
                        clients.add(name)
                    else:
                        tenants[name] = _lifted_at(item)
                if "LastEvaluatedKey" not in answer:
                    break
                query["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
        return Revoked(clients=frozenset(clients), tenants=tenants)

    def _put(
        self, sort: str, until: datetime | None, instants: Mapping[str, Plain], **condition: Any
    ) -> None:
        ttl = None if until is None else int(until.timestamp()) + 1
        item = encode_item({"pk": REVOKED, "sk": sort, "ttl": ttl, **instants})
        with unavailable_as(StoreUnavailableError, _UNAVAILABLE):
            self._client.put_item(TableName=self._table, Item=item, **condition)


def _lifted_at(item: Mapping[str, Any]) -> datetime | None:
    return from_milliseconds(int(item["lifted_at"]["N"])) if "lifted_at" in item else None


class RevocationList:
    """The list as one execution environment knows it: fetched when it is asked for, at most every 45 seconds, never believed for more than 60.

    Safe under threads. Every method raises StoreUnavailableError: the list is older than 60 seconds and cannot be fetched.
    """

    def __init__(self, revocations: RevocationStore, *, clock: Clock) -> None:
        self._revocations = revocations
        self._clock = clock
        self._revoked = Revoked(clients=frozenset(), tenants={})
        self._fetched_at: tuple[float, float] | None = None
        self._failed_at = float("-inf")
        self._lock = Lock()

    def is_revoked_client(self, client_id: str) -> bool:
        """Return whether an API client's tokens are refused."""
        return client_id in self._current().clients

    def is_revoked_tenant(self, tenant_id: str, *, issued_at: datetime) -> bool:
        """Return whether a token of a tenant's client, or a session of its user, that began at *issued_at* is refused."""
        return self._current().refuses_tenant(tenant_id, issued_at=issued_at)

    def _current(self) -> Revoked:
        with self._lock:
            if self._age_seconds() >= REFETCH_SECONDS:
                self._fetch()
            return self._revoked

    def _fetch(self) -> None:
        # What counts is when the question was asked: an entry written after it may be missing from the answer.
        asked_at = self._instant()
        if asked_at[0] - self._failed_at >= RETRY_SECONDS:
            self._failed_at = asked_at[0]
            with contextlib.suppress(StoreUnavailableError):
                self._revoked = self._revocations.read_all()
                self._fetched_at, self._failed_at = asked_at, float("-inf")
        if self._age_seconds() >= BELIEVED_SECONDS:
            raise StoreUnavailableError(_UNAVAILABLE, retry_after_seconds=RETRY_SECONDS)

    def _age_seconds(self) -> float:
        """Return the age of the list by whichever clock has moved further: a frozen environment's monotonic clock may stand still."""
        if self._fetched_at is None:
            return float("inf")
        return max(now - then for now, then in zip(self._instant(), self._fetched_at, strict=True))

    def _instant(self) -> tuple[float, float]:
        return self._clock.monotonic(), self._clock.now().timestamp()
