"""The state of one HTTP request: its transaction and what its ledger entry will say."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from sqlite3 import Connection

from flask import current_app, g

from local.demo_provider.database import Database
from local.demo_provider.grant_store import GrantStore


@dataclass(slots=True, kw_only=True)
class RequestState:
    """`connection` and `grants` are this request's transaction; the rest is collected for the ledger."""

    connection: Connection = field(repr=False)
    grants: GrantStore = field(repr=False)
    now: float
    detail: str = ""
    username: str = ""
    family: str = ""


@contextmanager
def begin_request() -> Iterator[RequestState]:
    """Open the request's one transaction; it is durable once the block ends, before any answer leaves."""
    database: Database = current_app.extensions["database"]
    clock = current_app.extensions["clock"]
    with database.transaction() as connection:
        state = RequestState(connection=connection, grants=GrantStore(connection, clock), now=clock())
        g.request_state = state
        yield state


def get_request_state() -> RequestState:
    """The state opened by `begin_request` around the code that runs now."""
    state: RequestState = g.request_state
    return state
