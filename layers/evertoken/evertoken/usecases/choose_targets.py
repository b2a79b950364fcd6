"""Which connections a job is about: those that were named, or those whose token expires soon; one of each, however often it was named."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from evertoken.domain.connection import Connection, ConnectionStatus
from evertoken.domain.job import MOST_STEPS, JobSelection, JobTarget
from evertoken.ports import Clock, ConnectionFilter, ConnectionStore

DUE_WITHIN_MINUTES = 60
"""What counts as due where the selection does not say: what the statistics call urgent."""
PAGE = 100


def choose_targets(
    store: ConnectionStore, clock: Clock, tenant_id: str, selection: JobSelection
) -> tuple[tuple[JobTarget, ...], bool]:
    """Return the connections of the tenant that *selection* is about, and whether there were more than one job takes.

    An id that does not exist, and an account that nobody has, are targets too: their steps say so. An account that several connections have is as
    many targets. What is due comes by expiry, the nearest first; what is on hold is not due.
    """
    if selection.connection_ids or selection.accounts:
        found = _named(store, tenant_id, selection)
    else:
        found = _due(store, clock, tenant_id, selection)
    targets: dict[tuple[str, ...], JobTarget] = {}
    for target in found:
        identity = (target.connection_id,) if target.connection_id else (target.provider_id, target.account)
        if identity in targets:
            continue
        if len(targets) == MOST_STEPS:
            return tuple(targets.values()), True
        targets[identity] = target
    return tuple(targets.values()), False


def _named(store: ConnectionStore, tenant_id: str, selection: JobSelection) -> Iterator[JobTarget]:
    for connection_id in selection.connection_ids:
        yield JobTarget(connection_id=connection_id)
    if not selection.accounts:
        return
    # No index leads from an account to its connections: one pass over the tenant's list answers for all pairs.
    owners: dict[tuple[str, str], list[str]] = {pair: [] for pair in selection.accounts}
    for row in _list(store, tenant_id, ConnectionFilter()):
        pair = (row.provider_id, row.account)
        if pair in owners:
            owners[pair].append(row.connection_id)
    for (provider_id, account), connection_ids in owners.items():
        for connection_id in connection_ids or [""]:
            yield JobTarget(connection_id=connection_id, provider_id=provider_id, account=account)


def _due(
    store: ConnectionStore, clock: Clock, tenant_id: str, selection: JobSelection
) -> Iterator[JobTarget]:
    minutes = selection.refresh_before_minutes
    within = timedelta(minutes=DUE_WITHIN_MINUTES if minutes is None else minutes)
    only = ConnectionFilter(status=ConnectionStatus.ACTIVE, expires_before=clock.now() + within)
    for row in _list(store, tenant_id, only):
        if not row.on_hold:
            yield JobTarget(connection_id=row.connection_id)


def _list(store: ConnectionStore, tenant_id: str, only: ConnectionFilter) -> Iterator[Connection]:
    position = None
    while True:
        page = store.list_by_tenant(tenant_id, only=only, limit=PAGE, position=position)
        yield from page.connections
        position = page.position
        if position is None:
            return
