"""What needs each statement that operating connections brought: jobs, schedules, audit, ledgers, events, sessions, revocation."""

from __future__ import annotations

import json
from collections.abc import Generator
from typing import Any

from tests.e2e.http_api import Answer, document
from tests.e2e.installation import Team, new_name
from tests.e2e.privilege_ground import DONE, Ground, Scenario, calling, cold, outcome_of
from tests.support.provider_faults import unavailable

NOBODYS = "/v1/connections/con_" + "a" * 26


def refresh_many(team: Team, **selection: Any) -> str:
    """Ask for a batch and wait for its end."""
    answer = team.caller.post("/v1/connections/refresh", {"wait_seconds": 3, **selection})
    if answer.status not in (200, 202):
        return answer.code
    return DONE if answer.status == 200 else "still waiting"


def refresh_named(ground: Ground) -> str:
    return refresh_many(ground.team, connection_ids=["con_" + "a" * 26])


def refresh_due(ground: Ground) -> Generator[None, None, str]:
    """Of a tenant of its own, which has nothing that is due: what others left behind would be tried for minutes."""
    team = ground.new_team()
    yield
    return refresh_many(team, refresh_before_minutes=1)


def attend_a_tick(ground: Ground) -> Generator[None, None, str]:
    """The tick of a schedule that is gone: it is looked up, and nothing is done."""
    tick = {
        "version": 1,
        "kind": "tick",
        "tenant_id": ground.team.tenant_id,
        "schedule_id": "sch_" + "a" * 26,
        "scheduled_time": "2026-11-21T12:00:00Z",
    }
    yield
    return ground.attend(json.dumps(tick), "JobQueue")


def refresh_beyond_the_request(ground: Ground) -> Generator[None, None, str]:
    """A provider that asks for a long pause: what is left of the attempts becomes a job."""
    with ground.open_site(ground.team) as site:
        site.provider.rules.change_profile(expires_in=0)
        connected = ground.team.connect(site.provider_id, user_id=new_name("user"), policy="lazy")
        site.provider.rules.change_profile(expires_in="as issued")
        site.provider.script.add(unavailable("60"))
        yield
        answer = ground.team.caller.post(
            f"/v1/connections/{connected['connection_id']}/refresh", {"attempts": 2}
        )
        return outcome_of(answer, "202")


def open_session(ground: Ground) -> Answer:
    body = {"user_id": new_name("user"), "role": "GUEST", "profile": {}}
    answer = ground.team.caller.post("/v1/sessions", body)
    if answer.status == 201:
        ground.quiet.canaries.add(answer.json["access_token"])
    return answer


def make_a_tenant(ground: Ground) -> str:
    tenant_id = new_name("made")
    return outcome_of(ground.quiet.operator.put(f"/v1/tenants/{tenant_id}", {"name": tenant_id}))


def open_a_session(ground: Ground) -> str:
    return outcome_of(open_session(ground), "201")


def page_through_sessions(ground: Ground) -> str:
    for _ in range(2):
        if (opened := open_session(ground)).status != 201:
            return opened.code
    return outcome_of(ground.team.caller.get("/v1/sessions", limit="1"))


def change_a_tenant(ground: Ground) -> str:
    tenant_id = new_name("audited")
    answer = ground.quiet.operator.put(f"/v1/tenants/{tenant_id}", {"name": tenant_id, "return_urls": []})
    return is_audited(answer, ground.quiet.operator, f"/v1/tenants/{tenant_id}", "tenant.put", tenant_id)


def put_a_registration(ground: Ground) -> str:
    name = new_name("nobodys")
    answer = ground.quiet.operator.delete(f"/v1/registrations/{name}")
    return is_audited(answer, ground.quiet.operator, "", "registration.delete", name)


def hold_nobodys(ground: Ground) -> str:
    connection_id = "con_" + new_name("").strip("-").translate(str.maketrans("0189", "abcd")).ljust(26, "a")
    answer = ground.team.change(connection_id, on_hold=True)
    return is_audited(answer, ground.team.caller, "", "connection.change", connection_id)


def begin_a_batch(ground: Ground) -> str:
    """What begins a job is audited by its job."""
    answer = ground.team.caller.post("/v1/connections/refresh", {"connection_ids": ["con_" + "a" * 26]})
    if answer.status != 202:
        return answer.code
    job_id = document(answer, 202)["job"]["job_id"]
    return is_audited(answer, ground.team.caller, "", "connections.refresh", job_id)


def is_audited(answer: Answer, caller: Any, _path: str, action: str, target: str) -> str:
    """An action without an entry is done all the same."""
    assert answer.status != 500, "an entry that cannot be kept must not change the answer"
    entries = document(caller.get("/v1/audit", action=action, limit="100"))["entries"]
    return DONE if any(entry["target"] == target for entry in entries) else "no entry"


def list_jobs(ground: Ground) -> str:
    return outcome_of(ground.team.caller.get("/v1/jobs"))


def count(ground: Ground) -> str:
    return outcome_of(ground.team.caller.get("/v1/statistics"))


def look_at_the_audit(ground: Ground) -> str:
    return outcome_of(ground.team.caller.get("/v1/audit"))


def page_through_the_audit(ground: Ground) -> str:
    for _ in range(2):
        ground.team.change("con_" + "a" * 26, on_hold=True)
    return outcome_of(ground.team.caller.get("/v1/audit", limit="1"))


def schedule(ground: Ground) -> str:
    body = {"interval_minutes": 600, "refresh_before_minutes": 1}
    answer = ground.team.caller.post("/v1/schedules", body)
    if answer.status != 201:
        return answer.code
    made = document(answer, 201)
    return outcome_of(ground.team.caller.delete(f"/v1/schedules/{made['schedule_id']}"), "204")


def ask_for_nobodys_ledger(ground: Ground) -> str:
    return outcome_of(ground.team.caller.get(f"{NOBODYS}/ledger"), "ACCOUNT_NOT_FOUND")


def tell(ground: Ground) -> Generator[None, None, str]:
    """A change that the relay is handed: what it must not write stops the batch, which Lambda delivers again."""
    team: Team = ground.team
    with ground.open_site(team) as site:
        connected = team.connect(site.provider_id, user_id=new_name("user"))
        item = ground.quiet.aws.client("dynamodb").get_item(
            TableName=ground.quiet.outputs["TableName"],
            Key={
                "pk": {"S": f"TENANT#{team.tenant_id}"},
                "sk": {"S": f"CONNECTION#{connected['connection_id']}"},
            },
        )["Item"]
    plain = json.loads(json.dumps(item, default=lambda _: ""))
    record = {
        "eventID": new_name("event"),
        "eventName": "INSERT",
        "dynamodb": {
            "Keys": {"pk": item["pk"], "sk": item["sk"]},
            "NewImage": plain,
            "SequenceNumber": "1",
        },
    }
    yield
    answer = ground.invoke("event_relay", {"Records": [record]})
    return "crashed" if answer is None else "left" if answer["batchItemFailures"] else DONE


def read_nobodys(ground: Ground) -> str:
    return outcome_of(ground.team.caller.get(f"{NOBODYS}/token"), "ACCOUNT_NOT_FOUND")


def inspect_nobodys(ground: Ground) -> str:
    return outcome_of(ground.team.caller.get(NOBODYS), "ACCOUNT_NOT_FOUND")


def get_nobodys_registration(ground: Ground) -> str:
    return outcome_of(ground.quiet.operator.get("/v1/registrations/nobodys"), "NOT_FOUND")


NEEDS_OF_OPERATING: dict[str, dict[str, tuple[Scenario, str]]] = {
    "refresher": {
        "KeepJobs": (calling(refresh_named), "still waiting"),
        "SendJobs": (calling(refresh_named), "still waiting"),
        "ListConnections": (refresh_due, "still waiting"),
        "ReadSchedules": (attend_a_tick, "left"),
    },
    "token_reader": {"KnowTheRevoked": (cold("token_reader", read_nobodys), "INTERNAL")},
    "connections_api": {
        "KeepJobs": (refresh_beyond_the_request, "INTERNAL"),
        "SendJobs": (refresh_beyond_the_request, "INTERNAL"),
        "WriteAudit": (calling(hold_nobodys), "no entry"),
        "KnowTheRevoked": (cold("connections_api", inspect_nobodys), "INTERNAL"),
    },
    "registrations_api": {
        "WriteAudit": (calling(put_a_registration), "no entry"),
        "KnowTheRevoked": (cold("registrations_api", get_nobodys_registration), "INTERNAL"),
    },
    "auth_api": {
        "Revoke": (cold("auth_api", make_a_tenant), "INTERNAL"),
        "KeepSessions": (calling(open_a_session), "INTERNAL"),
        "KeepTheCursorKey": (cold("auth_api", page_through_sessions), "VAULT_SEALED"),
        "UseTheCursorKey": (cold("auth_api", page_through_sessions), "VAULT_SEALED"),
        "WriteAudit": (calling(change_a_tenant), "no entry"),
    },
    "operations_api": {
        "ListConnections": (calling(count), "INTERNAL"),
        "KeepJobsAndSchedules": (calling(list_jobs), "INTERNAL"),
        "ReadLedgersAndAudit": (calling(look_at_the_audit), "INTERNAL"),
        "WriteAudit": (calling(begin_a_batch), "no entry"),
        "KnowTheRevoked": (cold("operations_api", ask_for_nobodys_ledger), "INTERNAL"),
        "KeepTheCursorKey": (cold("operations_api", page_through_the_audit), "VAULT_SEALED"),
        "UseTheCursorKey": (cold("operations_api", page_through_the_audit), "VAULT_SEALED"),
        "SendJobs": (calling(begin_a_batch), "INTERNAL"),
        "KeepSchedules": (calling(schedule), "INTERNAL"),
        "ReadSigningKeys": (cold("operations_api", ask_for_nobodys_ledger), "INTERNAL"),
    },
    "event_relay": {
        "WriteLedgers": (tell, "crashed"),
        "SendEvents": (tell, "crashed"),
    },
}
UNENFORCED_OF_OPERATING = {
    ("refresher", "TakeJobs"),
    ("operations_api", "LendTheScheduleRole"),
    ("event_relay", "ReadTheStream"),
    ("event_relay", "FindTheStream"),
    ("event_relay", "KeepWhatCouldNotBeTold"),
}
"""The emulator takes messages and stream records for their mappings by itself, and never looks at iam:PassRole."""
