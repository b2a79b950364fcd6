"""docs/providers.md names what the schema has and what is shipped."""

import json
from pathlib import Path

import pytest

import evertoken
from evertoken.catalogue.loader import list_shipped_ids

TEXT = (Path(__file__).parents[2] / "docs" / "providers.md").read_text()
SCHEMA = json.loads((Path(evertoken.__file__).parent / "catalogue" / "schema.json").read_text())


def names(node):
    """Yield the name of every field and every word of a closed list."""
    if isinstance(node, dict):
        yield from node.get("properties", {})
        yield from (
            word for word in node.get("enum", []) if isinstance(word, str) and node.get("description")
        )
        for value in node.values():
            yield from names(value)
    elif isinstance(node, list):
        for value in node:
            yield from names(value)


@pytest.mark.parametrize("name", sorted(set(names(SCHEMA)) - {"POST", "GET", "DELETE", "never"}))
def test_every_field_and_word_of_the_schema_is_in_the_documentation(name):
    assert f"`{name}`" in TEXT


@pytest.mark.parametrize("provider_id", list_shipped_ids())
def test_every_shipped_entry_is_in_the_table(provider_id):
    assert f"| `{provider_id}` |" in TEXT
