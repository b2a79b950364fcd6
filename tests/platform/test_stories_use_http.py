"""The tests of the deployed stack see what its users see: nobody looks into the table, or writes there, past the API."""

from __future__ import annotations

import ast

import pytest

from local.stack import ROOT

TABLES = {"dynamodb", "dynamodbstreams"}
ALLOWED = {
    "sinks.py": "reads every sink to search it for what must not be there",
    "test_no_token_in_any_sink.py": "plants what the search has to find",
    "test_least_privilege.py": "shows that a reader's role may not read the table",
    "operating_scenarios.py": "hands the relay the image that the table's stream would have",
}
FILES = sorted((ROOT / "tests" / "e2e").glob("*.py"))


def names_a_table(source: str) -> bool:
    """Whether a program asks for a client of the table, or speaks of it by name."""
    return any(
        isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in TABLES
        for node in ast.walk(ast.parse(source))
    )


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_story_does_not_touch_the_table(path) -> None:
    assert names_a_table(path.read_text()) == (path.name in ALLOWED), ALLOWED.get(path.name, "by HTTP only")


def test_a_story_that_touches_the_table_would_be_seen() -> None:
    assert names_a_table('aws.client("dynamodb").put_item(TableName="t", Item={})')
    assert not names_a_table('team.caller.get("/v1/connections")')
