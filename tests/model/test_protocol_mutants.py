"""Each wrong version of the protocol is caught, by the property that it breaks, where the right version holds."""

import pytest

from tests.model import properties as law
from tests.model.cases import BOUND
from tests.model.checker import explore
from tests.model.model import ProtocolModel
from tests.model.mutant_cases import HARMLESS, MUTANT_CASES
from tests.model.properties import Setting
from tests.model.state import Budget
from tests.model.world import KINDS


def _properties() -> set[str]:
    judges = (*law.ROW_PROPERTIES, *law.ATTEMPT_PROPERTIES, *law.PUBLICATION_PROPERTIES, *law.REST_PROPERTIES)
    return {judge.__name__ for judge in (*judges, law.d4_repair_ends)}


@pytest.mark.parametrize(
    "case", MUTANT_CASES, ids=lambda case: f"{case.rules.__name__}-{case.breaks.__name__}"
)
def test_a_mutant_breaks_its_property(case):
    model = ProtocolModel(case.setting, case.budget, case.rules(), only=case.breaks.__name__)
    outcome = explore(model, bound=BOUND)
    assert outcome.violation is not None, f"survived {outcome.states} states: {case.rules.__doc__}"
    assert outcome.violation.name == case.breaks.__name__
    assert outcome.violation.trace


@pytest.mark.parametrize("setting", sorted({case.setting for case in MUTANT_CASES}, key=repr), ids=repr)
def test_the_protocol_holds_wherever_a_mutant_falls(setting):
    for budget in {case.budget for case in MUTANT_CASES if case.setting == setting}:
        outcome = explore(ProtocolModel(setting, budget), bound=BOUND)
        assert outcome.complete, str(outcome.violation)


def test_every_property_is_broken_by_some_mutant():
    assert _properties() - {case.breaks.__name__ for case in MUTANT_CASES} == set()


def test_every_property_speaks_in_a_sentence_that_begins_with_its_name():
    judges = [getattr(law, name) for name in _properties()]
    for judge in judges:
        first_line = (judge.__doc__ or "").splitlines()[0]
        assert first_line.endswith("."), judge.__name__
        assert first_line.split(":")[0].lower().replace(", ", "_") in judge.__name__


@pytest.mark.parametrize("rules", HARMLESS, ids=lambda rules: rules.__name__)
def test_a_fault_that_the_finish_makes_up_for_does_no_harm_alone(rules):
    for kind in KINDS:
        model = ProtocolModel(Setting(kind=kind), Budget(attempts=1, disconnects=1, reconnects=1), rules())
        assert explore(model, bound=BOUND).complete
