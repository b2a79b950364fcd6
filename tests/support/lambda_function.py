"""A built function as AWS would run it: its own code, the layer, and nothing else that this project installed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from local import deploy
from local.stack import LocalStack


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltFunction:
    """One function of the build, with what the template says about how it runs."""

    name: str
    code: Path
    layer: Path
    handler: str
    timeout_seconds: float
    memory_megabytes: int = 512
    environment: Mapping[str, str] = field(default_factory=dict)


class TemplateLoader(yaml.SafeLoader):
    """Reads a CloudFormation template; short intrinsics become the long ones."""


def _intrinsic(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
        if suffix == "GetAtt":
            value = value.split(".")
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        assert isinstance(node, yaml.MappingNode)
        value = loader.construct_mapping(node, deep=True)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


yaml.add_multi_constructor("!", _intrinsic, Loader=TemplateLoader)


def load_template(path: Path) -> dict[str, Any]:
    """Return a template with long-form intrinsics."""
    document: dict[str, Any] = yaml.load(path.read_text(), Loader=TemplateLoader)
    return document


def folder_of(logical_id: str) -> str:
    """Return the folder of a function's code: ``ConnectionsApiFunction`` is in ``connections_api``."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", logical_id.removesuffix("Function")).lower()


def load_built_functions(stack: LocalStack) -> dict[str, BuiltFunction]:
    """Build if need be, and return every function by its folder's name (``scanner``, ``token_reader`` and so on)."""
    deploy.ensure_built(stack)
    resources = load_template(deploy.TEMPLATE)["Resources"]
    return {
        folder_of(logical_id): BuiltFunction(
            name=logical_id,
            code=deploy.BUILD / properties["CodeUri"],
            layer=deploy.BUILD / resources["EvertokenLayer"]["Properties"]["ContentUri"],
            handler=properties.get("Handler", "handler.handler"),
            timeout_seconds=float(properties["Timeout"]),
        )
        for logical_id, resource in resources.items()
        if resource["Type"] == "AWS::Serverless::Function"
        for properties in [resource["Properties"]]
    }
