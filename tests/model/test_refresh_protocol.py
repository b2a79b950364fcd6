"""The protocol of DESIGN sections 2 and 3 under every interleaving of its processes and the faults of each case.

`python -m tests.model` prints the same runs as a table; EVERTOKEN_MODEL_DEPTH=full adds the larger ones to both.
"""

import re

import pytest

from tests.model.cases import BOUND, build_cases, is_full
from tests.model.checker import explore
from tests.model.model import ProtocolModel
from tests.model.properties import Setting
from tests.model.state import Budget
from tests.model.world import STRICT_KILL

CASES = build_cases(full=is_full())
LONGEST_REPAIR = 10

LANDMARKS = (
    r"step 2: is refused the lease",
    r"step 2: recognises its own lease",
    r"step 3: posts; answer: new token set",
    r"step 3: posts; answer: grant dead",
    r"step 3: posts; the answer \(new token set\) is lost",
    r"step 3: finds a rescued answer",
    r"step 4: outcome unknown",
    r"step 4: throttled",
    r"step 5: commits generation 3",
    r"step 5: recognises its own commit",
    r"step 5: the commit is refused",
    r"step 5: the store is down",
    r"step 6: verdict: reauthorization required: grant dead",
    r"step 6: verdict: reauthorization required: lost response",
    r"step 6: is superseded",
    r"step 7: spends \d+ \(marker\): accepted",
    r"step 7: spends \d+ \(marker\): ResourceExistsException",
    r"step 7: puts \d+ \(token\): ResourceExistsException",
    r"step 7: puts \d+ \(withdrawal\): ResourceExistsException",
    r"step 7: may not acknowledge",
    r"the delayed put of \d+ arrives: accepted",
    r"the delayed put of \d+ arrives: ResourceExistsException",
    r"the delayed marker of \d+ arrives",
    r"the lease ends",
    r"the user revokes at the provider",
    r"adopts the rescued answer",
    r"a hint: publishes",
    r"a hint: revokes",
    r"a hint: nothing to do",
    r"sets the hold",
    r"lifts the hold",
    r"disconnects",
    r"connects anew",
    r"dies \(leased\)",
    r"dies \(posted\)",
    r"dies \(publishing\)",
    r"dies \(finishing\)",
    r"dies \(revoked\)",
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.setting.kind}: {case.name}")
def test_the_protocol_holds(case):
    model = ProtocolModel(case.setting, case.budget)
    outcome = explore(model, bound=BOUND)
    assert outcome.violation is None, str(outcome.violation)
    assert outcome.complete
    assert outcome.states >= case.floor
    assert model.longest_repair <= LONGEST_REPAIR


class Recording(ProtocolModel):
    """Remembers every sentence that the search met."""

    def __init__(self, setting: Setting, budget: Budget) -> None:
        super().__init__(setting, budget)
        self.met: set[str] = set()

    def actions(self, state):
        for sentence, after in super().actions(state):
            self.met.add(sentence)
            yield sentence, after


def test_every_turn_that_the_protocol_can_take_is_met_by_the_search():
    met: set[str] = set()
    for budget in (
        Budget(attempts=1, disconnects=1, reconnects=1, crashes=1, delays=1),
        Budget(attempts=3, revokes=1, lost=1, crashes=1),
        Budget(store_outages=1, write_timeouts=1),
        Budget(holds=2, throttles=1),
    ):
        model = Recording(Setting(kind=STRICT_KILL), budget)
        assert explore(model, bound=BOUND).complete
        met |= model.met
    missed = [
        landmark for landmark in LANDMARKS if not any(re.search(landmark, sentence) for sentence in met)
    ]
    assert missed == []
