"""What must hold: each property is a function, and its docstring is the sentence it stands for.

I are the invariants of the refresh, P those of the publication, D those of `due_at`. A step property sees the state before and
after one step; a rest property sees the state in which a fault-free repair run has ended. Not stated here, because the model holds
no such thing: I10, I13 to I17 and I19 (torn reads, tenants, sinks for secrets, bytes, hints alone, cool-downs, the audit), and
the change of a client registration in I8.
"""

from collections.abc import Callable
from dataclasses import dataclass

from tests.model import world
from tests.model.rules import is_withdrawn
from tests.model.state import (
    ACTIVE,
    DEAD,
    DISCONNECTED,
    GRANT_DEAD,
    LEASE_END,
    LEASED,
    LOST,
    MARKER,
    NEVER,
    NONE,
    NOW,
    PLAN,
    POSTED,
    TOKEN,
    Content,
    State,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What a run is about: the provider's kind, and whether the platform ends each process before its lease ends."""

    kind: str
    bounded: bool = True
    workers: int = 2
    connected: bool = True
    hints_take_the_lease: bool = False


StepProperty = Callable[[State, State, Setting], bool]
RestProperty = Callable[[State, Setting], bool]


def i1_nothing_goes_backwards(before: State, after: State, setting: Setting) -> bool:
    """I1: epoch, generation, publication number and acknowledged number never decrease."""
    old, new = before.row, after.row
    return (new.epoch, new.generation) >= (old.epoch, old.generation) and (
        new.generation >= old.generation and new.number >= old.number and new.published >= old.published
    )


def i2_a_commit_replaces_a_parent_by_its_child(before: State, after: State, setting: Setting) -> bool:
    """I2: a committed set is the provider's child of the set it replaces, or the same token where tokens are static."""
    old, new = before.row, after.row
    if new.epoch != old.epoch or new.generation == old.generation:
        return True
    if setting.kind == world.STATIC:
        return new.token == old.token
    return new.token != NONE and after.provider.parent[new.token] == old.token


def i3_an_active_row_holds_its_own_grant(before: State, after: State, setting: Setting) -> bool:
    """I3: the token set of an active connection belongs to the newest grant."""
    row = after.row
    if row.status != ACTIVE:
        return True
    return row.token != NONE and after.provider.grant[row.token] == len(after.provider.newest) - 1


def i4_no_post_of_a_superseded_token(before: State, after: State, setting: Setting) -> bool:
    """I4: no POST starts with a refresh token whose successor is already durable."""
    if not setting.bounded:
        return True
    row = before.row
    for old, new in zip(before.workers, after.workers, strict=True):
        if (
            old.step == LEASED
            and new.step == POSTED
            and old.epoch == row.epoch
            and old.generation < row.generation
        ):
            return False
    return True


def i5_one_attempt_in_flight(before: State, after: State, setting: Setting) -> bool:
    """I5: at most one attempt is in flight for one connection, epoch and generation."""
    if not setting.bounded:
        return True
    flights = [(w.epoch, w.generation) for w in after.workers if w.step in (LEASED, POSTED)]
    return len(set(flights)) == len(flights)


def i7_nothing_rises_from_a_disconnect(before: State, after: State, setting: Setting) -> bool:
    """I7: a disconnected connection keeps no tokens and becomes active only by a new grant."""
    if after.row.status == DISCONNECTED:
        return after.row.token == NONE
    consented = len(after.provider.newest) > len(before.provider.newest)
    return before.row.status != DISCONNECTED or consented


def i8_i9_only_a_refusal_changes_the_status(before: State, after: State, setting: Setting) -> bool:
    """I8, I9: reauthorization is required only after the provider refused the present generation; nothing else changes it."""
    row = after.row
    if row.status not in (DEAD, LOST) or row.status == before.row.status:
        return True
    present = (before.row.epoch, before.row.generation)
    return any(
        old.answer == GRANT_DEAD and (old.epoch, old.generation) == present and new is not old
        for old, new in zip(before.workers, after.workers, strict=True)
    )


def i8_no_verdict_beside_a_rescued_answer(before: State, after: State, setting: Setting) -> bool:
    """I8: no verdict is given while the rescue sink holds the answer to the present generation."""
    fallen = before.row.status == ACTIVE and after.row.status in (DEAD, LOST)
    return not fallen or before.rescued[:2] != (before.row.epoch, before.row.generation)


def i8_a_lost_answer_is_called_so(before: State, after: State, setting: Setting) -> bool:
    """I8: a grant is called dead only if the user revoked it; what a lost answer cost is called a lost response."""
    return after.row.status != DEAD or after.revoked_epoch == after.row.epoch


def i11_a_lease_is_ended_by_its_holder_or_its_end(before: State, after: State, setting: Setting) -> bool:
    """I11: a live lease ends by its holder, by its time or by a new epoch, never by somebody else."""
    old, new = before.row, after.row
    if not old.lease or old.lease_ended or new.lease == old.lease or new.epoch != old.epoch:
        return True
    return any(
        was.fence == old.lease and now is not was
        for was, now in zip(before.workers, after.workers, strict=True)
    )


def i18_only_a_lift_ends_a_hold(before: State, after: State, setting: Setting) -> bool:
    """I18: neither a commit nor a new epoch ends a hold."""
    old, new = before.row, after.row
    moved = (old.epoch, old.generation) != (new.epoch, new.generation)
    return not moved or new.hold == old.hold


def p1_readers_never_go_backwards(before: State, after: State, setting: Setting) -> bool:
    """P1: AWSCURRENT never moves to a smaller number."""
    return after.secret.current >= before.secret.current


def p1_an_acknowledgement_is_never_undone(before: State, after: State, setting: Setting) -> bool:
    """P1: AWSCURRENT is never older than the acknowledged number."""
    return after.secret.current >= after.row.published


def p2_readers_see_only_what_was_committed(before: State, after: State, setting: Setting) -> bool:
    """P2: AWSCURRENT never holds a number that the row has not reached."""
    return after.secret.current <= after.row.number


def p2_readers_never_see_a_marker(before: State, after: State, setting: Setting) -> bool:
    """P2: no marker is ever current or previous."""
    return MARKER not in (after.secret.current_content.kind, after.secret.previous_content.kind)


def p3_no_token_after_an_acknowledged_withdrawal(before: State, after: State, setting: Setting) -> bool:
    """P3: once a withdrawal is acknowledged, AWSCURRENT holds no token."""
    row = after.row
    acknowledged = is_withdrawn(row) and row.published == row.number
    return not acknowledged or after.secret.current_content.kind != TOKEN


def p3_no_previous_token_after_an_acknowledged_withdrawal(
    before: State, after: State, setting: Setting
) -> bool:
    """P3: once a withdrawal is acknowledged, AWSPREVIOUS holds no token either."""
    row = after.row
    acknowledged = is_withdrawn(row) and row.published == row.number
    return not acknowledged or after.secret.previous_content.kind != TOKEN


def d1_a_lease_has_its_look(before: State, after: State, setting: Setting) -> bool:
    """D1: a row with a lease, live or ended, is due no later than the lease's end."""
    return not after.row.lease or after.row.due in (NOW, LEASE_END)


def d2_work_owed_is_due(before: State, after: State, setting: Setting) -> bool:
    """D2: a row whose publication is behind or whose revocation is owed is due now or at a lease's end."""
    row = after.row
    owes = row.published < row.number or row.owed != NONE
    return not owes or row.due in (NOW, LEASE_END)


def i6_a_connection_is_lost_only_in_the_window(state: State, setting: Setting) -> bool:
    """I6: at rest a connection is usable, unless the user ended it or a strict provider's answer was lost in the window."""
    row = state.row
    if row.status == DISCONNECTED or row.epoch in (state.window_epoch, state.revoked_epoch):
        return True
    answer = world.refresh(state.provider, setting.kind, row.token)[1]
    return row.status == ACTIVE and answer != GRANT_DEAD


def p2_the_newest_is_current_at_rest(state: State, setting: Setting) -> bool:
    """P2: at rest AWSCURRENT holds exactly what the row says."""
    row, content = state.row, state.secret.current_content
    return is_withdrawn(row) or content == Content(TOKEN, row.epoch, row.generation, row.token)


def p3_a_withdrawn_secret_is_empty_at_rest(state: State, setting: Setting) -> bool:
    """P3: at rest the secret of a disconnected or held connection names no token, neither current nor previous."""
    kinds = (state.secret.current_content.kind, state.secret.previous_content.kind)
    return not is_withdrawn(state.row) or TOKEN not in kinds


def p4_no_token_of_an_old_epoch_stays(state: State, setting: Setting) -> bool:
    """P4: at rest AWSCURRENT holds no token of an older epoch."""
    content = state.secret.current_content
    return content.kind != TOKEN or content.epoch == state.row.epoch


def p6_every_crash_is_repaired(state: State, setting: Setting) -> bool:
    """P6: a repair run that waits for no plan acknowledges the newest number and does what is owed."""
    return state.row.published == state.row.number and state.row.owed == NONE


def p7_no_token_that_the_provider_killed_stays(state: State, setting: Setting) -> bool:
    """P7: where a rotation kills the access token before, AWSCURRENT at rest holds the newest one."""
    content = state.secret.current_content
    if setting.kind not in (world.STRICT, world.STRICT_KILL) or content.kind != TOKEN:
        return True
    if state.row.epoch in (state.window_epoch, state.revoked_epoch):
        return True
    return state.provider.newest[state.provider.grant[content.token]] == content.token


def p7_a_disconnected_grant_is_revoked(state: State, setting: Setting) -> bool:
    """P7: at rest the grant of a disconnected connection is dead at the provider."""
    newest = len(state.provider.newest) - 1
    return state.row.status != DISCONNECTED or newest < 0 or newest in state.provider.dead


def d3_a_row_at_rest_waits_for_its_plan(state: State, setting: Setting) -> bool:
    """D3: at rest an active row waits for its plan, and no row is looked at for ever.

    A row that is not active may keep a plan made before the verdict: one more look, at the plan, ends it.
    """
    planned = state.row.status == ACTIVE and not state.row.hold
    return state.row.due == PLAN or (not planned and state.row.due == NEVER)


def d4_repair_ends(state: State, setting: Setting) -> bool:
    """D4: a fault-free repair run comes to an end."""
    return False


ROW_PROPERTIES: tuple[StepProperty, ...] = (
    i1_nothing_goes_backwards,
    i2_a_commit_replaces_a_parent_by_its_child,
    i3_an_active_row_holds_its_own_grant,
    i7_nothing_rises_from_a_disconnect,
    i8_i9_only_a_refusal_changes_the_status,
    i8_no_verdict_beside_a_rescued_answer,
    i8_a_lost_answer_is_called_so,
    i11_a_lease_is_ended_by_its_holder_or_its_end,
    i18_only_a_lift_ends_a_hold,
    d1_a_lease_has_its_look,
    d2_work_owed_is_due,
)
ATTEMPT_PROPERTIES: tuple[StepProperty, ...] = (i4_no_post_of_a_superseded_token, i5_one_attempt_in_flight)
PUBLICATION_PROPERTIES: tuple[StepProperty, ...] = (
    p1_readers_never_go_backwards,
    p1_an_acknowledgement_is_never_undone,
    p2_readers_see_only_what_was_committed,
    p2_readers_never_see_a_marker,
    p3_no_token_after_an_acknowledged_withdrawal,
    p3_no_previous_token_after_an_acknowledged_withdrawal,
)
REST_PROPERTIES: tuple[RestProperty, ...] = (
    i6_a_connection_is_lost_only_in_the_window,
    p2_the_newest_is_current_at_rest,
    p3_a_withdrawn_secret_is_empty_at_rest,
    p4_no_token_of_an_old_epoch_stays,
    p6_every_crash_is_repaired,
    p7_no_token_that_the_provider_killed_stays,
    p7_a_disconnected_grant_is_revoked,
    d3_a_row_at_rest_waits_for_its_plan,
)
