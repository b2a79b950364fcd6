"""What must hold at every step and at rest: the invariants of the protocol, with the provider's own ledger as the witness.

The names (I1 … P4) are those of the protocol's description. A breach is an AssertionError that names its invariant.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from evertoken.domain.connection import Connection, ConnectionStatus
from evertoken.domain.errors import VaultSealedError
from evertoken.domain.token_set import TokenSet
from evertoken.domain.token_set_codec import decode_token_set, token_set_purpose
from tests.simulation.numbered import Fault
from tests.simulation.world import CANARY, KEY, READ_TIMING, TIMING, World

SKEW_SECONDS = 5
SHORTEST_BACK_OFF_SECONDS = 2.5
PUBLICATION_SECONDS = 240
"""A lease, a tick, a run, and a second delivery."""

ACTIVE, DEAD = ConnectionStatus.ACTIVE, ConnectionStatus.REAUTHORIZATION_REQUIRED
OVER = (ConnectionStatus.DISCONNECTED, ConnectionStatus.RETIRED)


class Oracle:
    """Call `observe` after every step, and `settle` when nothing is under way any more."""

    def __init__(self, world: World, *, skew_seconds: float = 0.0) -> None:
        self.world = world
        self._lost: set[str] = set()
        # A request begins while there is time for it and for the commit; the next one waits for the end of the lease, by another clock.
        last_moment = (
            READ_TIMING.function_timeout_seconds
            - READ_TIMING.http_total_seconds
            - READ_TIMING.commit_budget_seconds
        )
        self._gap_seconds = READ_TIMING.lease_seconds - last_moment - 2 * skew_seconds
        self._skew_seconds = skew_seconds
        self._writes_seen = 0
        self._requests_seen = 0
        self._shown_seen = 0
        self._looked_at: object = None
        self._owed_since: datetime | None = None
        self._published: dict[int, str] = {}
        self._before: Connection | None = None
        self._family = ""
        self._refused: set[str] = set()

    @property
    def lost(self) -> bool:
        """Whether the one accepted loss met the present grant: the provider rotated, and we died or the answer was lost before our write."""
        return self._family in self._lost

    @property
    def user_ended(self) -> bool:
        """Whether the user withdrew the consent at the provider."""
        tokens = self.world.twin.ledger.tokens.values()
        return any(
            token.family == self._family and token.revoked_because == "ended_by_user" for token in tokens
        )

    # at every step

    def observe(self) -> None:
        history = self.world.store.history
        for row in history[self._writes_seen :]:
            self._check_write(self._before, row)
            self._before = row
        self._writes_seen = len(history)
        self._check_requests()
        self._check_readers()

    def watch(self, port: str, method: str, effect: Callable[[], Any]) -> Any:
        """A gate that disturbs nothing and observes everything."""
        del port, method
        try:
            return effect()
        finally:
            self.observe()

    def observe_repair(self) -> None:
        """Observe while the service mends itself, and see to it that readers do not wait long for what they are owed."""
        self.observe()
        row = self.world.store.find(KEY)
        if row is None or not row.owes_publication:
            self._owed_since = None
            return
        self._owed_since = self._owed_since or self.world.clock.now()
        waited = (self.world.clock.now() - self._owed_since).total_seconds()
        assert waited <= PUBLICATION_SECONDS, "P6: a publication is owed, and nobody sees to it"

    def note_fault(self, port: str, method: str, fault: Fault | None) -> None:
        """Note what befell a call: the grant may be lost only now, and only if the provider is ahead of what is durable."""
        died = fault in (Fault.CRASH_BEFORE, Fault.CRASH_AFTER)
        answer_lost = port == "transport" and fault is Fault.TIMEOUT_AFTER
        nowhere_to_keep_it = (port, method) == ("rescue", "keep") and fault is not None
        if not (died or answer_lost or nowhere_to_keep_it):
            return
        if self.world.kind in ("strict", "strict_kill") and self._provider_is_ahead():
            self._lost.add(self._family)

    def _check_write(self, before: Connection | None, row: Connection) -> None:
        assert row.published_number <= row.publication_number, (
            "I1: a publication was acknowledged that was never due"
        )
        if row.lease is not None:
            limit = self.world.clock.now() + timedelta(seconds=TIMING.lease_seconds + SKEW_SECONDS)
            assert row.lease.until <= limit, "I11: a lease is longer than its process may live"
        if before is None:
            return
        assert (row.epoch, row.generation) >= (before.epoch, before.generation), (
            "I1: epoch or generation fell"
        )
        assert row.generation >= before.generation, "I1: the generation fell"
        assert row.publication_number >= before.publication_number, "I1: the publication number fell"
        assert row.published_number >= before.published_number, (
            "I1: an acknowledged publication was forgotten"
        )
        moved = (row.epoch, row.generation) != (before.epoch, before.generation)
        assert row.on_hold == before.on_hold or not moved, "I18: something else than a lift changed a hold"
        self._check_status(before, row)
        if row.generation != before.generation:
            self._check_commit(before, row)

    def _check_status(self, before: Connection, row: Connection) -> None:
        if row.status in OVER:
            assert row.sealed is None, "I7: a disconnected connection keeps tokens"
        if before.status in OVER and row.status not in OVER:
            assert row.epoch > before.epoch, (
                "I7: a connection rose from a disconnect without an authorization"
            )
        if row.status is DEAD and before.status is not DEAD:
            session = self.world.transport.session
            if session is not None:
                assert session.logins, "I8: a grant that can run again was declared dead, and nobody ran it"
                assert not session.logins[-1].family, (
                    "I8: a login was declared dead that the provider did not refuse"
                )
                return
            presented = self._open(before).refresh_token
            self._check_requests()
            assert presented in self._refused, (
                "I8: a grant was declared dead that the provider did not refuse"
            )
            cause = row.failure.cause if row.failure else ""
            assert self.user_ended or cause == "lost_response", "I8: what a lost answer cost is not called so"

    def _check_commit(self, before: Connection, row: Connection) -> None:
        token_set = self._open(row)
        self._published[row.generation] = token_set.access_token
        ledger = self.world.twin.ledger
        family = ledger.get_token(token_set.access_token).family
        if row.epoch != before.epoch:
            self._family = family
            return
        session = self.world.transport.session
        if session is not None and family in session.families:
            self._family = family
            return
        assert family == self._family, "I3: an active connection holds another grant's token"
        assert before.status not in OVER, "I7: a commit reached a disconnected connection"
        replaced = self._open(before).refresh_token
        assert replaced
        assert token_set.refresh_token
        is_child = ledger.is_child_set(replaced, token_set.access_token, token_set.refresh_token)
        assert is_child, "I2: a committed set is not the provider's child of the set that it replaced"

    def _check_requests(self) -> None:
        ledger = self.world.twin.ledger
        for record in ledger.requests[self._requests_seen :]:
            if record.endpoint != "token":
                continue
            assert not record.violation, f"the provider saw a malformed request: {record.violation}"
            if record.outcome == "invalid_grant":
                self._refused.add(record.presented)
            self._check_not_superseded(record.presented)
        self._requests_seen = len(ledger.requests)

    def _check_not_superseded(self, presented: str) -> None:
        token_set = self.world.token_set()
        if token_set is None or token_set.refresh_token in (None, presented):
            return
        ancestors = [token.value for token in self.world.twin.ledger.find_ancestors(token_set.refresh_token)]
        assert presented not in ancestors, "I4: a refresh token was sent whose successor is durable"

    def _check_readers(self) -> None:
        secret = self.world.publisher.secrets.get(KEY)
        if secret is None or secret.is_deleted:
            return
        row = self.world.store.find(KEY)
        looked_at = (row, dict(secret.labels))
        if looked_at == self._looked_at:
            return
        self._looked_at = looked_at
        for position in range(max(self._shown_seen, 1), len(secret.shown)):
            assert secret.shown[position] > secret.shown[position - 1], "P1: readers went backwards"
        self._shown_seen = len(secret.shown)
        shown = self.world.publisher.read(KEY)
        assert shown is not None
        if shown["access_token"] is not None:
            committed = self._published.get(shown["generation"])
            assert shown["access_token"] == committed, "P2: readers see a token that was not committed"
        assert "refresh_token" not in shown, "the refresh token is readable"
        if row is None or row.owes_publication or row.generation == 0:
            return
        assert secret.shown[-1] == row.published_number, "P1: an acknowledged publication was undone"
        if row.is_withdrawn:
            previous = self.world.publisher.read(KEY, "AWSPREVIOUS")
            assert shown["access_token"] is None, "P3: readable after the withdrawal was acknowledged"
            assert previous is None or previous["access_token"] is None, "P3: AWSPREVIOUS still holds a token"
        else:
            assert shown.get("generation") == row.generation, (
                "P4: readers see another generation than the row's"
            )

    # at rest

    def settle(self) -> None:
        """Check what has to be so when the service has had its time and nothing is under way."""
        self.observe()
        world, row = self.world, self.world.store.find(KEY)
        if row is None:
            return
        now = world.clock.now()
        assert not row.owes_publication, "P6: a publication is still owed"
        assert not row.is_leased(now), "I11: a lease is still held"
        assert not world.rescue.queue.messages, "P6: a rescued answer still waits"
        if row.due_at is not None:
            late = now - row.due_at
            assert late < timedelta(minutes=20), "P6: a row is due and nobody looks at it"
        self._check_usable(row, now)
        self._check_pace()
        self._check_nothing_leaked()

    def _check_usable(self, row: Connection, now: datetime) -> None:
        if row.status in OVER or row.status is ConnectionStatus.CONNECTING or self.user_ended:
            return
        if row.status is DEAD:
            assert self.lost, "I6: a connection was lost outside the stated window"
            return
        assert row.status is ACTIVE
        if self.lost or row.on_hold:
            return
        token_set, rules = self._open(row), self.world.twin.rules
        assert token_set.refresh_token
        assert rules.is_refreshable(token_set.refresh_token), "I6: the stored refresh token does not work"
        assert rules.accepts(token_set.access_token), "I6: the provider does not take the stored access token"
        assert row.lives_for(now) > 0, "I6: the access token ran out"

    def _check_pace(self) -> None:
        """I17: the same refresh token is not sent twice within a lease, but for the one retry of a provider that allows it."""
        may_repeat = self.world.kind in ("static", "grace")
        allowed, least = (2, SHORTEST_BACK_OFF_SECONDS) if may_repeat else (1, self._gap_seconds)
        sent: dict[str, list[float]] = {}
        for record in self.world.twin.ledger.find_requests():
            sent.setdefault(record.presented, []).append(record.started_at)
        for starts in sent.values():
            for position in range(allowed, len(starts)):
                gap = starts[position] - starts[position - allowed]
                assert gap >= least, "I17: requests came too soon after one another"

        logins = [] if self.world.transport.session is None else self.world.transport.session.logins
        for before, after in pairwise(logins):
            gap = after.started_at - before.started_at
            assert gap >= SHORTEST_BACK_OFF_SECONDS - 2 * self._skew_seconds, (
                "I17: logins came too soon after one another"
            )
            assert before.family, "a login was tried again after it had been refused"

    def _check_nothing_leaked(self) -> None:
        world = self.world
        for text in (
            *world.queue.queue.bodies_sent,
            *world.rescue.queue.bodies_sent,
            repr(world.row),
            repr(world.token_set()),
        ):
            self.check_said(text)

    def check_said(self, text: str) -> None:
        """Check a text that others may see."""
        assert CANARY not in text, "I14: a token reached a message, an error or a representation"

    def _open(self, row: Connection) -> TokenSet:
        assert row.sealed is not None
        purpose = token_set_purpose(row.connection_id, row.epoch, row.generation)
        try:
            return decode_token_set(self.world.sealer.open(row.tenant_id, purpose, row.sealed))
        except VaultSealedError as error:
            raise AssertionError(
                "I2: a row holds a ciphertext that is not of its epoch and generation"
            ) from error

    def _provider_is_ahead(self) -> bool:
        row = self.world.store.find(KEY)
        if row is None or row.sealed is None:
            return False
        durable = {self._open(row).refresh_token}
        for rescued in self.world.rescue.waiting:
            commit = rescued.commit
            purpose = token_set_purpose(KEY.connection_id, commit.epoch, commit.generation + 1)
            durable.add(
                decode_token_set(self.world.sealer.open(KEY.tenant_id, purpose, commit.sealed)).refresh_token
            )
        tokens = self.world.twin.ledger.tokens.values()
        newest = [
            token.value for token in tokens if token.kind == "refresh" and token.family == self._family
        ][-1:]
        return bool(newest) and newest[0] not in durable
