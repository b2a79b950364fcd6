"""Print what the model checker covers: `python -m tests.model`, or `python -m tests.model MUTANT` for a mutant's shortest runs.

EVERTOKEN_MODEL_DEPTH=full adds the larger runs (about five minutes).
"""

import sys
import time

from tests.model.cases import BOUND, build_cases, is_full
from tests.model.checker import Outcome, explore
from tests.model.model import ProtocolModel
from tests.model.mutant_cases import MUTANT_CASES


def main(arguments: list[str]) -> int:
    """Run the cases, then the mutants; return 1 if the protocol was violated or a mutant survived."""
    if arguments:
        return _print_mutant(arguments[0])
    return max(_print_cases(), _print_mutants())


def _print_cases() -> int:
    states = steps = failures = longest = 0
    began = time.process_time()
    cases = build_cases(full=is_full())
    for case in cases:
        model = ProtocolModel(case.setting, case.budget)
        outcome = explore(model, bound=BOUND)
        states, steps, longest = (
            states + outcome.states,
            steps + outcome.steps,
            max(longest, model.longest_repair),
        )
        failures += not outcome.complete
        _say(
            f"{case.setting.kind:12s} {case.name:54s} {outcome.states:>9,d} states {outcome.steps:>9,d} steps"
        )
        if outcome.violation is not None:
            _say(str(outcome.violation))
    seconds = time.process_time() - began
    _say(
        f"{len(cases)} runs, {states:,d} states, {steps:,d} steps, {failures} violations or unfinished searches"
    )
    _say(f"longest fault-free repair: {longest} steps; {seconds:.0f} s of CPU\n")
    return int(failures > 0)


def _print_mutants() -> int:
    survivors = 0
    for case in MUTANT_CASES:
        outcome = _explore_mutant(case.rules.__name__, case.breaks.__name__)
        survivors += outcome.violation is None
        length = f"{len(outcome.violation.trace)} steps" if outcome.violation else "SURVIVED"
        _say(f"{case.rules.__name__:30s} {case.breaks.__name__:56s} {length}")
    mutants = len({case.rules for case in MUTANT_CASES})
    _say(f"{mutants} mutants in {len(MUTANT_CASES)} runs, {survivors} survivors")
    return int(survivors > 0)


def _print_mutant(name: str) -> int:
    cases = [case for case in MUTANT_CASES if case.rules.__name__ == name]
    for case in cases:
        outcome = _explore_mutant(name, case.breaks.__name__)
        _say(f"{name}: {case.rules.__doc__} ({case.setting.kind})\n{outcome.violation or 'survived'}\n")
    return int(not cases)


def _explore_mutant(name: str, breaks: str) -> Outcome:
    (case,) = (case for case in MUTANT_CASES if (case.rules.__name__, case.breaks.__name__) == (name, breaks))
    return explore(ProtocolModel(case.setting, case.budget, case.rules(), only=breaks), bound=BOUND)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
