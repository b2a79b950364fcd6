"""The JSON Schemas of all models at once, so that each is a component exactly once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, TypeAdapter

from evertoken.entrypoints.openapi.operation import Operation

_TEMPLATE = "#/components/schemas/{model}"
_Name = tuple[str, str]


def schema_ref(model: type[BaseModel]) -> str:
    """Return the reference to a model's component."""
    return _TEMPLATE.format(model=model.__name__)


class ComponentSchemas:
    """The components of *operations* and of *extra* models, and what each operation takes and answers in their terms."""

    def __init__(self, operations: Sequence[Operation], *, extra: Sequence[type[BaseModel]]) -> None:
        named: dict[_Name, Any] = {(model.__name__, ""): model for model in extra}
        for operation in operations:
            if operation.parameters is not None:
                named[operation.key, "query"] = operation.parameters
            if operation.body is not None:
                named[operation.key, "body"] = operation.body
            for status, model in operation.answers.items():
                if model is not None:
                    named[operation.key, str(status)] = model
        found, defs = TypeAdapter.json_schemas(
            [(name, "validation", TypeAdapter(model)) for name, model in named.items()],
            ref_template=_TEMPLATE,
        )
        self._found = {name: _tidy(schema) for (name, _), schema in found.items()}
        components: dict[str, Any] = {name: _tidy(schema) for name, schema in defs["$defs"].items()}
        self._queries = {
            name: components[ref.rpartition("/")[2]]
            for name, schema in self._found.items()
            if name[1] == "query" and (ref := schema.get("$ref", ""))
        }
        for name in {model.__name__ for (_, kind), model in named.items() if kind == "query"}:
            components.pop(name, None)
        self.components = dict(sorted(components.items()))

    def query_of(self, operation: Operation) -> list[dict[str, Any]]:
        """Return the query parameters of an operation; what is optional is left out and never null."""
        schema = self._queries.get((operation.key, "query"))
        if schema is None:
            return []
        return [_parameter(name, one, schema) for name, one in schema.get("properties", {}).items()]

    def body_of(self, operation: Operation) -> dict[str, Any]:
        """Return the schema of an operation's body."""
        schema: dict[str, Any] = self._found[operation.key, "body"]
        return schema

    def answer_of(self, operation: Operation, status: int) -> dict[str, Any] | None:
        """Return the schema of a good answer, or None where there is no body."""
        return self._found.get((operation.key, str(status)))


def _parameter(name: str, property_schema: dict[str, Any], model: dict[str, Any]) -> dict[str, Any]:
    schema = dict(property_schema)
    description = schema.pop("description", None)
    choices = [one for one in schema.get("anyOf", ()) if one != {"type": "null"}]
    if len(choices) == 1:
        del schema["anyOf"]
        schema.update(choices[0])
    elif choices:
        schema["anyOf"] = choices
    parameter: dict[str, Any] = {"name": name, "in": "query", "required": name in model.get("required", ())}
    if description is not None:
        parameter["description"] = description
    return {**parameter, "schema": schema}


def _tidy(schema: Any) -> Any:
    """Return *schema* without titles that only repeat the names of fields, and without defaults that only say: absent."""
    if isinstance(schema, dict):
        return {
            name: _tidy_members(value) if name == "properties" else _tidy(value)
            for name, value in schema.items()
            if name != "title" and not (name == "default" and value in (None, ""))
        }
    return [_tidy(one) for one in schema] if isinstance(schema, list) else schema


def _tidy_members(properties: dict[str, Any]) -> dict[str, Any]:
    return {name: _tidy(value) for name, value in properties.items()}
