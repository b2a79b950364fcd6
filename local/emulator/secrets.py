"""Secrets Manager writes a version once: the fence on which numbered publications rest.

https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_PutSecretValue.html (read 2026-11-21): a ClientRequestToken that
names an existing version answers with that version when the content is the same, and ResourceExistsException when it is not.
The emulator would overwrite the version and drop AWSPREVIOUS. CreateSecret likewise takes its token as the version's id.
"""

# ruff: noqa: SLF001 - the emulator has no public way to these
from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

from local.emulator.patching import get_module, replace, require

MAXIMUM_BYTES = 65_536
CONTENT = ("SecretString", "SecretBinary")


def _size(data: dict[str, Any]) -> int:
    return sum(len(str(data.get(name) or "").encode()) for name in CONTENT)


def _take_labels_from_others(secret: dict[str, Any], version_id: str) -> None:
    """A staging label is on one version at a time; the emulator moves only those that it knows."""
    labels = set(secret["Versions"][version_id]["Stages"])
    for other_id, other in secret["Versions"].items():
        if other_id != version_id:
            other["Stages"] = [label for label in other["Stages"] if label not in labels]


def _write_once(original: Any) -> Any:
    service = get_module("services.secretsmanager")
    responses = get_module("core.responses")
    require(service, "_resolve")
    require(responses, "error_response_json", "json_response")

    def put_secret_value(data: dict[str, Any]) -> Any:
        if _size(data) > MAXIMUM_BYTES:
            message = f"Member must have length less than or equal to {MAXIMUM_BYTES}"
            return responses.error_response_json("ValidationException", message, 400)
        _, secret = service._resolve(data.get("SecretId"))
        token = data.get("ClientRequestToken")
        version = (secret or {}).get("Versions", {}).get(token)
        if version is None or secret.get("DeletedDate"):
            answer = original(data)
            if answer[0] == HTTPStatus.OK:
                _take_labels_from_others(secret, json.loads(answer[2])["VersionId"])
            return answer
        if any(version.get(name) != data.get(name) for name in CONTENT):
            message = f"A version with the ID {token} already exists, and its content differs."
            return responses.error_response_json("ResourceExistsException", message, 400)
        answer = {"ARN": secret["ARN"], "Name": secret["Name"], "VersionId": token}
        return responses.json_response({**answer, "VersionStages": list(version["Stages"])})

    return put_secret_value


def _create_once(original: Any) -> Any:
    service = get_module("services.secretsmanager")
    responses = get_module("core.responses")
    require(service, "_secrets")

    def create_secret(data: dict[str, Any]) -> Any:
        token, secret = data.get("ClientRequestToken"), service._secrets.get(data.get("Name"))
        version = (secret or {}).get("Versions", {}).get(token)
        if version is not None and all(version.get(name) == data.get(name) for name in CONTENT):
            return responses.json_response({"ARN": secret["ARN"], "Name": secret["Name"], "VersionId": token})
        answer = original(data)
        if answer[0] != HTTPStatus.OK or not token:
            return answer
        made = json.loads(answer[2])
        versions = service._secrets[made["Name"]]["Versions"]
        if made.get("VersionId") in versions:
            versions[token] = versions.pop(made["VersionId"])
        return responses.json_response({**made, "VersionId": token})

    return create_secret


def apply() -> None:
    """Refuse a second content under one version id, and a secret that is too long."""
    service = get_module("services.secretsmanager")
    replace(service, "_put_secret_value", _write_once)
    replace(service, "_create_secret", _create_once)
