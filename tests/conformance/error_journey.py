"""Each of an entry's errors, on the operation that it belongs to, and what the service makes of it."""

from evertoken.domain.errors import ProviderRefusedError, ProviderUnavailableError
from evertoken.usecases.refresh_attempt import RefreshResultKind
from tests.conformance.connecting import connect
from tests.conformance.entry_document import CONNECTING, RUNS_AGAIN
from tests.conformance.error_answers import ErrorAnswer, kind_for, renewing_first, rfc_answers, rule_answers
from tests.conformance.expectation import expect
from tests.conformance.journey import explained, first_grant, renew, renewing_operation
from tests.conformance.world import Trial, World

MENDED_BY_RUNNING_AGAIN = ("grant_dead", "rejected", "outcome_unknown")


def run_errors(trial: Trial) -> int:
    """Let the provider refuse in every way that the entry and the RFCs know; returns in how many."""
    entry = trial.entry
    answers, dead = rule_answers(entry)
    expect(not dead, "; ".join(dead))
    answers += rfc_answers(entry, renewing_first(entry.operations)[0])
    for answer in answers:
        with explained(trial, f"{answer.operation} answered with {answer.about}") as world:
            grant = _renewed_by(trial, answer.operation)
            if grant is None:
                _refuse_first(world, answer)
            else:
                _refuse_renewal(world, answer, grant)
    return len(answers)


def _renewed_by(trial: Trial, operation: str) -> str | None:
    """A grant of the entry whose token sets are renewed by *operation*."""
    grants = [grant for grant in trial.entry.grants if grant in CONNECTING]
    return next((grant for grant in grants if renewing_operation(trial.entry, grant) == operation), None)


def _refuse_renewal(world: World, answer: ErrorAnswer, grant: str) -> None:
    row = connect(world, grant)
    world.server.planted[answer.operation] = answer.reply_at
    before = len(world.server.seen)
    result = renew(world, row)
    kind = kind_for(answer.operation, answer.kind, connecting=False)
    asked = [seen.operation for seen in world.server.seen[before:]]
    expect(asked[:1] == [answer.operation], f"the provider was asked for {asked}")
    if grant in RUNS_AGAIN and answer.operation == "refresh" and kind in MENDED_BY_RUNNING_AGAIN:
        expect(result.kind is RefreshResultKind.REFRESHED, f"the grant was not run again: {result.kind}")
        expect(asked[-1] == CONNECTING[grant], f"the grant was not run again, but {asked}")
        return
    failure = result.failure
    found = "no failure" if failure is None else str(failure.kind)
    expect(failure is not None and failure.kind == kind, f"it was taken for {found}, and it is {kind}")
    assert failure is not None
    is_end = result.kind is RefreshResultKind.REAUTHORIZATION_REQUIRED
    expect(is_end == (kind == "grant_dead"), f"the connection ended as {result.kind}")
    expect(
        answer.code is None or failure.code == answer.code,
        f"its code is {failure.code}, and the entry says {answer.code}",
    )
    expect(
        answer.trace_id is None or failure.trace_id == answer.trace_id,
        f"its trace id is {failure.trace_id}, and {answer.trace_id} was sent",
    )
    if answer.retry_after_seconds is not None:
        found_wait = failure.retry_after_seconds
        expect(
            found_wait is not None and abs(found_wait - answer.retry_after_seconds) <= 1,
            f"the wait is {found_wait} s, and {answer.retry_after_seconds} s were asked for",
        )


def _refuse_first(world: World, answer: ErrorAnswer) -> None:
    """The refusal of a first grant: nothing is stored, so nothing is dead."""
    world.server.planted[answer.operation] = answer.reply_at
    kind = kind_for(answer.operation, answer.kind, connecting=True)
    grant = next(
        (one for one in world.server.entry.grants if CONNECTING.get(one) == answer.operation),
        first_grant(world.server.entry),
    )
    try:
        connect(world, grant)
    except ProviderRefusedError as error:
        found = "client_misconfigured" if "refuses our client" in str(error) else "rejected"
        expect(found == kind, f"it was taken for {found}, and it is {kind}")
        expect(answer.code is None or answer.code in str(error), f"its code is not {answer.code}: {error}")
    except ProviderUnavailableError as error:
        expect(
            kind not in ("client_misconfigured", "rejected"),
            f"it was taken for an outage, and it is {kind}: {error}",
        )
        expect(
            answer.retry_after_seconds is None or error.retry_after_seconds is not None,
            "what the provider asked us to wait was lost",
        )
    else:
        expect(False, "it was taken for a success")
