"""IAM as AWS decides it: KMS encryption contexts and aliases, SQS batches, schedule groups, policy variables.

Without this the emulator denies what AWS allows (a condition on an encryption context, a schedule in a group, SendMessageBatch
under ``sqs:SendMessage``) and never fills in variables such as ``${aws:PrincipalTag/tenant}``.
"""

# ruff: noqa: SLF001 - the emulator has no public way to these
from __future__ import annotations

import dataclasses
import json
import re
from typing import Any

from local.emulator.patching import get_module, replace, require

# AWS authorizes a batch as the single action: its API reference lists no permission for a batch of its own.
BATCH_ACTIONS = {
    "sqs:SendMessageBatch": "sqs:SendMessage",
    "sqs:DeleteMessageBatch": "sqs:DeleteMessage",
    "sqs:ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
}
ALIAS_ACTIONS = ("CreateAlias", "DeleteAlias", "UpdateAlias")
# "${*}" and its like stand for the character itself.
LITERALS = {"*": "*", "?": "?", "$": "$"}
# A variable without a value makes its statement match nothing.
UNRESOLVED = "\0unresolved"
_VARIABLE = re.compile(r"\$\{([^}]+)\}")


def _parse_body(body: bytes) -> dict[str, Any]:
    try:
        parsed = json.loads(body or b"{}")
    except ValueError:
        return {}
    return parsed if isinstance(parsed, dict) else {}


def _add_encryption_context(original: Any) -> Any:
    def request_tag_context(service: str, action: str, body: bytes, params: Any) -> dict[str, Any]:
        context: dict[str, Any] = original(service, action, body, params)
        pairs = _parse_body(body).get("EncryptionContext") if service == "kms" else None
        if not pairs:
            return context
        named = {f"kms:EncryptionContext:{key}": value for key, value in pairs.items()}
        return {**context, **named, "kms:EncryptionContextKeys": list(pairs)}

    return request_tag_context


def _name_batch_actions(original: Any) -> Any:
    def extract_iam_action(*arguments: Any, **named: Any) -> str | None:
        action: str | None = original(*arguments, **named)
        return BATCH_ACTIONS.get(action, action) if action else action

    return extract_iam_action


def _find_schedule_group(body: bytes, query: Any) -> str | None:
    group = _parse_body(body).get("GroupName") or (query or {}).get("groupName")
    return group[0] if isinstance(group, list) else group


def _name_resources(original: Any) -> Any:
    kms = get_module("services.kms")
    require(kms, "_resolve_key")

    def extract_resource_arn(
        service: str, method: str, path: str, headers: Any, body: bytes, query: Any, *where: Any
    ) -> str:
        arn = str(original(service, method, path, headers, body, query, *where))
        if service == "scheduler" and ":schedule/default/" in arn:
            group = _find_schedule_group(body, query)
            return arn.replace(":schedule/default/", f":schedule/{group}/") if group else arn
        action = str((headers or {}).get("x-amz-target", "")).rpartition(".")[2]
        if service == "kms" and ":alias/" in arn and action not in ALIAS_ACTIONS:
            key = kms._resolve_key(arn)  # AWS authorizes the key behind an alias
            return str(key["Arn"]) if key else arn
        return arn

    return extract_resource_arn


def _substitute(value: Any, context: Any, resolve: Any) -> Any:
    if isinstance(value, list):
        return [_substitute(part, context, resolve) for part in value]
    if isinstance(value, dict):
        return {key: _substitute(part, context, resolve) for key, part in value.items()}
    if not isinstance(value, str):
        return value

    def fill(match: re.Match[str]) -> str:
        found = LITERALS.get(match[1]) or resolve(match[1], context)
        return found if isinstance(found, str) and found else UNRESOLVED

    return _VARIABLE.sub(fill, value)


def _fill_policy_variables(original: Any) -> Any:
    resolve = get_module("core.iam_evaluator")._resolve_condition_key

    def first_match(context: Any, statements: Any, effect: str) -> Any:
        filled = []
        for statement in statements:
            whole = statement
            parts = {name: getattr(statement, name) for name in ("resources", "not_resources", "conditions")}
            if "${" in repr(parts):
                parts = {name: _substitute(part, context, resolve) for name, part in parts.items()}
                whole = dataclasses.replace(statement, **parts)
            filled.append(whole)
        return original(context, filled, effect)

    return first_match


def apply() -> None:
    """Make the emulator's authorization name actions, resources and conditions as AWS does."""
    actions, evaluator = get_module("core.iam_actions"), get_module("core.iam_evaluator")
    require(evaluator, "_resolve_condition_key")
    replace(actions, "request_tag_context", _add_encryption_context)
    replace(actions, "extract_iam_action", _name_batch_actions)
    replace(actions, "extract_resource_arn", _name_resources)
    replace(evaluator, "_first_match", _fill_policy_variables)
