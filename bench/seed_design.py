"""The design that this product replaces, as its description has it: a job queue (BullMQ on Redis) with three concurrent workers.

Its steps for one token, in its own order: take a job, read the channel with its credentials from the database, POST to the provider,
write the new credentials to the channel's row, finish the job. BullMQ needs Redis and Node.js, which this repository does not use, so
the design is modelled in Python, in its favour: taking and finishing a job cost nothing, a database call takes exactly as long as an AWS call
beside it, there is no ORM, no encryption, no lease and no second copy to publish.
"""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from collections.abc import Callable
from http.client import HTTPConnection
from urllib.parse import urlencode, urlsplit

from bench.provider_process import CLIENT_ID, CLIENT_SECRET, RunningProvider
from bench.refreshing import BenchError

WORKERS = 3


def run_seed_design(provider: RunningProvider, *, jobs: int, latency_seconds: float) -> None:
    """Refresh *jobs* tokens. Raises BenchError: one was not refreshed."""
    waiting = deque(range(jobs))
    channels = dict.fromkeys(range(jobs), "{}")
    threads = [
        threading.Thread(target=_work, args=(waiting, channels, provider, latency_seconds))
        for _ in range(WORKERS)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if not all("access_token" in json.loads(meta) for meta in channels.values()):
        raise BenchError("A job of the queue's design did not end.")


def _work(
    waiting: deque[int], channels: dict[int, str], provider: RunningProvider, latency_seconds: float
) -> None:
    parts = urlsplit(provider.token_endpoint)
    assert parts.hostname is not None
    connection = HTTPConnection(parts.hostname, parts.port)
    database: Callable[[], None] = lambda: time.sleep(latency_seconds)  # noqa: E731  # one call of either kind
    while waiting:
        try:
            job = waiting.popleft()
        except IndexError:
            break
        database()
        form = {
            "grant_type": "refresh_token",
            "refresh_token": provider.refresh_tokens[job % len(provider.refresh_tokens)],
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
        }
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        connection.request("POST", parts.path, urlencode(form), headers)
        answer = json.loads(connection.getresponse().read())
        database()
        channels[job] = json.dumps(
            {"access_token": answer["access_token"], "expires_in": answer["expires_in"]}
        )
    connection.close()
