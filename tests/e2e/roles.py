"""The functions' roles as they are deployed: read through IAM, and put back without a statement for a while."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.e2e.installation import Installation

FUNCTIONS = (
    "scanner",
    "refresher",
    "oauth_callback",
    "token_reader",
    "connections_api",
    "registrations_api",
    "auth_api",
    "operations_api",
    "event_relay",
)


class Roles:
    """The policies of one stack's roles. For one thread."""

    def __init__(self, installation: Installation) -> None:
        self._iam = installation.aws.client("iam")
        self._removed: dict[str, set[str]] = {function: set() for function in FUNCTIONS}
        self._names = {
            function: installation.aws.physical_id(logical_id(function, "Role")) for function in FUNCTIONS
        }
        self._policies = {function: self._read(function) for function in FUNCTIONS}

    def statements(self, function: str) -> dict[str, dict[str, Any]]:
        """The statements that were deployed for a function, by their Sid."""
        _, document = self._policies[function]
        return {statement["Sid"]: statement for statement in document["Statement"]}

    @contextmanager
    def without(self, function: str, sid: str) -> Iterator[None]:
        """Run the block while the function's role lacks one statement (besides what it lacks already)."""
        assert sid in self.statements(function)
        self._removed[function].add(sid)
        self._write(function)
        try:
            yield
        finally:
            self._removed[function].discard(sid)
            self._write(function)

    def _read(self, function: str) -> tuple[str, dict[str, Any]]:
        role = self._names[function]
        (policy,) = self._iam.list_role_policies(RoleName=role)["PolicyNames"]
        assert self._iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"] == []
        document = self._iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
        return policy, json.loads(document) if isinstance(document, str) else document

    def _write(self, function: str) -> None:
        policy, document = self._policies[function]
        kept = [one for one in document["Statement"] if one["Sid"] not in self._removed[function]]
        self._iam.put_role_policy(
            RoleName=self._names[function],
            PolicyName=policy,
            PolicyDocument=json.dumps({**document, "Statement": kept}),
        )


def logical_id(function: str, kind: str) -> str:
    """The template's name for something of a function's: `token_reader` has a `TokenReaderRole`."""
    return "".join(part.capitalize() for part in function.split("_")) + kind
