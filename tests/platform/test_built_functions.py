"""Every built function starts and answers under AWS's own runtime client, where only the layer and boto3 can be imported."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from local.stack import ROOT
from tests.support.lambda_function import BuiltFunction
from tests.support.lambda_sandbox import LambdaSandbox

NAMES = sorted(path.stem for path in (ROOT / "events").glob("*.json"))
PUBLIC = {"auth_api": 200}
UNAUTHENTICATED = 401


def load_event(name: str) -> Any:
    return json.loads((ROOT / "events" / f"{name}.json").read_text())


def test_there_is_an_event_for_every_function(built_functions: dict[str, BuiltFunction]) -> None:
    assert sorted(built_functions) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_built_function_answers_its_event_under_its_own_role(
    name: str, built_functions: dict[str, BuiltFunction]
) -> None:
    with LambdaSandbox(built_functions[name]) as sandbox:
        result = sandbox.invoke(load_event(name))
        again = sandbox.invoke(load_event(name))
    assert result.error_type is None, result.payload
    assert result.was_cold
    assert not again.was_cold
    assert again.error_type is None, again.payload
    if name in ("refresher", "event_relay"):
        assert result.payload == {"batchItemFailures": []}
    elif name == "oauth_callback":
        assert 300 <= result.payload["statusCode"] < 500
    elif name != "scanner":
        assert result.payload["statusCode"] == PUBLIC.get(name, UNAUTHENTICATED), result.payload


def test_the_layer_stays_small_enough(built_functions: dict[str, BuiltFunction]) -> None:
    layer = next(iter(built_functions.values())).layer
    unzipped = sum(path.stat().st_size for path in layer.rglob("*") if path.is_file())
    assert unzipped < 45_000_000


def test_the_layer_holds_bytecode_and_no_boto3(built_functions: dict[str, BuiltFunction]) -> None:
    layer: Path = next(iter(built_functions.values())).layer / "python"
    assert not (layer / "boto3").exists()
    assert not (layer / "botocore").exists()
    assert list((layer / "evertoken" / "__pycache__").glob("*.pyc"))
