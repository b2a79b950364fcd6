"""`make conformance`: every entry of the catalogue against the server that it describes, as a table."""

import sys
import time
from concurrent.futures import ProcessPoolExecutor

from tests.conformance.entry_document import shipped_ids
from tests.conformance.examination import Examination, examine

PROCESSES = 2
ROW = "{:<26} {:>10} {:>9} {:>7} {:>9} {:>7}  {}"


def main() -> int:
    begun = time.monotonic()
    with ProcessPoolExecutor(PROCESSES) as pool:
        found = list(pool.map(examine, shipped_ids(), chunksize=4))
    failed = [one for one in found if one.problems]
    problems = [f"{one.provider_id}: {problem}" for one in failed for problem in one.problems]
    took = f"{time.monotonic() - begun:.1f} s on {PROCESSES} processes."
    sys.stdout.write("\n".join([*table(found), "", *problems, f"{summary(found)} {took}", ""]))
    return 1 if failed or not found else 0


def table(found: list[Examination]) -> list[str]:
    """A row an entry, worst first: failures, then by how many facts nobody has verified."""
    worst_first = sorted(found, key=lambda one: (not one.problems, -one.doubtful_facts, one.provider_id))
    return [
        ROW.format("entry", "unverified", "recorded", "errors", "mutants", "killed", "result"),
        *(
            ROW.format(
                one.provider_id,
                one.doubtful_facts,
                one.recordings,
                one.errors,
                one.mutants,
                one.killed,
                "FAILED" if one.problems else "passed",
            )
            for one in worst_first
        ),
    ]


def summary(found: list[Examination]) -> str:
    passed = sum(not one.problems for one in found)
    recorded = sum(bool(one.recordings) for one in found)
    return (
        f"{len(found)} entries, {passed} passed; {sum(one.recordings for one in found)} recordings of {recorded} entries; "
        f"{sum(one.killed for one in found)} of {sum(one.mutants for one in found)} mutants killed; "
        f"{sum(one.errors for one in found)} errors understood; {sum(one.reads for one in found)} reads in 24 virtual hours, none of an expired token."
    )


if __name__ == "__main__":
    sys.exit(main())
