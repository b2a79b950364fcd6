"""The mistakes that the oracles must see: each was made by somebody once, or is a rule of the protocol left out."""

from __future__ import annotations

from typing import Final

from tests.simulation.mutation import Mutant

RUN: Final = "evertoken.usecases.run_attempt"
ASK: Final = "evertoken.usecases.ask_provider"
RENEWAL: Final = "evertoken.domain.renewal"
COMMIT: Final = "evertoken.usecases.commit_token_set"
FAILURE: Final = "evertoken.usecases.record_failure"
PUBLISH: Final = "evertoken.usecases.publish_connection"
ATTEND: Final = "evertoken.usecases.attend_connection"
STORE: Final = "tests.fakes.connection_store"
LIFE: Final = "tests.fakes.connection_life"
SCAN: Final = "evertoken.usecases.scan_due"


def _mutant(name: str, where: tuple[str, str], old: str, new: str, *, probe: str, breach: str) -> Mutant:
    return Mutant(name=name, module=where[0], function=where[1], old=old, new=new, probe=probe, breach=breach)


MUTANTS: Final = (
    _mutant(
        "the commit does not look at the epoch",
        (STORE, "FakeConnectionStore.commit_token_set"),
        "(row.epoch, row.generation) != (commit.epoch, commit.generation)",
        "row.generation != commit.generation",
        probe="success after a disconnect",
        breach="I7",
    ),
    _mutant(
        "the commit does not look at the generation",
        (STORE, "FakeConnectionStore.commit_token_set"),
        "(row.epoch, row.generation) != (commit.epoch, commit.generation)",
        "row.epoch != commit.epoch",
        probe="rescued answer adopted late",
        breach="I2",
    ),
    _mutant(
        "a success counts only for the lease's holder",
        (STORE, "FakeConnectionStore.commit_token_set"),
        "(row.epoch, row.generation) != (commit.epoch, commit.generation)",
        "row.generation != commit.generation or not row.lease or row.lease.owner != commit.owner",
        probe="rescued answer adopted late",
        breach="I6",
    ),
    _mutant(
        "a success counts only for an active connection",
        (STORE, "FakeConnectionStore.commit_token_set"),
        "(row.epoch, row.generation) != (commit.epoch, commit.generation)",
        "row.generation != commit.generation or row.epoch != commit.epoch or row.on_hold",
        probe="random",
        breach="I6",
    ),
    _mutant(
        "a commit lifts a hold",
        (STORE, "FakeConnectionStore.commit_token_set"),
        "status=ConnectionStatus.ACTIVE,",
        "status=ConnectionStatus.ACTIVE, on_hold=False,",
        probe="random",
        breach="I18",
    ),
    _mutant(
        "a commit takes no publication number",
        (STORE, "FakeConnectionStore.commit_token_set"),
        "row.publication_number + (1 if owes else 0)",
        "row.publication_number",
        probe="scheduled refresh",
        breach="P4",
    ),
    _mutant(
        "there is no lease",
        (STORE, "FakeConnectionStore.acquire_lease"),
        "and not row.is_leased(now)",
        "",
        probe="random",
        breach="I17|I4|I6",
    ),
    _mutant(
        "a hint waits for the plan though an answer is open",
        (STORE, "_is_due"),
        "row.open_attempts > 0 or ",
        "",
        probe="store down at the commit",
        breach="I6",
    ),
    _mutant(
        "a lease shorter than its process",
        ("evertoken.usecases.invocation", "Timing.lease_seconds"),
        "return self.function_timeout_seconds + CLOCK_SKEW_SECONDS + PROVIDER_TAIL_SECONDS",
        "return 5.0",
        probe="random",
        breach="I17|I4|I6",
    ),
    _mutant(
        "the verdict is fenced by nothing",
        (STORE, "FakeConnectionStore.record_verdict"),
        "if row is None or row.lease is None or row.lease.owner != owner:",
        "row = row or self._rows.get(key)\nif row is None:".replace("\n", "\n        "),
        probe="refused loser without a second look",
        breach="a winner was declared dead",
    ),
    _mutant(
        "a refusal is believed without a second look",
        (FAILURE, "pass_verdict"),
        "moved = current is None or (current.epoch, current.generation) != (row.epoch, row.generation)",
        "moved = False",
        probe="refused loser",
        breach="the winner's token is the answer",
    ),
    _mutant(
        "an unknown outcome is taken for a dead grant",
        (FAILURE, "record_failure"),
        "case FailureKind.OUTCOME_UNKNOWN:",
        "case FailureKind.OUTCOME_UNKNOWN if pass_verdict(deps, attempt, row, failure, cause='grant_dead'):",
        probe="scheduled refresh",
        breach="I8|I6",
    ),
    _mutant(
        "a strict provider's silence is asked again at once",
        ("evertoken.domain.provider", "Rotation.may_repeat_at_once"),
        "return self.kind is RotationClass.STATIC",
        "return True",
        probe="scheduled refresh",
        breach="I17",
    ),
    _mutant(
        "a lost answer is called a dead grant",
        (FAILURE, "record_failure"),
        "cause = LOST_RESPONSE if lost else FailureKind.GRANT_DEAD.value",
        "cause = FailureKind.GRANT_DEAD.value",
        probe="scheduled refresh",
        breach="I8",
    ),
    _mutant(
        "an omitted refresh token is dropped",
        ("evertoken.domain.token_set", "TokenSet.following"),
        "refresh_token=self.refresh_token or previous.refresh_token,",
        "refresh_token=self.refresh_token,",
        probe="scheduled refresh",
        breach="assert",
    ),
    _mutant(
        "the answer is published before it is durable",
        (RUN, "_keep"),
        "    result = commit_token_set(",
        "    from evertoken.domain.publication import publish_token_set\n"
        "    deps.publisher.put(publish_token_set(row.key, row.publication_number + 1, token_set, row.generation + 1))\n"
        "    result = commit_token_set(",
        probe="scheduled refresh",
        breach="P2",
    ),
    _mutant(
        "skipped numbers are not spent",
        (PUBLISH, "publish_connection"),
        "deps.publisher.spend(connection.key, number)",
        "pass",
        probe="late withdrawal of a hold",
        breach="P1",
    ),
    _mutant(
        "only the last skipped number is spent",
        (PUBLISH, "publish_connection"),
        "range(connection.published_number + 1, first_shown)",
        "range(max(connection.published_number + 1, first_shown - 1), first_shown)",
        probe="late withdrawal of a hold",
        breach="P1",
    ),
    _mutant(
        "version ids are random",
        ("evertoken.domain.publication", "version_id_of"),
        'return str(uuid.uuid5(_NAMESPACE, f"{key.tenant_id}/{key.connection_id}/{number}"))',
        "return str(uuid.uuid4())",
        probe="late withdrawal of a hold",
        breach="P1",
    ),
    _mutant(
        "a publication is acknowledged before it is put",
        (PUBLISH, "publish_connection"),
        "    newest = connection.publication_number\n",
        "    newest = connection.publication_number\n"
        "    deps.store.acknowledge_publication(\n"
        "        connection.key, number=newest, owner=None, due_at=due_when_settled(connection), now=deps.clock.now())\n",
        probe="scheduled refresh",
        breach="P1",
    ),
    _mutant(
        "a withdrawal is put once",
        (PUBLISH, "publish_connection"),
        "first_shown = newest - 1 if connection.is_withdrawn else newest",
        "first_shown = newest",
        probe="disconnect",
        breach="P3",
    ),
    _mutant(
        "a disconnect takes no publication number",
        (LIFE, "FakeConnectionLife.disconnect"),
        "publication_number=row.publication_number + numbers",
        "publication_number=row.publication_number",
        probe="disconnect",
        breach="P3",
    ),
    _mutant(
        "a hold takes no publication number",
        (LIFE, "FakeConnectionLife.set_hold"),
        "publication_number=row.publication_number + numbers",
        "publication_number=row.publication_number",
        probe="hold and lift",
        breach="P3",
    ),
    _mutant(
        "a disconnect does not raise the epoch",
        (LIFE, "FakeConnectionLife.disconnect"),
        "epoch=row.epoch + 1",
        "epoch=row.epoch",
        probe="success after a disconnect",
        breach="I7",
    ),
    _mutant(
        "a retired connection keeps its account",
        (LIFE, "FakeConnectionLife._free_account"),
        "del self._accounts[account]",
        "pass",
        probe="retire",
        breach="the account is bound",
    ),
    _mutant(
        "nobody publishes what a dead worker owes",
        (ATTEND, "settle_connection"),
        "if row.owes_publication:",
        "if False:",
        probe="scheduled refresh",
        breach="P6",
    ),
    _mutant(
        "the end of a consent is not noted when nothing has to be refreshed",
        (ATTEND, "settle_connection"),
        "row, now = _note_consent(deps, row), deps.clock.now()",
        "now = deps.clock.now()",
        probe="consent that ends",
        breach="the end of a consent is told once",
    ),
    _mutant(
        "a rescued answer is thrown away",
        ("evertoken.usecases.adopt_rescued", "adopt_rescued"),
        "result = deps.store.commit_token_set(rescued.key, rescued.commit)",
        "return False",
        probe="store down at the commit",
        breach="I6",
    ),
    _mutant(
        "a store that is down loses the answer",
        (COMMIT, "commit_token_set"),
        "deps.rescue.keep(RescuedAnswer(key=row.key, commit=commit))\n                return",
        "return",
        probe="store down at the commit",
        breach="I6",
    ),
    _mutant(
        "late tokens of a disconnected connection are not revoked",
        (COMMIT, "drop_token_set"),
        "if current is None or current.status is not ConnectionStatus.DISCONNECTED:",
        "if True:",
        probe="late tokens",
        breach="not revoked",
    ),
    _mutant(
        "the cool-down is ignored",
        (STORE, "FakeConnectionStore.acquire_lease"),
        "row.cooldown_until <= (due_by or now)",
        "True",
        probe="cool-down",
        breach="the provider was asked",
    ),
    _mutant(
        "what falls due after a scan waits for a repeat",
        (SCAN, "is_hint_wanted"),
        "due.due_set_at is not None and",
        "False and",
        probe="short tokens",
        breach="expired",
    ),
    _mutant(
        "the scan's cursor moves before its hints are sent",
        (SCAN, "scan_due"),
        "    def scan(shard",
        "    deps.cursor.advance(dict.fromkeys(order, now))\n\n    def scan(shard",
        probe="scan that died",
        breach="hints were lost",
    ),
    _mutant(
        "a grant that can run again ends with its refresh token",
        (RENEWAL, "find_fallback"),
        "return None if find_grant_to_run(provider, token_set) is None else Renewal.RUN_AGAIN",
        "return None",
        probe="sessions: grant ended by the user",
        breach="I8",
    ),
    _mutant(
        "an unanswered login is repeated at once",
        (ASK, "_find_following"),
        "or sent[-1] is not Renewal.REFRESH",
        "",
        probe="sessions: grant ended by the user",
        breach="I17",
    ),
    _mutant(
        "a refused login waits to be confirmed by another",
        (FAILURE, "record_failure"),
        "case FailureKind.GRANT_DEAD | FailureKind.REJECTED if asked.was_unanswered:",
        "case FailureKind.GRANT_DEAD | FailureKind.REJECTED if asked.was_unanswered or asked.spent_refresh:",
        probe="refused login",
        breach="once is enough",
    ),
)
