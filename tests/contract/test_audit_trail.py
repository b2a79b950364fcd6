"""AuditTrail, one suite for the fake and for DynamoDB."""

from dataclasses import replace

import pytest

from evertoken.adapters import dynamodb_audit
from evertoken.adapters.dynamodb_audit import DynamoDBAuditTrail
from evertoken.control_ports import AuditFilter
from evertoken.domain.audit import OPERATORS, AuditEntry
from tests.contract.store_under_test import NOW, after, moto_account
from tests.contract.template_table import create_table
from tests.fakes.audit_trail import MemoryAuditTrail

__all__ = ["moto_account"]

ENTRY = AuditEntry(
    tenant_id="acme",
    entry_id="00000000000000aa",
    at=NOW,
    action="connection.disconnect",
    actor="cli_a",
    target="con_1",
    status=409,
    code="CONFLICT",
    source_ip="203.0.113.7",
    user_agent='curl/8 "é" \u2028',
    correlation_id="request-1",
)
ANY = AuditFilter()


@pytest.fixture(params=["fake", "dynamodb"])
def trail(request):
    if request.param == "fake":
        return MemoryAuditTrail()
    client = request.getfixturevalue("moto_account")
    table = f"audit-{request.node.name.replace('[', '-').rstrip(']')}"
    create_table(client, table)
    return DynamoDBAuditTrail(client, table, retention_days=400)


def write_many(trail, count, **changes):
    """Entries a second apart, the last the newest."""
    for number in range(count):
        trail.write(replace(ENTRY, at=after(number), entry_id=f"{number:016x}", **changes))


def read(trail, *, limit=100, tenant_id="acme", only=ANY):
    """Which numbers a list holds, page after page."""
    numbers, position, pages = [], None, 0
    while True:
        page = trail.list(tenant_id, only=only, limit=limit, position=position)
        assert len(page.entries) <= limit
        numbers += [int(one.entry_id, 16) for one in page.entries]
        position, pages = page.position, pages + 1
        assert pages < 100
        if position is None:
            return numbers


def test_an_entry_is_kept_whole(trail):
    trail.write(ENTRY)
    assert trail.list("acme", only=ANY, limit=10, position=None).entries == (ENTRY,)


def test_a_trail_belongs_to_one_tenant_and_the_operators_have_their_own(trail):
    trail.write(ENTRY)
    operators = replace(ENTRY, tenant_id=OPERATORS, entry_id="00000000000000bb")
    trail.write(operators)
    assert read(trail) == [0xAA]
    assert read(trail, tenant_id=OPERATORS) == [0xBB]
    assert read(trail, tenant_id="acm") == []


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 100])
def test_pages_make_the_whole_newest_first_whatever_the_limit(trail, limit):
    write_many(trail, 7)
    assert read(trail, limit=limit) == [6, 5, 4, 3, 2, 1, 0]


def test_entries_of_one_millisecond_are_all_there(trail):
    for number in range(3):
        trail.write(replace(ENTRY, entry_id=f"{number:016x}"))
    assert read(trail, limit=1) == [2, 1, 0]


@pytest.mark.parametrize("limit", [1, 2, 100])
def test_since_is_included_and_until_is_not(trail, limit):
    write_many(trail, 6)
    assert read(trail, limit=limit, only=AuditFilter(since=after(2), until=after(5))) == [4, 3, 2]
    assert read(trail, limit=limit, only=AuditFilter(since=after(4))) == [5, 4]
    assert read(trail, limit=limit, only=AuditFilter(until=after(1))) == [0]
    assert read(trail, limit=limit, only=AuditFilter(since=after(99))) == []


@pytest.mark.parametrize("limit", [1, 2, 100])
def test_a_trail_is_narrowed_by_action_and_target(trail, limit):
    write_many(trail, 3)
    trail.write(replace(ENTRY, at=after(10), entry_id="1" + "0" * 15, action="connection.start"))
    trail.write(replace(ENTRY, at=after(11), entry_id="2" + "0" * 15, target="con_2"))
    started, other = 1 << 60, 2 << 60
    assert read(trail, limit=limit, only=AuditFilter(action="connection.start")) == [started]
    assert read(trail, limit=limit, only=AuditFilter(target="con_2")) == [other]
    only = AuditFilter(action="connection.disconnect", target="con_1", since=after(1))
    assert read(trail, limit=limit, only=only) == [2, 1]


def test_an_older_page_is_not_moved_by_newer_entries(trail):
    write_many(trail, 4)
    first = trail.list("acme", only=ANY, limit=2, position=None)
    trail.write(replace(ENTRY, at=after(99), entry_id="f" * 16))
    second = trail.list("acme", only=ANY, limit=2, position=first.position)
    assert [int(one.entry_id, 16) for one in second.entries] == [1, 0]


def test_a_position_outside_the_asked_time_is_an_end_and_no_error(trail):
    write_many(trail, 4)
    position = trail.list("acme", only=ANY, limit=3, position=None).position
    assert trail.list("acme", only=AuditFilter(since=after(3)), limit=3, position=position).entries == ()


def test_a_rare_action_in_a_long_trail_makes_short_pages_instead_of_a_long_wait(moto_account, monkeypatch):
    create_table(moto_account, "long-trail")
    trail = DynamoDBAuditTrail(moto_account, "long-trail", retention_days=1)
    trail.write(replace(ENTRY, at=after(-1), entry_id="f" * 16, action="rare"))
    write_many(trail, 30)
    monkeypatch.setattr(dynamodb_audit, "_QUERY_LIMIT", 2)
    first = trail.list("acme", only=AuditFilter(action="rare"), limit=10, position=None)
    assert (first.entries, first.position is None) == ((), False)
    assert read(trail, only=AuditFilter(action="rare")) == [int("f" * 16, 16)]


def test_an_entry_ends_when_the_installation_says(moto_account):
    create_table(moto_account, "ending-trail")
    DynamoDBAuditTrail(moto_account, "ending-trail", retention_days=2).write(ENTRY)
    (item,) = moto_account.scan(TableName="ending-trail")["Items"]
    assert int(item["ttl"]["N"]) == int(after(2 * 86_400).timestamp())
