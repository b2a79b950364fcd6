"""The routes of schedules, in process: EventBridge Scheduler is moto's, and what it would send is handed to the refresher's own code."""

import json

import boto3
import pytest

from evertoken.entrypoints.openapi.schedules import OPERATIONS, Schedule, ScheduleList
from tests.support.aws_account import SCHEDULE_GROUP

CONNECTION = "con_" + "a" * 26
RECURRING = {"interval_minutes": 60}
DELAYED = {"connection_id": CONNECTION, "delay_minutes": 30}
BOUNDS = {"delay_minutes": 525_600, "interval_minutes": 43_200}


@pytest.fixture
def tenant(plane):
    yield plane.tenant()
    scheduler = boto3.client("scheduler")
    for one in scheduler.list_schedules(GroupName=SCHEDULE_GROUP)["Schedules"]:
        scheduler.delete_schedule(Name=one["Name"], GroupName=SCHEDULE_GROUP)


def make(plane, token, body=RECURRING):
    made = plane.request("POST", "/v1/schedules", token=token, body=body)
    assert made.status == 201, made.text
    return Schedule.model_validate_json(made.text).model_dump()


def entries():
    listed = boto3.client("scheduler").list_schedules(GroupName=SCHEDULE_GROUP)["Schedules"]
    return sorted(one["Name"] for one in listed)


def test_every_route_is_described(plane):
    routes = {key for key in plane.functions["operations_api"].routes if "/v1/schedules" in key}
    assert {operation.key for operation in OPERATIONS} == routes


@pytest.mark.parametrize("body", [RECURRING, DELAYED])
def test_a_schedule_is_made_read_listed_and_cancelled(plane, tenant, body):
    made = make(plane, tenant, body)
    path = f"/v1/schedules/{made['schedule_id']}"
    assert entries() == [made["schedule_id"]]
    read = plane.request("GET", path, token=tenant)
    assert Schedule.model_validate_json(read.text).model_dump() == made
    listed = plane.request("GET", "/v1/schedules", token=tenant)
    assert ScheduleList.model_validate_json(listed.text).model_dump() == {"schedules": [made]}

    cancelled = plane.request("DELETE", path, token=tenant)
    assert (cancelled.status, cancelled.text) == (204, "")
    assert entries() == []
    assert plane.request("GET", path, token=tenant).code == "NOT_FOUND"
    assert plane.request("GET", "/v1/schedules", token=tenant).json == {"schedules": []}
    assert plane.request("DELETE", path, token=tenant).status == 204


def test_the_answer_says_what_was_chosen_where_nothing_was_said(plane, tenant):
    made = plane.request("POST", "/v1/schedules", token=tenant, body=RECURRING)
    assert made.headers["Location"] == f"/v1/schedules/{made.json['schedule_id']}"
    chosen = ("refresh_before_minutes", "attempts", "initial_delay_seconds", "maximum_delay_seconds")
    assert [made.json[name] for name in chosen] == [60, 3, 1.0, 60.0]
    assert (made.json["last_fired_at"], made.json["last_job_id"]) == (None, None)
    assert made.json["next_fires_at"] > made.json["created_at"]


def test_the_tick_names_the_callers_tenant_and_nothing_that_is_secret(plane, tenant):
    made = make(plane, tenant)
    entry = boto3.client("scheduler").get_schedule(Name=made["schedule_id"], GroupName=SCHEDULE_GROUP)
    assert json.loads(entry["Target"]["Input"]) == {
        "version": 1,
        "kind": "tick",
        "tenant_id": "acme",
        "schedule_id": made["schedule_id"],
        "scheduled_time": "<aws.scheduler.scheduled-time>",
    }


@pytest.mark.parametrize("field", ["delay_minutes", "interval_minutes"])
@pytest.mark.parametrize("value", [0, -1, "over", 10**18, 1.5, "60", True, None, [], {}])
def test_a_time_that_is_none_is_refused_by_name(plane, tenant, field, value):
    body = dict(DELAYED) if field == "delay_minutes" else dict(RECURRING)
    body[field] = BOUNDS[field] + 1 if value == "over" else value
    refused = plane.request("POST", "/v1/schedules", token=tenant, body=body)
    assert (refused.status, refused.code) == (400, "BAD_REQUEST")
    assert refused.json["error"]["message"].startswith(f"{field}: ")
    assert entries() == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "delay_minutes"),
        ({"connection_id": CONNECTION}, "delay_minutes"),
        ({"delay_minutes": 5}, "connection_id"),
        ({**DELAYED, "interval_minutes": 5}, "interval_minutes"),
        ({**RECURRING, "connection_id": CONNECTION}, "connection_id"),
        ({**DELAYED, "refresh_before_minutes": 5}, "refresh_before_minutes"),
        ({**RECURRING, "refresh_before_minutes": 0}, "refresh_before_minutes"),
        ({**RECURRING, "tenant_id": "other"}, "tenant_id"),
        ({**RECURRING, "attempts": 0}, "attempts"),
        ({**RECURRING, "attempts": 11}, "attempts"),
        ({**DELAYED, "connection_id": "con_x"}, "connection_id"),
        ({**DELAYED, "connection_id": CONNECTION + "\n"}, "connection_id"),
    ],
)
def test_what_does_not_belong_together_is_refused_by_name(plane, tenant, body, field):
    refused = plane.request("POST", "/v1/schedules", token=tenant, body=body)
    assert (refused.status, refused.code) == (400, "BAD_REQUEST")
    assert refused.json["error"]["message"].startswith(f"{field}: ")
    assert entries() == []


def test_the_bounds_themselves_are_taken(plane, tenant):
    for field, most in BOUNDS.items():
        for minutes in (1, most):
            body = {**(DELAYED if field == "delay_minutes" else {}), field: minutes}
            make(plane, tenant, body)
    assert len(entries()) == 4


@pytest.mark.parametrize("path", ["/v1/schedules", "/v1/schedules/sch_" + "a" * 26])
def test_a_query_is_refused_by_name(plane, tenant, path):
    refused = plane.request("GET", path, token=tenant, query="limit=5")
    assert (refused.status, refused.code) == (400, "BAD_REQUEST")
    assert "limit" in refused.json["error"]["message"]


def test_schedules_need_their_scopes(plane, tenant):
    schedule_id = make(plane, tenant)["schedule_id"]
    reader, neither = plane.tenant(scopes=("connections:read",)), plane.tenant(scopes=("tokens:read",))
    path = f"/v1/schedules/{schedule_id}"
    assert plane.request("GET", path, token=reader).status == 200
    for token in (reader, neither, plane.operator()):
        assert plane.request("POST", "/v1/schedules", token=token, body=RECURRING).code == "FORBIDDEN"
        assert plane.request("DELETE", path, token=token).code == "FORBIDDEN"
    assert plane.request("GET", path, token=neither).code == "FORBIDDEN"
    assert plane.request("GET", "/v1/schedules").code == "UNAUTHORIZED"
    assert entries() == [schedule_id]


@pytest.mark.parametrize("schedule_id", ["mine", "sch_" + "a" * 26, "sch_x", "..%2f", "a" * 500])
def test_foreign_absent_and_impossible_ids_are_answered_alike(plane, tenant, schedule_id):
    if schedule_id == "mine":
        schedule_id = make(plane, tenant)["schedule_id"]
    other = plane.tenant("other")
    answers = [
        plane.request(method, f"/v1/schedules/{schedule_id}", token=other) for method in ("GET", "DELETE")
    ]
    assert [(one.status, one.code) for one in answers] == [(404, "NOT_FOUND")] * 2
    messages = {one.json["error"]["message"] for one in answers}
    assert messages == {
        "No schedule of this tenant has that id, or it has fired. List them with GET /v1/schedules."
    }


def test_a_group_that_is_gone_leaves_no_schedule_behind(plane, tenant):
    scheduler = boto3.client("scheduler")
    scheduler.delete_schedule_group(Name=SCHEDULE_GROUP)
    try:
        failed = plane.request("POST", "/v1/schedules", token=tenant, body=RECURRING)
        assert (failed.status, failed.code) == (500, "INTERNAL")
        assert plane.request("GET", "/v1/schedules", token=tenant).json == {"schedules": []}
    finally:
        scheduler.create_schedule_group(Name=SCHEDULE_GROUP)
