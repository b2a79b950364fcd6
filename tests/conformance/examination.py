"""Everything about one entry, and what came of it."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.conformance.disturbances import run_disturbances
from tests.conformance.entry_document import Entry, read_entry
from tests.conformance.error_journey import run_errors
from tests.conformance.expectation import NotConformingError
from tests.conformance.journey import run_journey
from tests.conformance.mutants import AT_LEAST, make_mutants, survives
from tests.conformance.recordings import check_recording, load_recordings
from tests.conformance.virtual_day import run_day
from tests.conformance.world import Trial


@dataclass
class Examination:
    """The findings about one entry."""

    provider_id: str
    grants: tuple[str, ...] = ()
    doubtful_facts: int = 0
    problems: list[str] = field(default_factory=list)
    errors: int = 0
    mutants: int = 0
    killed: int = 0
    recordings: int = 0
    reads: int = 0
    seconds: float = 0.0


def examine(provider_id: str) -> Examination:
    """Run an entry's journey and its errors over HTTP, its mutants and its day in memory, and hold its recordings against it."""
    begun = time.monotonic()
    found = Examination(provider_id)
    try:
        entry = read_entry(provider_id)
    except (OSError, ValueError, KeyError) as error:
        found.problems.append(f"its document cannot be read: {error}")
        return found
    found.grants, found.doubtful_facts = entry.grants, entry.doubtful_facts()
    trial = Trial(entry)

    def note(step: Callable[[], int]) -> int:
        try:
            return step()
        except Exception as error:  # noqa: BLE001  # a crash over one entry must not hide the others
            kind = "" if isinstance(error, NotConformingError) else f"{type(error).__name__}: "
            found.problems.append(f"{kind}{error}")
            return 0

    note(lambda: run_journey(trial) or 0)
    note(lambda: run_disturbances(trial) or 0)
    found.errors = note(lambda: run_errors(trial))
    found.reads = note(lambda: run_day(Trial(entry, over_http=False)).reads)
    for recording in load_recordings(provider_id):
        found.recordings += 1
        before = len(found.problems)
        note(lambda recording=recording: check_recording(recording) or 0)
        found.problems[before:] = [f"{recording.name}: {problem}" for problem in found.problems[before:]]
    note(lambda: _examine_mutants(entry, found))
    found.seconds = time.monotonic() - begun
    return found


def _examine_mutants(entry: Entry, found: Examination) -> int:
    mutants = make_mutants(entry)
    found.mutants = len(mutants)
    if len(mutants) < AT_LEAST:
        found.problems.append(f"only {len(mutants)} mutants of it can be made")
    for mutant in mutants:
        if survives(entry, mutant):
            found.problems.append(f"its mutant survives: {mutant.name}")
        else:
            found.killed += 1
    return found.killed
