"""Lists of audit entries on the fakes: pages, and whose cursors open what."""

from datetime import timedelta

import pytest

from evertoken.control_ports import AuditFilter
from evertoken.domain.audit import OPERATORS, AuditEntry
from evertoken.domain.errors import InvalidInputError
from evertoken.usecases.cursor import CURSOR_KEY_OWNER, seal_cursor
from evertoken.usecases.list_audit import AuditDependencies, list_audit
from tests.fakes.audit_trail import MemoryAuditTrail
from tests.fakes.clock import BEGIN, FakeClock
from tests.fakes.sealer import FakeSealer

ANY = AuditFilter()


@pytest.fixture
def deps():
    """Five entries of a tenant, and five of the operators."""
    made = AuditDependencies(audit=MemoryAuditTrail(), sealer=FakeSealer(FakeClock()))
    for number in range(5):
        for tenant_id in ("acme", OPERATORS):
            entry = AuditEntry(
                tenant_id=tenant_id,
                entry_id=f"{number:016x}",
                at=BEGIN + timedelta(seconds=number),
                action="schedule.create",
                actor="cli_1",
                target="sch_1",
                status=201,
                code="",
                source_ip="203.0.113.7",
                user_agent="t",
                correlation_id="request-1",
            )
            made.audit.write(entry)
    return made


def test_pages_make_the_whole(deps):
    numbers, cursor = [], None
    while True:
        page = list_audit(deps, "acme", ANY, limit=2, cursor=cursor)
        numbers += [int(one.entry_id, 16) for one in page.entries]
        assert {one.tenant_id for one in page.entries} == {"acme"}
        cursor = page.cursor
        if cursor is None:
            break
    assert numbers == [4, 3, 2, 1, 0]


def test_a_cursor_opens_one_trail_and_no_other(deps):
    cursor = list_audit(deps, "acme", ANY, limit=2, cursor=None).cursor
    for other in (OPERATORS, "other"):
        with pytest.raises(InvalidInputError, match=r"^cursor: "):
            list_audit(deps, other, ANY, limit=2, cursor=cursor)


def test_a_cursor_of_another_list_is_refused(deps):
    foreign = seal_cursor(deps.sealer, CURSOR_KEY_OWNER, "cursor|ledger|acme", "0")
    with pytest.raises(InvalidInputError, match=r"^cursor: "):
        list_audit(deps, "acme", ANY, limit=2, cursor=foreign)


def test_a_cursor_says_nothing_of_where_it_leads(deps):
    cursor = list_audit(deps, "acme", ANY, limit=2, cursor=None).cursor
    assert "2026" not in cursor
    assert "acme" not in cursor


@pytest.mark.parametrize("seconds", [0, -1])
def test_a_time_that_holds_nothing_is_refused_by_name(deps, seconds):
    only = AuditFilter(since=BEGIN, until=BEGIN + timedelta(seconds=seconds))
    with pytest.raises(InvalidInputError, match=r"^until: "):
        list_audit(deps, "acme", only, limit=2, cursor=None)
