"""The API's document as a judge of answers: what a status may hold."""

import json
import re
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker

from evertoken.entrypoints.documentation_routes import DOCUMENT


@cache
def read_document() -> dict[str, Any]:
    return json.loads(DOCUMENT.read_text(encoding="utf-8"))


@cache
def find_operation(method: str, path: str) -> tuple[str, dict[str, Any]]:
    """The operation that a request is, as the gateway would find it: paths without parameters come first."""
    paths = read_document()["paths"]
    for template in sorted(paths, key=lambda one: one.count("{")):
        pattern = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(template))
        if re.fullmatch(pattern, path) and method.lower() in paths[template]:
            return template, paths[template][method.lower()]
    raise AssertionError(f"{method} {path} is not documented")


def find_response(operation: dict[str, Any], status: str) -> dict[str, Any] | None:
    """What an operation says of a status, also where it shares that with others."""
    answer = operation["responses"].get(status)
    if answer is None or "$ref" not in answer:
        return answer
    return read_document()["components"]["responses"][answer["$ref"].rpartition("/")[2]]


def check_answer(
    method: str, path: str, status: int, text: str, content_type: str = "application/json"
) -> None:
    """Raise AssertionError when the document does not know this answer."""
    template, operation = find_operation(method, path)
    answer = find_response(operation, str(status))
    assert answer is not None, f"{method} {template} answers {status}, which is not documented: {text[:300]}"
    if "content" not in answer:
        assert text == "", f"{method} {template} {status} has a body that is not documented"
        return
    media_type = content_type.partition(";")[0]
    assert media_type in answer["content"], f"{method} {template} {status} came as {media_type}"
    if media_type != "application/json":
        return
    document = read_document()
    schema = {**answer["content"][media_type]["schema"], "components": document["components"]}
    faults = list(Draft202012Validator(schema, format_checker=FormatChecker()).iter_errors(json.loads(text)))
    assert not faults, f"{method} {template} {status}: {faults[0].message[:300]}"
