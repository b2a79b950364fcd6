"""Secrets Manager as it is documented, and stricter than the library that plays it elsewhere.

PutSecretValue: a version id is written once; the same content again succeeds and does nothing, other content is refused; AWSCURRENT moves
without comparing and AWSPREVIOUS follows to the version that it left. A secret has about 100 versions and none younger than 24 hours is
removed; a value has 65,536 bytes. (Secrets Manager API reference and quotas, read 2026-11-21.)
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from evertoken.domain.connection import ConnectionKey
from evertoken.domain.errors import PublisherUnavailableError
from evertoken.domain.publication import SPENT_STAGE, Publication, publish_withdrawal, version_id_of
from evertoken.ports import Clock

VERSION_LIMIT = 100
VALUE_LIMIT_BYTES = 65_536
KEPT_FOR = timedelta(hours=24)


class SecretRefusedError(RuntimeError):
    """A call that Secrets Manager refuses for good: missing, marked for deletion, too long."""


@dataclass(slots=True, kw_only=True)
class FakeVersion:
    """One version of a secret."""

    number: int
    content: str = field(repr=False)
    created_at: datetime


@dataclass(slots=True, kw_only=True)
class FakeSecret:
    """A secret: versions by id, labels by name, and every number that was ever AWSCURRENT, in order."""

    versions: dict[str, FakeVersion] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    shown: list[int] = field(default_factory=list)
    is_deleted: bool = False


class FakePublisher:
    """Publisher. `delay_next` lets the next write time out and take effect only when `land` says so."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.secrets: dict[ConnectionKey, FakeSecret] = {}
        self.under_way: list[Callable[[], object]] = []
        self.writes = 0
        self._delayed = 0

    # the port

    def create_empty(self, key: ConnectionKey) -> None:
        def create() -> bool:
            secret = self.secrets.get(key)
            if secret is not None:
                return self._refuse_deleted(secret)
            secret = self.secrets[key] = FakeSecret()
            return self._write(secret, key, 0, publish_withdrawal(key, 0).content, label="AWSCURRENT")

        self._call(create)

    def spend(self, key: ConnectionKey, number: int) -> None:
        self._call(
            lambda: self._write(self._get(key), key, number, json.dumps({"spent": number}), label=SPENT_STAGE)
        )

    def put(self, publication: Publication) -> bool:
        key, number, content = publication.key, publication.number, publication.content
        return self._call(lambda: self._write(self._get(key), key, number, content, label="AWSCURRENT"))

    def delete(self, key: ConnectionKey) -> None:
        def mark() -> bool:
            if key in self.secrets:
                self.secrets[key].is_deleted = True
            return True

        self._call(mark)

    # what a test does

    def delay_next(self, calls: int = 1) -> None:
        self._delayed += calls

    def land(self, position: int = 0) -> None:
        """Let a delayed call take effect now, whatever came after it; its answer reaches nobody."""
        try:
            self.under_way.pop(position)()
        except (SecretRefusedError, PublisherUnavailableError):
            return

    def read(self, key: ConnectionKey, label: str = "AWSCURRENT") -> dict[str, Any] | None:
        """What a reader of this label sees, or None."""
        secret = self.secrets.get(key)
        if secret is None or secret.is_deleted or label not in secret.labels:
            return None
        content: dict[str, Any] = json.loads(secret.versions[secret.labels[label]].content)
        return content

    def number_shown(self, key: ConnectionKey) -> int:
        secret = self.secrets[key]
        return secret.versions[secret.labels["AWSCURRENT"]].number

    # how it works

    def _call(self, effect: Callable[[], bool]) -> bool:
        if self._delayed:
            self._delayed -= 1
            self.under_way.append(effect)
            raise PublisherUnavailableError("The call was not acknowledged in time.")
        return effect()

    def _get(self, key: ConnectionKey) -> FakeSecret:
        if key not in self.secrets:
            raise SecretRefusedError("ResourceNotFoundException")
        self._refuse_deleted(self.secrets[key])
        return self.secrets[key]

    def _refuse_deleted(self, secret: FakeSecret) -> bool:
        if secret.is_deleted:
            raise SecretRefusedError("InvalidRequestException: the secret is marked for deletion")
        return True

    def _write(
        self, secret: FakeSecret, key: ConnectionKey, number: int, content: str, *, label: str
    ) -> bool:
        if len(content.encode()) > VALUE_LIMIT_BYTES:
            raise SecretRefusedError("ValidationException: the value is too long")
        version_id = version_id_of(key, number)
        there = secret.versions.get(version_id)
        if there is not None:
            return there.content == content
        self._make_room(secret)
        self.writes += 1
        secret.versions[version_id] = FakeVersion(
            number=number, content=content, created_at=self._clock.now()
        )
        if label == "AWSCURRENT":
            secret.shown.append(number)
            if "AWSCURRENT" in secret.labels:
                secret.labels["AWSPREVIOUS"] = secret.labels["AWSCURRENT"]
        secret.labels[label] = version_id
        return True

    def _make_room(self, secret: FakeSecret) -> None:
        if len(secret.versions) < VERSION_LIMIT:
            return
        old = self._clock.now() - KEPT_FOR
        for version_id, version in list(secret.versions.items()):
            if version.created_at < old and version_id not in secret.labels.values():
                del secret.versions[version_id]
        if len(secret.versions) >= VERSION_LIMIT:
            raise PublisherUnavailableError("LimitExceededException: too many versions within 24 hours")
