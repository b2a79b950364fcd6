"""The route of statistics beside the list of what needs a refresh, in process."""

import pytest

from evertoken.entrypoints.openapi.statistics import Statistics


def read(plane, token, query=""):
    answer = plane.request("GET", "/v1/statistics", token=token, query=query)
    assert answer.status == 200, answer.text
    return Statistics.model_validate_json(answer.text).model_dump()


def connect(plane, token, number, **changes):
    connected = plane.connect(token, user_id=f"user-{number}", account=f"account-{number}", **changes)
    assert connected.status == 200, connected.text
    return connected.json["connection_id"]


def test_a_tenant_without_connections_has_zeros(plane):
    found = read(plane, plane.tenant())
    assert (found["total"], found["needing_refresh"], found["urgent"]) == (0, 0, 0)
    assert found["by_status"] == {"active": 0, "reauthorization_required": 0, "disconnected": 0}
    assert found["refresh_before_minutes"] == 60


def test_statistics_count_the_tenants_connections_and_agree_with_its_list(plane, tenant):
    active, held, gone = (connect(plane, tenant, number) for number in range(3))
    plane.request("PATCH", f"/v1/connections/{held}", token=tenant, body={"on_hold": True})
    plane.request("DELETE", f"/v1/connections/{gone}", token=tenant)
    found = read(plane, tenant, "refresh_before_minutes=525600")
    assert (found["total"], found["on_hold"]) == (3, 1)
    assert found["by_status"] == {"active": 2, "reauthorization_required": 0, "disconnected": 1}
    assert found["with_refresh_token"] == 2
    assert found["needing_refresh"] == 1
    listed = plane.request(
        "GET", "/v1/connections", token=tenant, query="refresh_before_minutes=525600"
    ).json["connections"]
    assert [row["connection_id"] for row in listed] == [active]
    assert read(plane, tenant, "refresh_before_minutes=0")["needing_refresh"] == 0
    assert read(plane, plane.tenant("other"))["total"] == 0


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("refresh_before_minutes=-1", "refresh_before_minutes"),
        ("refresh_before_minutes=525601", "refresh_before_minutes"),
        ("refresh_before_minutes=soon", "refresh_before_minutes"),
        ("refresh_before_minutes=", "refresh_before_minutes"),
        ("tenant_id=other", "tenant_id"),
    ],
)
def test_a_bad_query_is_refused_by_name(plane, query, field):
    refused = plane.request("GET", "/v1/statistics", token=plane.tenant(), query=query)
    assert (refused.status, refused.code) == (400, "BAD_REQUEST")
    assert refused.json["error"]["message"].startswith(f"{field}: ")


def test_statistics_need_their_scope_and_a_tenant(plane):
    other = plane.tenant(scopes=("tokens:read",))
    assert plane.request("GET", "/v1/statistics", token=other).code == "FORBIDDEN"
    assert plane.request("GET", "/v1/statistics", token=plane.operator()).code == "FORBIDDEN"
    assert plane.request("GET", "/v1/statistics").code == "UNAUTHORIZED"
