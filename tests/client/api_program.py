"""A program that uses the API client, blocking or with asyncio, through one pair of hands; its pauses are noted and not slept."""

from __future__ import annotations

import asyncio
import inspect

from evertoken.client import AsyncEvertokenClient, EvertokenClient
from evertoken.client.retry_policy import RetryPolicy
from tests.client.api_world import CLIENT_ID, CLIENT_SECRET


class Program:
    def __init__(self, kind, base_url, *, retries=2, draw=lambda: 0.5, **options):
        self.pauses = []
        credential = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
        if options.keys() & {"token", "as_role"}:
            credential = {}
        self.is_async = kind is AsyncEvertokenClient
        self.runner = asyncio.Runner() if self.is_async else None
        self.client = kind(
            base_url,
            _policy=RetryPolicy(retries=retries, draw=draw),
            _sleep=self._note_awaited if self.is_async else self.pauses.append,
            **credential,
            **options,
        )

    async def _note_awaited(self, seconds):
        self.pauses.append(seconds)

    def call(self, name, /, *positional, **named):
        group, _, method = name.partition(".")
        made = getattr(getattr(self.client, group), method)(*positional, **named)
        if inspect.iscoroutine(made):
            return self.runner.run(_awaited(made))
        if inspect.isasyncgen(made):
            return self.runner.run(_collected(made))
        return list(made) if inspect.isgenerator(made) else made

    def close(self):
        if self.is_async:
            self.runner.run(self.client.aclose())
            self.runner.close()
        else:
            self.client.close()


async def _awaited(coroutine):
    return await coroutine


async def _collected(iterator):
    return [one async for one in iterator]


KINDS = (EvertokenClient, AsyncEvertokenClient)
