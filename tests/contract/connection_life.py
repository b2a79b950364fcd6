"""Random lives of one connection, told to the fake and to DynamoDB at once."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta
from typing import Any

from evertoken.domain.connection import (
    Connection,
    ConnectionStatus,
    FailureRecord,
    PendingRevocation,
    PublicationMode,
    RefreshPolicy,
    Sealed,
)
from evertoken.ports import ConnectionStore, TokenSetCommit
from tests.contract.store_under_test import (
    after,
    build_dynamodb,
    build_fake,
    commit_of,
    connecting,
    first_connect,
    key_of,
    lease,
)

STEPS = 40
Call = tuple[str, dict[str, Any]]


class Life:
    """Chooses the next call from what the row is, or was a few writes ago."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.at = 0.0
        self.commits: dict[str, TokenSetCommit] = {}

    def next_call(self, row: Connection) -> Call:
        self.at += self.chance.choice((0, 0.5, 20, 70))
        # Mostly the row as it is, at times one that differs in a single thing: every condition is met, and missed by itself.
        seen = (
            row if self.chance.random() < 0.6 else replace(row, **self.chance.choice(self._differences(row)))
        )
        owner = (
            row.lease.owner
            if row.lease and self.chance.random() < 0.7
            else f"owner-{self.chance.randrange(3)}"
        )
        return self.chance.choice(
            (
                self._lease,
                self._lease,
                self._commit,
                self._commit,
                self._release,
                self._acknowledge,
                self._end,
                self._change,
            )
        )(seen, owner)

    def _differences(self, row: Connection) -> list[dict[str, Any]]:
        other = [status for status in ConnectionStatus if status is not row.status]
        differences: list[dict[str, Any]] = [
            {"epoch": row.epoch + 1},
            {"epoch": row.epoch - 1},
            {"generation": row.generation + 1},
            {"generation": row.generation - 1},
            {"publication_number": row.publication_number + 1},
            {"status": self.chance.choice(other)},
        ]
        if row.revocation is not None:
            differences += [
                {"revocation": replace(row.revocation, epoch=row.revocation.epoch + 1)},
                {"revocation": replace(row.revocation, generation=row.revocation.generation + 1)},
            ]
        return differences

    def _lease(self, seen: Connection, owner: str) -> Call:
        due_by = self.chance.choice((None, after(self.at), after(self.at + 3000)))
        return "lease", {"row": seen, "owner": owner, "at": self.at, "due_by": due_by}

    def _commit(self, seen: Connection, owner: str) -> Call:
        if self.chance.random() < 0.3:
            connect = first_connect(seen, publication=self.chance.choice(list(PublicationMode)))
            return "connect", {"connect": replace(connect, commit=self._commit_of(seen, "connect"))}
        return "commit_token_set", {"commit": self._commit_of(seen, owner)}

    def _commit_of(self, seen: Connection, owner: str) -> TokenSetCommit:
        """One attempt's commit has one id; the same one is told again at times."""
        commit_id = f"{owner} {seen.epoch} {seen.generation}"
        return self.commits.setdefault(
            commit_id, commit_of(seen, owner=owner, at=self.at, commit_id=commit_id)
        )

    def _release(self, seen: Connection, owner: str) -> Call:
        failure = FailureRecord(cause="throttled", code="http_429", count=1, failed_at=after(self.at))
        if self.chance.random() < 0.2:
            return "record_verdict", {"expected": seen, "owner": owner, "failure": failure}
        return "release_lease", {
            "owner": owner,
            "failure": self.chance.choice((None, failure)),
            "due_at": self.chance.choice((None, after(self.at + 100))),
            "cooldown_until": self.chance.choice((None, after(self.at + 90))),
            "attempt_is_closed": self.chance.random() < 0.5,
            "now": after(self.at),
        }

    def _acknowledge(self, seen: Connection, owner: str) -> Call:
        return "acknowledge_publication", {
            "number": max(0, seen.publication_number - self.chance.choice((0, 0, 0, 1))),
            "owner": self.chance.choice((None, owner)),
            "due_at": seen.refresh_at,
            "now": after(self.at),
        }

    def _end(self, seen: Connection, owner: str) -> Call:
        del owner
        now = after(self.at)
        revocation = PendingRevocation(
            sealed=Sealed(key_id="k", ciphertext=b"late"), epoch=seen.epoch, generation=9
        )
        return self.chance.choice(
            (
                ("disconnect", {"expected": seen, "revoke": True, "now": now}),
                ("replace_revocation", {"epoch": seen.epoch, "revocation": revocation, "now": now}),
                (
                    "finish_revocation",
                    {
                        "epoch": seen.epoch,
                        "revoked": seen.revocation or revocation,
                        "due_at": after(self.at + 60),
                        "retry": self.chance.random() < 0.5,
                        "now": now,
                    },
                ),
            )
        )

    def _change(self, seen: Connection, owner: str) -> Call:
        del owner
        now = after(self.at)
        settings = {
            "expected": seen,
            "name": f"at {self.at}",
            "display_name": "",
            "policy": self.chance.choice(list(RefreshPolicy)),
            "publication": self.chance.choice(list(PublicationMode)),
            "refresh_at": seen.refresh_at,
            "now": now,
        }
        due_at = self.chance.choice((None, after(self.at + 5000)))
        postponed = {"epoch": seen.epoch, "generation": seen.generation, "due_at": due_at, "now": now}
        noted = {
            "epoch": seen.epoch,
            "generation": seen.generation,
            "notice_at": (seen.consent_notice_at or now) + timedelta(self.chance.choice((0, 0, 1))),
            "now": self.chance.choice((now, after(40_000 + self.at))),
        }
        return self.chance.choice(
            (
                ("set_hold", {"expected": seen, "on_hold": not seen.on_hold, "now": now}),
                ("update_settings", settings),
                ("postpone", postponed),
                ("note_consent_ending", noted),
            )
        )


def tell(store: ConnectionStore, call: Call) -> Any:
    name, arguments = call
    if name == "lease":
        return lease(store, **arguments)
    if name == "connect":
        return store.connect(**arguments)
    return getattr(store, name)(key_of(), **arguments)


def live(seed: int, client: Any) -> None:
    """Live one life. Raises AssertionError where the two stores differ."""
    fake, real = build_fake().store, build_dynamodb(client).store
    life = Life(seed)
    told: list[str] = []
    for store in (fake, real):
        store.create_connecting(connecting())
        store.connect(first_connect(store.get(key_of())))
    for _ in range(STEPS):
        call = life.next_call(fake.get(key_of()))
        told.append(f"{call[0]} at {life.at}")
        answers = [tell(store, call) for store in (fake, real)]
        rows = [store.get(key_of()) for store in (fake, real)]
        assert rows[0] == rows[1], told
        assert _kind(answers[0]) == _kind(answers[1]), told


def _kind(answer: Any) -> Any:
    return answer if isinstance(answer, bool) else type(answer).__name__
