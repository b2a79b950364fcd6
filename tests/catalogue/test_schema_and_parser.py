"""The schema, for editors, and the parser, which counts, refuse the same; and nothing that stands in a document breaks the parser."""

import copy
import json
import re
import zlib
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given, settings, strategies

import evertoken
from evertoken.catalogue.loader import find_problems, list_shipped_ids, load_document, parse_provider
from evertoken.domain.errors import InvalidInputError
from tests.catalogue.sections import CORE, PARAMETERS, SECTIONS, WHOLE, change

CATALOGUE = Path(evertoken.__file__).parent / "catalogue"
SCHEMA = jsonschema.Draft202012Validator(json.loads((CATALOGUE / "schema.json").read_text()))
SAMPLES = 5
SHARE = 97
ODDITIES = [
    None,
    True,
    7,
    -1,
    1.5,
    "",
    "odd \u0007",
    "unknown",
    [],
    ["odd \u0007"],
    [7],
    {},
    {"odd": 7},
    "x" * 3000,
]


def places(document, path=()):
    """Yield the path of every member and list entry of *document*."""
    items = document.items() if isinstance(document, dict) else enumerate(document)
    for key, value in items:
        yield (*path, key)
        if isinstance(value, dict | list):
            yield from places(value, (*path, key))


def put(document, path, value):
    changed = copy.deepcopy(document)
    place = changed
    for part in path[:-1]:
        place = place[part]
    if value is ...:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return changed


def disagreement(document, changed):
    """Return how the parser and the schema differ about *changed*, or None."""
    by_schema = SCHEMA.is_valid(changed)
    refusal = find_refusal(changed, document["id"])
    # Of all problems, the first is the one that is raised.
    problems = find_problems(changed, provider_id=document["id"])
    assert refusal == (str(problems[0]) if problems else None)
    if by_schema == (refusal is None):
        return None
    return (
        f"the schema admits it, the parser says: {refusal}" if by_schema else "the schema does not admit it"
    )


def find_refusal(document, provider_id):
    try:
        parse_provider(document, provider_id=provider_id)
    except InvalidInputError as error:
        return str(error)
    return None


def is_the_parsers_alone(path, problem):
    """Return whether only the parser can know: what two places say together, what is shipped, and what is completed by discovery."""
    if not problem.startswith("the schema admits it"):
        return False
    return (
        path[0] in ("id", "parameters", "extends")
        or path in (("endpoints",), ("endpoints", "authorization"), ("endpoints", "device_authorization"))
        or path in (("issuer",), ("iss_parameter",), ("grants",), ("account", "member"))
        or "has the placeholder" in problem
    )


@pytest.mark.parametrize("section", [*CORE, *SECTIONS])
def test_the_parser_and_the_schema_refuse_the_same_of_every_field(section):
    document = {**CORE, section: WHOLE[section]}
    assert disagreement(document, document) is None
    differences = []
    for path in ((section,), *(path for path in places(document) if path[0] == section and len(path) > 1)):
        for value in (*ODDITIES, ...):
            problem = disagreement(document, put(document, path, value))
            if problem and not is_the_parsers_alone(path, problem):
                differences.append((path, value, problem))
    assert differences == []


def test_the_parser_and_the_schema_agree_on_parameters():
    document = change(CORE, "endpoints.token", "https://login.example.{region}/{tenant}/token")
    document["endpoints"]["authorization"] = "https://{instance}/authorize"
    document["endpoints"]["revocation"] = "https://{host}/revoke"
    document = {**document, "parameters": PARAMETERS, "answer": {"keeps": ["instance_url"]}}
    assert disagreement(document, document) is None
    for path in places(PARAMETERS, ("parameters",)):
        for value in (*ODDITIES, ...):
            problem = disagreement(document, put(document, path, value))
            assert problem is None or is_the_parsers_alone(path, problem), (path, value)


@pytest.mark.parametrize("provider_id", list_shipped_ids())
def test_the_parser_and_the_schema_refuse_the_same_changes_of_a_shipped_document(provider_id):
    document = load_document(provider_id)
    assert disagreement(document, document) is None
    differences = []
    # All of them would take minutes: which are tried depends on the entry's name, so that together the entries cover the most.
    chosen = zlib.crc32(provider_id.encode())
    every = [(path, value) for path in places(document) for value in (*ODDITIES, ...)]
    for path, value in every[chosen % SHARE :: len(every) // SAMPLES]:
        problem = disagreement(document, put(document, path, value))
        if problem and not is_the_parsers_alone(path, problem):
            differences.append((path, value, problem))
    assert differences == []


def test_an_unknown_member_is_refused_wherever_it_stands():
    free = {"parameters", "headers", "names", "members", "claims"}
    for path in [(), *places(WHOLE)]:
        place = WHOLE
        for part in path:
            place = place[part]
        if not isinstance(place, dict) or (path and path[-1] in free):
            continue
        changed = put(WHOLE, (*path, "surprise"), "x")
        assert not SCHEMA.is_valid(changed)
        with pytest.raises(InvalidInputError, match="surprise is not a field"):
            parse_provider(changed, provider_id="own")


ANY_JSON = strategies.recursive(
    strategies.none()
    | strategies.booleans()
    | strategies.integers()
    | strategies.floats()
    | strategies.text(),
    lambda inner: (
        strategies.lists(inner, max_size=4) | strategies.dictionaries(strategies.text(), inner, max_size=4)
    ),
    max_leaves=8,
)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(value=ANY_JSON, place=strategies.sampled_from([(), *places(WHOLE)]))
def test_whatever_stands_anywhere_a_document_is_read_or_refused_and_nothing_else_happens(value, place):
    changed = put(WHOLE, place, value) if place else value
    problems = find_problems(changed, provider_id="own")
    if problems:
        with pytest.raises(InvalidInputError, match=re.escape(str(problems[0]))):
            parse_provider(changed, provider_id="own")
    else:
        assert parse_provider(changed, provider_id="own").provider_id == "own"
