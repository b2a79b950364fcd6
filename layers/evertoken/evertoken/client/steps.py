"""Steps: what decides is a generator that yields commands and is sent their answers; these two drivers do what it asks, blocking or not.

The form is that of httpx's `Auth.auth_flow` (httpx 0.28, _auth.py, read 2026-11-21): one text of rules, no input or output in it, no second text for asyncio.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from typing import Any, TypeVar

from evertoken.client.errors import EvertokenClientError

Command = TypeVar("Command")
Result = TypeVar("Result")


def run(steps: Generator[Command, Any, Result], perform: Callable[[Command], Any]) -> Result:
    """Run *steps* to their end; an error of *perform* is raised inside them."""
    try:
        command = next(steps)
        while True:
            try:
                answer = perform(command)
            except EvertokenClientError as error:
                command = steps.throw(error)
            else:
                command = steps.send(answer)
    except StopIteration as end:
        result: Result = end.value
        return result


async def run_async(
    steps: Generator[Command, Any, Result], perform: Callable[[Command], Awaitable[Any]]
) -> Result:
    """Run *steps* to their end; an error of *perform* is raised inside them."""
    try:
        command = next(steps)
        while True:
            try:
                answer = await perform(command)
            except EvertokenClientError as error:
                command = steps.throw(error)
            else:
                command = steps.send(answer)
    except StopIteration as end:
        result: Result = end.value
        return result
