"""A user's session on the deployed stack, by HTTP alone: opened, refreshed fifty times at once, changed, looked at, ended."""

from __future__ import annotations

import base64
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.e2e.http_api import Answer, Caller, document
from tests.e2e.installation import Installation, new_name

REFRESH, REFRESH_AS_BEFORE = "/v1/auth/refresh-token", "/api/video/auth/refresh-token"
REFRESHES = 50
AT_ONCE = 8
"""Every request more at the same moment has Lambda start one environment more, and all answers have to come within the leeway of 15 seconds."""
PERSON = {"user_id": "137", "role": "PATIENT", "profile": {"email": "user@example.com", "name": "User Name"}}


def claims_of(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    return claims


def refresh(installation: Installation, token: str, path: str = REFRESH) -> Answer:
    """Ask as seed 2's program does."""
    caller = Caller(installation.base_url, token)
    try:
        answer = caller.post(path)
    finally:
        caller.close()
    if answer.status == 200:
        installation.canaries.add(answer.json["access_token"])
    return answer


def refresh_patiently(installation: Installation, token: str, path: str) -> dict[str, Any]:
    """The same; an answer without an envelope is Lambda's own, which had no environment free."""
    for _ in range(20):
        answer = refresh(installation, token, path)
        if answer.status not in (429, 500, 503) or "error" in answer.json:
            break
    refreshed: dict[str, Any] = document(answer)
    return refreshed


def test_a_session_from_its_opening_to_its_logout(installation: Installation) -> None:
    team = installation.team(new_name("clinic"), ("sessions:read", "sessions:write"))
    opened = document(team.caller.post("/v1/sessions", PERSON), 201)
    first, session_id = opened["access_token"], opened["session"]["session_id"]
    installation.canaries.add(first)
    one, own = f"/v1/sessions/{session_id}", f"/api/video/sessions/{session_id}"
    assert claims_of(first)["exp"] - claims_of(first)["iat"] == 4 * 3600

    # Fifty refreshes of one token, many at the same moment: one new token, whoever answers and by whichever path.
    with ThreadPoolExecutor(AT_ONCE) as pool:
        # Environments are started before the leeway begins.
        list(pool.map(team.caller.get, ["/v1/health"] * AT_ONCE))
        paths = [REFRESH, REFRESH_AS_BEFORE] * (REFRESHES // 2)
        answers = list(pool.map(lambda path: refresh_patiently(installation, first, path), paths))
    said = {json.dumps([claims_of(one["access_token"]), one["expires_at"], one["user"]]) for one in answers}
    assert len(said) == 1
    second = answers[0]["access_token"]
    assert claims_of(second)["gen"] == 2
    assert answers[0]["user"] == {
        "user_id": "137",
        "email": "user@example.com",
        "role": "PATIENT",
        "name": "User Name",
    }

    user = Caller(installation.base_url, second)
    state = document(user.get(own))
    assert state == document(user.get(one))
    assert (set(state), state["status"]) == ({"session_id", "status", "ends_at"}, "active")
    assert user.get("/v1/sessions").code == user.get("/v1/connections").code == "UNAUTHORIZED"

    document(team.caller.request("PATCH", one, body={"role": "VISITOR"}))
    third = document(refresh(installation, second))["access_token"]
    assert claims_of(third)["role"] == "VISITOR"
    listed = document(team.caller.get("/v1/sessions", user_id="137", limit=1))
    assert [entry["session_id"] for entry in listed["sessions"]] == [session_id]

    user.token = third
    assert [user.delete(one).status for _ in range(2)] == [204, 204]
    for token in (first, second, third):
        user.token = token
        answers_after = [user.get(one), user.get(own), user.post(REFRESH), user.post(REFRESH_AS_BEFORE)]
        assert {answer.code for answer in answers_after} == {"UNAUTHORIZED"}
    user.close()
    assert document(team.caller.get(one))["ended_because"] == "signed_out"


def test_a_token_that_comes_back_after_its_grandchild_ends_the_session(installation: Installation) -> None:
    team = installation.team(new_name("clinic"), ("sessions:read", "sessions:write"))
    opened = document(team.caller.post("/v1/sessions", PERSON), 201)
    installation.canaries.add(opened["access_token"])
    second = document(refresh(installation, opened["access_token"]))["access_token"]
    third = document(refresh(installation, second))["access_token"]

    assert refresh(installation, opened["access_token"]).code == "UNAUTHORIZED"

    assert refresh(installation, third).code == "UNAUTHORIZED"
    record = document(team.caller.get(f"/v1/sessions/{opened['session']['session_id']}"))
    assert (record["status"], record["ended_because"]) == ("ended", "reuse_detected")
