"""How often one API client may ask, as callers and operators meet it. A control plane of its own: nothing else may use up the share."""

import io
import json
import logging

import boto3

from tests.support.aws_account import TABLE
from tests.support.control_plane import open_control_plane


def test_one_users_loop_is_slowed_down_and_no_other_session_with_it():
    with open_control_plane(CLIENT_REQUESTS_PER_SECOND="2") as plane:
        backend = plane.tenant("acme", scopes=("sessions:write",))
        looping, other = (
            plane.request("POST", "/v1/sessions", token=backend, body={"user_id": user, "role": "r"}).json[
                "access_token"
            ]
            for user in ("looping", "other")
        )
        refresh = "/v1/auth/refresh-token"
        answers = [plane.request("POST", refresh, token=looping) for _ in range(12)]
        others = plane.request("POST", refresh, token=other)

    assert [answer.status for answer in answers[:4]] == [200] * 4
    limited = [answer for answer in answers if answer.status != 200]
    assert {(answer.code, answer.headers["Retry-After"]) for answer in limited} == {("RATE_LIMITED", "1")}
    assert others.status == 200


def test_a_client_that_asks_too_often_is_told_when_to_come_back_and_the_log_says_who_it_was():
    with open_control_plane(CLIENT_REQUESTS_PER_SECOND="2") as plane:
        token, lines = plane.operator(), io.StringIO()
        for handler in logging.getLogger("auth_api").handlers:
            handler.setStream(lines)
        answers = [
            plane.request("PUT", "/v1/tenants/acme", token=token, body={"name": "Acme"}) for _ in range(12)
        ]
        entries = [
            item
            for item in boto3.client("dynamodb").scan(TableName=TABLE)["Items"]
            if item["pk"]["S"] == "AUDIT#"
        ]

    limited = [answer for answer in answers if answer.status == 429]
    assert [answer.status for answer in answers[:4]] == [200] * 4
    assert limited
    assert {answer.code for answer in limited} == {"RATE_LIMITED"}
    assert {answer.headers["Retry-After"] for answer in limited} == {"1"}
    assert len(entries) == len(answers) - len(limited), "a request that was not let in did nothing"
    logged = [json.loads(line) for line in lines.getvalue().splitlines() if '"RATE_LIMITED"' in line]
    assert len(logged) == len(limited)
    assert "operator" in {value for line in logged for value in line.values() if isinstance(value, str)}
