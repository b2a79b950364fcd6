"""What the scenarios of the least-privilege tests stand on: the quiet stack, its roles, and a tenant whose keys every function has had in hand."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

from tests.e2e.hints import build_sqs_event
from tests.e2e.http_api import Answer
from tests.e2e.installation import Installation, Team, new_name
from tests.e2e.roles import Roles, logical_id
from tests.e2e.scripted_site import open_site

DONE = "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """The quiet stack, its roles, and a tenant whose keys every function has had in hand."""

    quiet: Installation
    roles: Roles
    team: Team

    def new_team(self) -> Team:
        """A tenant whose data key no function has had in hand."""
        return self.quiet.team(new_name("fresh"))

    def open_site(self, team: Team) -> Any:
        """A provider and a registration that no function has had in hand."""
        return open_site(self.quiet, team.tenant_id)

    def invoke(self, function: str, event: Any) -> Any:
        """Invoke a function; None when it failed as a whole."""
        answer = self.quiet.aws.client("lambda").invoke(
            FunctionName=self.quiet.aws.physical_id(logical_id(function, "Function")),
            Payload=json.dumps(event),
        )
        return None if "FunctionError" in answer else json.loads(answer["Payload"].read())

    def attend(self, body: str, queue: str = "HintQueue") -> str:
        """Hand one message to the refresher; `left` when it wants to have it again."""
        answer = self.invoke("refresher", build_sqs_event(self.quiet, [body], queue))
        return "crashed" if answer is None else "left" if answer["batchItemFailures"] else DONE


def outcome_of(answer: Answer, expected: str = "200") -> str:
    """`done`, or the code of the refusal."""
    return DONE if answer.code == expected else answer.code


Scenario = Callable[[Ground], Generator[None, None, str]]
"""Prepares, yields, then does the one thing that needs the statement and returns how it ended."""


def cold(function: str, act: Callable[[Ground], str]) -> Scenario:
    """The function begins anew, so that what it reads once in its life is read now."""

    def scenario(ground: Ground) -> Generator[None, None, str]:
        yield
        ground.quiet.make_cold(logical_id(function, "Function"))
        return act(ground)

    return scenario


def calling(act: Callable[[Ground], str]) -> Scenario:
    """Nothing has to be prepared."""

    def scenario(ground: Ground) -> Generator[None, None, str]:
        yield
        return act(ground)

    return scenario
