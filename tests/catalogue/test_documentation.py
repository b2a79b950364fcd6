"""docs/providers.md names what the schema has, its examples are good, and docs/catalogue.md shows what is shipped."""

import json
import re
from pathlib import Path

import jsonschema
import pytest

import evertoken
from evertoken.catalogue.loader import find_problems, list_shipped_ids
from tools.catalogue_page import PAGE, build_page

TEXT = (Path(__file__).parents[2] / "docs" / "providers.md").read_text()
SCHEMA = json.loads((Path(evertoken.__file__).parent / "catalogue" / "schema.json").read_text())
EXAMPLES = [json.loads(text) for text in re.findall(r"^```json\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)]


ROWS = re.findall(r"^\| `([^`]+)` \| `([^`]+)` \|", TEXT, re.MULTILINE)
SHARED = {"source": "source", "request": "request", "assertion": "assertion"}


def resolved(node):
    """Return where *node* leads, and the name under which the documentation describes it once for all."""
    reference = node.get("$ref", "").removeprefix("#/$defs/")
    if "/" in reference:
        return SCHEMA["$defs"]["request"]["properties"][reference.rpartition("/")[2]], ""
    return (SCHEMA["$defs"][reference], reference) if reference else (node, "")


def fields(node, path):
    """Yield the path of every field below *node*, with its schema."""
    for name, member in node.get("properties", {}).items():
        yield from field(member, f"{path}.{name}".lstrip("."))
    if isinstance(node.get("additionalProperties"), dict) and "properties" in node["additionalProperties"]:
        yield from field(node["additionalProperties"], f"{path}.<name>")
    if "items" in node:
        items, shared = resolved(node["items"])
        if shared not in SHARED:
            yield from fields(items, f"{path}[]")


def field(member, path):
    target, shared = resolved(member)
    if shared != "source":
        yield path, target
    if shared not in SHARED and not shared.endswith("_request"):
        yield from fields(target, path)


FIELDS = dict(fields(SCHEMA, ""))
for shared in SHARED:
    FIELDS |= dict(fields(SCHEMA["$defs"][shared], shared))
FIELDS["request.url_path"] = SCHEMA["$defs"]["authorization_request"]["properties"]["url_path"]


def words(node):
    """Yield every word of a closed list."""
    if isinstance(node, dict):
        yield from (word for word in node.get("enum", []) if isinstance(word, str))
        for value in node.values():
            yield from words(value)
    elif isinstance(node, list):
        for value in node:
            yield from words(value)


def test_the_documentation_has_a_row_for_every_field_and_no_other():
    assert sorted(name for name, _ in ROWS) == sorted(FIELDS)


@pytest.mark.parametrize(("name", "example"), ROWS, ids=[name for name, _ in ROWS])
def test_the_example_of_every_field_is_good(name, example):
    schema = {**FIELDS[name], "$defs": SCHEMA["$defs"]}
    jsonschema.Draft202012Validator(schema).validate(json.loads(example))


def test_every_word_of_a_closed_list_is_in_the_documentation():
    methods = {"POST", "GET", "DELETE"}
    named = set(re.findall(r"[`\"]([a-zA-Z0-9_]+)[`\"]", TEXT))
    assert set(words(SCHEMA)) - methods - named == set()


@pytest.mark.parametrize("document", EXAMPLES, ids=lambda document: document["name"])
def test_every_example_document_of_the_documentation_is_good(document):
    discovered = (
        {}
        if "endpoints" in document
        else {"endpoints": {"token": "https://a.example.com/t", "authorization": "https://a.example.com/a"}}
    )
    assert find_problems({**document, **discovered}, provider_id="own") == ()


def test_the_page_of_the_catalogue_is_current():
    assert PAGE.read_text() == build_page(), "run: python -m tools.catalogue_page"


def test_every_shipped_entry_is_one_row_of_the_catalogue_with_all_its_columns():
    rows = [line for line in build_page().splitlines() if line.startswith("| `")]
    assert [row.split("`")[1] for row in rows] == list(list_shipped_ids())
    assert {row.count(" | ") for row in rows} == {9}
