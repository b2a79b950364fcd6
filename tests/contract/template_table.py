"""The table as template.yaml defines it: keys, indexes and projections are read from the file, so that they cannot drift."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml

TEMPLATE = Path(__file__).parents[2] / "template.yaml"


class _CloudFormationLoader(yaml.SafeLoader):
    """Reads the template and forgets its functions (!Ref, !If …): the table's keys use none."""


_CloudFormationLoader.add_multi_constructor("!", lambda loader, suffix, node: None)


@cache
def read_table() -> dict[str, Any]:
    """Return the properties of the one table."""
    resources = yaml.load(TEMPLATE.read_text(), _CloudFormationLoader)["Resources"]  # a SafeLoader
    table: dict[str, Any]
    (table,) = [one["Properties"] for one in resources.values() if one["Type"] == "AWS::DynamoDB::Table"]
    return table


def create_table(client: Any, name: str) -> None:
    """Make the template's table under *name*."""
    table = read_table()
    client.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=table["AttributeDefinitions"],
        KeySchema=table["KeySchema"],
        GlobalSecondaryIndexes=table["GlobalSecondaryIndexes"],
    )


def projected(index_name: str) -> set[str]:
    """Return every attribute that an entry of this index carries."""
    table = read_table()
    (index,) = [one for one in table["GlobalSecondaryIndexes"] if one["IndexName"] == index_name]
    keys = {key["AttributeName"] for key in (*table["KeySchema"], *index["KeySchema"])}
    return keys | set(index["Projection"]["NonKeyAttributes"])
