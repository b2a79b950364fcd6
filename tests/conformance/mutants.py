"""Entries with one wrong fact: a client that believes one must fail at the server that speaks the right one."""

import copy
from dataclasses import dataclass
from typing import Any

from evertoken.catalogue.loader import parse_provider
from evertoken.domain.errors import EvertokenError
from tests.conformance.disturbances import run_disturbances
from tests.conformance.entry_document import Entry
from tests.conformance.error_journey import run_errors
from tests.conformance.expectation import NotConformingError
from tests.conformance.journey import run_journey
from tests.conformance.mutations import MUTATIONS, wrong_error_class
from tests.conformance.mutations_of_time import MUTATIONS_OF_TIME
from tests.conformance.world import Trial

AT_LEAST = 5
"""How many of each entry there must be."""


@dataclass(frozen=True)
class Mutant:
    """A document with one mistake, and its name."""

    name: str
    document: dict[str, Any]


def make_mutants(entry: Entry) -> list[Mutant]:
    """Every mutation that changes what *entry* means and that our schema does not refuse by itself: such a one proves nothing about the simulation."""
    found = []
    for mutation in (*MUTATIONS, *MUTATIONS_OF_TIME):
        document = copy.deepcopy(entry.document)
        if mutation(entry, document) and document != entry.document and _parses(entry, document):
            found.append(Mutant(name=mutation.__name__.replace("_", " "), document=document))
    return found


def survives(entry: Entry, mutant: Mutant) -> bool:
    """Whether a client with the mutant's facts goes through the whole journey unharmed."""
    trial = Trial(entry, mutant.document, over_http=False)
    try:
        run_journey(trial)
        run_disturbances(trial)
        if mutant.name == wrong_error_class.__name__.replace("_", " "):
            run_errors(trial)
    except NotConformingError:
        return False
    return True


def _parses(entry: Entry, document: dict[str, Any]) -> bool:
    try:
        parse_provider(
            {name: value for name, value in document.items() if name != "lifecycle"},
            provider_id=entry.provider_id,
        )
    except EvertokenError:
        return False
    return True
