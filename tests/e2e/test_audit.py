"""The audit trail of the deployed stack, by HTTP: who did what to a connection, and who read which of its tokens."""

from __future__ import annotations

import json
from typing import Any

from tests.e2e.http_api import Caller, document
from tests.e2e.installation import Installation, new_name
from tests.e2e.patience import wait_until
from tests.e2e.scripted_site import open_site

AGENT = 'auditor/1 ("quoted", {})'
FIELDS = {
    "entry_id", "at", "action", "actor", "target", "status", "code", "source_ip", "user_agent", "correlation_id"
}  # fmt: skip


def read_trail(caller: Caller, **query: Any) -> list[dict[str, Any]]:
    """All entries, page after page."""
    entries: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        page = document(caller.get("/v1/audit", limit=3, **query, **cursor))
        entries += page["entries"]
        if page["cursor"] is None:
            return entries
        cursor = {"cursor": page["cursor"]}


def test_the_life_of_a_connection_is_told_and_each_read_of_its_token(installation: Installation) -> None:
    team, stranger = (installation.team(new_name(stem)) for stem in ("audited", "stranger"))
    with open_site(installation, team.tenant_id) as site:
        connection_id = team.connect(site.provider_id)["connection_id"]
        path = f"/v1/connections/{connection_id}"
        token = document(team.read(connection_id))["access_token"]
        headers = {"User-Agent": AGENT, "X-Correlation-Id": "audit-e2e"}
        read = team.caller.request("GET", f"{path}/token", headers=headers)
        assert (read.status, read.headers["X-Correlation-Id"]) == (200, "audit-e2e")
        document(team.change(connection_id, name="mine"))
        document(team.disconnect(connection_id))
        assert stranger.disconnect(connection_id).status == 404

    trail = read_trail(team.caller, connection_id=connection_id)
    assert [(one["action"], one["status"], one["code"]) for one in trail] == [
        ("connection.disconnect", 200, None),
        ("connection.change", 200, None),
        ("connection.complete", 200, None),
        ("connection.start", 201, None),
    ]
    assert all(set(one) == FIELDS for one in trail)
    assert {one["actor"] for one in trail} == {trail[0]["actor"]}
    assert trail[0]["actor"].startswith("cli_")
    assert all(one["source_ip"] and one["user_agent"].startswith("python-httpx/") for one in trail)

    # Another tenant sees what it tried itself, and nothing of this one's; the operators' trail has what they did.
    (tried,) = read_trail(stranger.caller, connection_id=connection_id)
    assert (tried["action"], tried["status"], tried["code"]) == (
        "connection.disconnect",
        404,
        "ACCOUNT_NOT_FOUND",
    )
    first = document(team.caller.get("/v1/audit", limit=1))
    assert stranger.caller.get("/v1/audit", cursor=first["cursor"]).code == "BAD_REQUEST"
    operators = document(installation.operator.get("/v1/audit", action="registration.put", limit=100))
    assert site.registration_id in {one["target"] for one in operators["entries"]}
    assert connection_id not in json.dumps(operators)

    # Each read is a line of the function's log; what was read is nowhere.
    lines = wait_until(
        "the lines of two reads",
        lambda: (
            len(
                found := [
                    json.loads(line)
                    for line in installation.find_log_lines("token_reader", connection_id)
                    if '"message":"request"' in line
                ]
            )
            == 2
            and found
        ),
        seconds=20,
    )
    marked = next(line for line in lines if line["correlation_id"] == "audit-e2e")
    assert {name: marked[name] for name in ("tenant", "connection", "generation", "status")} == {
        "tenant": team.tenant_id,
        "connection": connection_id,
        "generation": "1",
        "status": 200,
    }
    assert marked["client"] == trail[0]["actor"]
    assert marked["user_agent"] == AGENT
    assert marked["source_ip"]
    assert token not in json.dumps([trail, lines])
