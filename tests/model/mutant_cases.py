"""Each mutant with the runs that kill it: the setting, the faults, and the property that it breaks."""

from dataclasses import dataclass
from typing import Final

from tests.model import mutants_due as due
from tests.model import mutants_publication as publication
from tests.model import mutants_refresh as refresh
from tests.model import properties as law
from tests.model.properties import RestProperty, Setting, StepProperty
from tests.model.rules import Rules
from tests.model.state import Budget
from tests.model.world import GRACE, STATIC, STRICT, STRICT_KILL

KILL: Final = Setting(kind=STRICT_KILL)
PLAIN: Final = Setting(kind=STRICT)
SAME: Final = Setting(kind=STATIC)
SPARE: Final = Setting(kind=GRACE)
OUTLIVED: Final = Setting(kind=STRICT, bounded=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class MutantCase:
    """One wrong rule and one property that it must break in this setting."""

    rules: type[Rules]
    setting: Setting
    budget: Budget
    breaks: StepProperty | RestProperty


REFRESH: Final = (
    (refresh.NoLease, KILL, Budget(), law.i5_one_attempt_in_flight),
    (refresh.NoLease, KILL, Budget(), law.i6_a_connection_is_lost_only_in_the_window),
    (refresh.NoLease, SPARE, Budget(attempts=3), law.i4_no_post_of_a_superseded_token),
    (refresh.UnconditionalCommit, PLAIN, Budget(disconnects=1), law.i1_nothing_goes_backwards),
    (refresh.UnconditionalCommit, PLAIN, Budget(disconnects=1), law.i7_nothing_rises_from_a_disconnect),
    (refresh.SuccessFencedByLease, OUTLIVED, Budget(), law.i6_a_connection_is_lost_only_in_the_window),
    (refresh.SuccessOnlyIfActive, OUTLIVED, Budget(), law.i6_a_connection_is_lost_only_in_the_window),
    (refresh.UnfencedVerdict, OUTLIVED, Budget(), law.i8_i9_only_a_refusal_changes_the_status),
    (refresh.UnfencedVerdict, OUTLIVED, Budget(), law.i6_a_connection_is_lost_only_in_the_window),
    (refresh.NoEpoch, PLAIN, Budget(reconnects=1), law.i3_an_active_row_holds_its_own_grant),
    (refresh.NoEpoch, PLAIN, Budget(disconnects=1), law.i7_nothing_rises_from_a_disconnect),
    (
        refresh.RefusedCommitIsFailure,
        PLAIN,
        Budget(write_timeouts=1),
        law.i8_i9_only_a_refusal_changes_the_status,
    ),
    (refresh.UnknownIsDead, SAME, Budget(lost=1), law.i8_i9_only_a_refusal_changes_the_status),
    (refresh.OmittedTokenDropped, SAME, Budget(), law.i2_a_commit_replaces_a_parent_by_its_child),
    (refresh.OmittedTokenDropped, SAME, Budget(), law.i6_a_connection_is_lost_only_in_the_window),
    (refresh.CommitClearsAnyLease, OUTLIVED, Budget(), law.i11_a_lease_is_ended_by_its_holder_or_its_end),
    (refresh.LockOnly, PLAIN, Budget(attempts=3, write_timeouts=1), law.i4_no_post_of_a_superseded_token),
    (refresh.LockOnly, PLAIN, Budget(disconnects=1), law.i7_nothing_rises_from_a_disconnect),
    (refresh.HoldClearsLease, KILL, Budget(holds=2), law.i5_one_attempt_in_flight),
    (refresh.CommitLiftsHold, KILL, Budget(holds=1), law.i18_only_a_lift_ends_a_hold),
    (refresh.DisconnectKeepsToken, KILL, Budget(disconnects=1), law.i7_nothing_rises_from_a_disconnect),
    (refresh.SinkNotAsked, KILL, Budget(store_outages=1), law.i6_a_connection_is_lost_only_in_the_window),
    (refresh.RescueRecordRemoved, KILL, Budget(store_outages=1), law.i4_no_post_of_a_superseded_token),
    (
        refresh.RescueRecordRemoved,
        KILL,
        Budget(store_outages=1),
        law.i6_a_connection_is_lost_only_in_the_window,
    ),
    (refresh.VerdictBesideRescue, PLAIN, Budget(store_outages=1), law.i8_no_verdict_beside_a_rescued_answer),
    (refresh.OpenAttemptForgotten, PLAIN, Budget(lost=1), law.i8_a_lost_answer_is_called_so),
    (refresh.RevocationForgotten, KILL, Budget(disconnects=1), law.p7_a_disconnected_grant_is_revoked),
)

PUBLICATION: Final = (
    (publication.NothingSpent, KILL, Budget(delays=1), law.p1_readers_never_go_backwards),
    (publication.NothingSpent, KILL, Budget(delays=1), law.p2_the_newest_is_current_at_rest),
    (publication.NothingSpent, KILL, Budget(disconnects=1, reconnects=1), law.p4_no_token_of_an_old_epoch_stays),
    (publication.OnlyLastSpent, KILL, Budget(disconnects=1, reconnects=1), law.p1_readers_never_go_backwards),
    (publication.SpentAfterPut, KILL, Budget(delays=1), law.p1_readers_never_go_backwards),
    (publication.WithdrawalSpendsNothing, KILL, Budget(disconnects=1), law.p3_no_token_after_an_acknowledged_withdrawal),
    (publication.HintSpendsNothing, KILL, Budget(delays=1, crashes=1), law.p1_readers_never_go_backwards),
    (publication.MarkerMoves, KILL, Budget(crashes=1), law.p2_readers_never_see_a_marker),
    (publication.MarkerAcknowledged, KILL, Budget(disconnects=1, reconnects=1), law.p1_an_acknowledgement_is_never_undone),
    (publication.RandomRequestToken, KILL, Budget(delays=1), law.p1_readers_never_go_backwards),
    (publication.StoreOverwrites, KILL, Budget(delays=1), law.p1_readers_never_go_backwards),
    (publication.SameContentMoves, KILL, Budget(delays=1), law.p1_readers_never_go_backwards),
    (publication.DisconnectTakesNoNumber, KILL, Budget(disconnects=1), law.p3_no_token_after_an_acknowledged_withdrawal),
    (publication.HoldTakesNoNumber, KILL, Budget(holds=1), law.p3_no_token_after_an_acknowledged_withdrawal),
    (publication.OnlyActivePublished, KILL, Budget(disconnects=1, crashes=1), law.p3_a_withdrawn_secret_is_empty_at_rest),
    (publication.NobodyPublishes, KILL, Budget(crashes=1), law.p6_every_crash_is_repaired),
    (publication.NobodyPublishes, KILL, Budget(crashes=1), law.p7_no_token_that_the_provider_killed_stays),
    (publication.AcknowledgedEarly, KILL, Budget(crashes=1), law.p1_an_acknowledgement_is_never_undone),
    (publication.AcknowledgedEarly, KILL, Budget(crashes=1), law.p2_the_newest_is_current_at_rest),
    (publication.NewestAcknowledged, KILL, Budget(disconnects=1), law.p3_no_token_after_an_acknowledged_withdrawal),
    (publication.AcknowledgedAlthoughMoved, KILL, Budget(disconnects=1, crashes=1), law.p6_every_crash_is_repaired),
    (publication.AcknowledgedDownwards, KILL, Budget(reconnects=1), law.i1_nothing_goes_backwards),
    (publication.RefusalAcknowledged, KILL, Budget(disconnects=1, reconnects=1), law.p1_an_acknowledgement_is_never_undone),
    (publication.UncommittedPublished, SAME, Budget(store_outages=1), law.p2_readers_see_only_what_was_committed),
    (publication.SinkPublished, KILL, Budget(store_outages=1, holds=1), law.p3_no_token_after_an_acknowledged_withdrawal),
    (publication.WithdrawnOnce, KILL, Budget(disconnects=1), law.p3_no_previous_token_after_an_acknowledged_withdrawal),
    (publication.LastButOneSpent, KILL, Budget(holds=1), law.p3_no_previous_token_after_an_acknowledged_withdrawal),
    (publication.OneNumberPutTwice, KILL, Budget(disconnects=1), law.p3_no_previous_token_after_an_acknowledged_withdrawal),
    (publication.WithdrawalVaries, KILL, Budget(holds=1, crashes=1), law.d4_repair_ends),
)  # fmt: skip

DUE: Final = (
    (due.FinishClearsAnyLease, KILL, Budget(reconnects=1), law.i5_one_attempt_in_flight),
    (
        due.FinishClearsAnyLease,
        KILL,
        Budget(reconnects=1),
        law.i6_a_connection_is_lost_only_in_the_window,
    ),
    (due.FinishPlansUnderForeignLease, KILL, Budget(reconnects=1), law.d1_a_lease_has_its_look),
    (due.DueAsFirstWritten, KILL, Budget(reconnects=1), law.d2_work_owed_is_due),
    (due.DueAsFirstWritten, KILL, Budget(reconnects=1, crashes=1), law.p6_every_crash_is_repaired),
    (due.LeaseKeepsDue, KILL, Budget(), law.d1_a_lease_has_its_look),
    (due.LeaseKeepsDue, KILL, Budget(crashes=1), law.p6_every_crash_is_repaired),
    (due.CommitKeepsDue, OUTLIVED, Budget(), law.d2_work_owed_is_due),
    (due.AdoptionKeepsDue, KILL, Budget(store_outages=1, crashes=1), law.p6_every_crash_is_repaired),
    (due.ReleasePostpones, KILL, Budget(holds=1, lost=1, crashes=1), law.p6_every_crash_is_repaired),
    (due.PlanForgetsRevocation, KILL, Budget(disconnects=1), law.p7_a_disconnected_grant_is_revoked),
    (due.HoldIsNotDue, KILL, Budget(holds=1, crashes=1), law.p6_every_crash_is_repaired),
    (due.NeverReplanned, KILL, Budget(crashes=1), law.d3_a_row_at_rest_waits_for_its_plan),
)

MUTANT_CASES: Final = tuple(
    MutantCase(rules=rules, setting=setting, budget=budget, breaks=breaks)
    for rules, setting, budget, breaks in (*REFRESH, *PUBLICATION, *DUE)
)

HARMLESS: Final = (publication.RefusalGoesOn, publication.MarkerLikeWithdrawal)
"""Wrong alone, but without effect: the finish asks for the row's number. Each is deadly once the finish does not, see above."""
