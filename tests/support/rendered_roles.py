"""The template's roles as CloudFormation would make them of given parameters, as far as conditions and parameters go."""

from __future__ import annotations

from typing import Any

from local.stack import ROOT
from tests.support.lambda_function import load_template

TEMPLATE = load_template(ROOT / "template.yaml")
NOTHING = object()
"""What AWS::NoValue leaves."""


def statements_of(role: str, **parameters: str | list[str]) -> list[dict[str, Any]]:
    """Return the statements of a role; parameters that are not given have their defaults. What names resources stays as it is written."""
    rendering = _Rendering({**_defaults(), **parameters})
    policies = rendering.render(TEMPLATE["Resources"][role]["Properties"]["Policies"])
    return [statement for policy in policies for statement in policy["PolicyDocument"]["Statement"]]


def _defaults() -> dict[str, str | list[str]]:
    return {
        name: parameter["Default"].split(",")
        if parameter["Type"] == "CommaDelimitedList"
        else parameter["Default"]
        for name, parameter in TEMPLATE["Parameters"].items()
        if "Default" in parameter
    }


class _Rendering:
    def __init__(self, parameters: dict[str, str | list[str]]) -> None:
        self._parameters = parameters

    def render(self, value: Any) -> Any:
        if isinstance(value, list):
            return [one for one in map(self.render, value) if one is not NOTHING]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            [(name, argument)] = value.items()
            if name == "Ref":
                return NOTHING if argument == "AWS::NoValue" else self._parameters.get(argument, value)
            if name == "Fn::If":
                return self.render(
                    argument[1] if self._holds(TEMPLATE["Conditions"][argument[0]]) else argument[2]
                )
            if name == "Fn::Join":
                return argument[0].join(self.render(argument[1]))
            if name == "Fn::Split":
                return self.render(argument[1]).split(argument[0])
        return {
            name: one
            for name, one in ((name, self.render(one)) for name, one in value.items())
            if one is not NOTHING
        }

    def _holds(self, condition: dict[str, Any]) -> bool:
        [(name, argument)] = condition.items()
        match name:
            case "Fn::Equals":
                return bool(self.render(argument[0]) == self.render(argument[1]))
            case "Fn::Not":
                return not self._holds(argument[0])
            case "Fn::And":
                return all(map(self._holds, argument))
            case "Fn::Or":
                return any(map(self._holds, argument))
            case "Condition":
                return self._holds(TEMPLATE["Conditions"][argument])
            case _:
                raise AssertionError(f"a condition of a kind that is not rendered here: {name}")
