"""Batches, jobs and refreshes with retry settings over the functions' own wiring, with the refresher at the job queue."""

import json
import threading
import time

import boto3
import pytest
from pydantic import TypeAdapter

from evertoken.entrypoints.openapi.jobs import OPERATIONS
from evertoken.entrypoints.refresher import build_refresher
from tests.support.control_plane import LambdaContext
from tests.support.provider_faults import throttled, unavailable

BATCH = "/v1/connections/refresh"
ANSWERS = {operation.key: operation.answers for operation in OPERATIONS}
UNKNOWN = "con_" + "a" * 26


def check(answer, key):
    """The answer's document, which is exactly what the API's description says."""
    TypeAdapter(ANSWERS[key][answer.status]).validate_json(answer.text, strict=True)
    return answer.json


def batch(plane, token, body):
    answer = plane.request("POST", BATCH, token=token, body=body)
    assert answer.status in (200, 202), answer.text
    return check(answer, f"POST {BATCH}"), answer


def refresh(plane, token, connection_id, body=None):
    path = f"/v1/connections/{connection_id}/refresh"
    return plane.request("POST", path, token=token, body=body)


def job_of(plane, token, job_id):
    answer = plane.request("GET", f"/v1/jobs/{job_id}", token=token)
    assert answer.status == 200, answer.text
    return check(answer, "GET /v1/jobs/{job_id}")


def jobs_of(plane, token, query=""):
    return check(plane.request("GET", "/v1/jobs", token=token, query=query), "GET /v1/jobs")


class Refresher:
    """The refresher, woken by its job queue."""

    def __init__(self, plane):
        self._function = build_refresher({**plane.environ, "FUNCTION_TIMEOUT_SECONDS": "45"})
        self._url = plane.account.job_queue_url
        self._sqs = boto3.client("sqs")

    def take(self):
        """Work on what is visible now; return how many messages there were."""
        messages = self._receive()
        records = [
            {
                "messageId": message["MessageId"],
                "receiptHandle": message["ReceiptHandle"],
                "body": message["Body"],
                "attributes": message["Attributes"],
                "eventSourceARN": "arn:aws:sqs:eu-central-1:123456789012:jobs",
            }
            for message in messages
        ]
        if not records:
            return 0
        done = self._function.handle({"Records": records}, LambdaContext(44.9))
        failed = {one["itemIdentifier"] for one in done["batchItemFailures"]}
        for message in messages:
            if message["MessageId"] not in failed:
                self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
        return len(messages)

    def run(self):
        while self.take():
            pass

    def forget(self):
        """Drop what other tests left in the queue."""
        while messages := self._receive():
            for message in messages:
                self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])

    def _receive(self):
        answer = self._sqs.receive_message(
            QueueUrl=self._url, MaxNumberOfMessages=10, VisibilityTimeout=300, AttributeNames=["All"]
        )
        return answer.get("Messages", [])


@pytest.fixture
def refresher(plane):
    woken = Refresher(plane)
    woken.forget()
    return woken


@pytest.fixture
def connect(plane, provider, tenant):
    """Connections whose token may be refreshed a moment after it was issued."""
    provider.rules.change_profile(access_token_seconds=1)

    def connect(user_id, token=tenant, **changes):
        made = plane.connect(token, user_id=user_id, **changes)
        assert made.status == 200, made.text
        return made.json["connection_id"]

    return connect


def posts(provider):
    return sum(record.grant_type == "refresh_token" for record in provider.ledger.find_requests())


def test_a_batch_is_accepted_done_and_told_of(plane, provider, tenant, refresher, connect):
    first, second = connect("ann"), connect("ben")
    time.sleep(0.3)

    accepted, answer = batch(
        plane, tenant, {"connection_ids": [first, UNKNOWN, second, first], "attempts": 2, "wait_seconds": 0}
    )
    job = accepted["job"]
    assert answer.status == 202
    assert answer.headers["Location"] == f"/v1/jobs/{job['job_id']}"
    assert (job["kind"], job["status"], job["total"]) == ("batch", "waiting", 0)
    assert job_of(plane, tenant, job["job_id"]) == {"job": job, "results": []}
    assert jobs_of(plane, tenant)["counts"] == {"waiting": 1, "active": 0, "completed": 0, "failed": 0}

    refresher.take()
    assert job_of(plane, tenant, job["job_id"])["job"]["status"] == "active"
    assert jobs_of(plane, tenant, "status=active")["jobs"][0]["total"] == 3
    refresher.run()

    ended = job_of(plane, tenant, job["job_id"])
    assert (ended["job"]["status"], ended["job"]["processed"]) == ("failed", 3)
    assert (ended["job"]["succeeded"], ended["job"]["failed"]) == (2, 1)
    one, unknown, other = ended["results"]
    assert (one["connection_id"], one["outcome"], one["provider"]) == (first, "refreshed", "scripted")
    assert one["expires_at"] is not None
    assert (unknown["status"], unknown["code"], unknown["provider"]) == ("failed", "ACCOUNT_NOT_FOUND", None)
    assert other["connection_id"] == second
    assert posts(provider) == 2
    listed = jobs_of(plane, tenant, "status=failed")
    assert [job["job_id"] for job in listed["jobs"]] == [job["job_id"]]
    assert listed["counts"] == {"waiting": 0, "active": 0, "completed": 0, "failed": 1}
    assert jobs_of(plane, tenant, "status=completed")["jobs"] == []


def test_a_batch_that_ends_while_it_is_waited_for_answers_with_its_results(
    plane, provider, tenant, refresher, connect
):
    connection_id = connect("ann", account="shop-1")
    time.sleep(0.3)
    going = threading.Event()

    def work():
        while not going.is_set():
            refresher.run()
            time.sleep(0.05)

    worker = threading.Thread(target=work)
    worker.start()
    accounts = [{"provider": "scripted", "account": "shop-1"}, {"provider": "scripted", "account": "nobody"}]
    try:
        answered, answer = batch(plane, tenant, {"accounts": accounts, "wait_seconds": 15})
    finally:
        going.set()
        worker.join()

    assert answer.status == 200
    assert answered == job_of(plane, tenant, answered["job"]["job_id"])
    found, missing = answered["results"]
    assert (found["connection_id"], found["outcome"]) == (connection_id, "refreshed")
    assert (missing["connection_id"], missing["account"]) == (None, "nobody")
    assert missing["code"] == "ACCOUNT_NOT_FOUND"


def test_a_batch_without_names_is_about_what_expires_soon(plane, provider, tenant, refresher, connect):
    soon = connect("ann")
    provider.rules.change_profile(access_token_seconds=7200)
    later = connect("ben")
    time.sleep(0.3)

    due = batch(plane, tenant, {})[0]["job"]["job_id"]
    wide = batch(plane, tenant, {"refresh_before_minutes": 180})[0]["job"]["job_id"]
    refresher.run()

    assert [one["connection_id"] for one in job_of(plane, tenant, due)["results"]] == [soon]
    named = [one["connection_id"] for one in job_of(plane, tenant, wide)["results"]]
    assert sorted(named) == sorted([soon, later])


def test_what_other_tenants_have_looks_as_if_it_did_not_exist(plane, provider, tenant, refresher, connect):
    theirs_token = plane.tenant("other")
    plane.add_registration("scripted-acme", tenants=["acme", "other"])
    theirs = connect("eve", token=theirs_token, account="shop-9")
    their_job = batch(plane, theirs_token, {"connection_ids": [theirs]})[0]["job"]["job_id"]
    refresher.run()
    time.sleep(0.3)
    before = posts(provider)

    body = {
        "connection_ids": [theirs, UNKNOWN],
        "accounts": [
            {"provider": "scripted", "account": "shop-9"},
            {"provider": "scripted", "account": "shop-0"},
        ],
    }
    job_id = batch(plane, tenant, body)[0]["job"]["job_id"]
    refresher.run()

    shown = job_of(plane, tenant, job_id)["results"]
    blank = [{**one, "connection_id": "", "account": "", "finished_at": ""} for one in shown]
    assert blank[0] == blank[1]
    assert blank[2] == blank[3]
    assert {one["code"] for one in shown} == {"ACCOUNT_NOT_FOUND"}
    assert posts(provider) == before
    foreign = plane.request("GET", f"/v1/jobs/{their_job}", token=tenant)
    absent = plane.request("GET", "/v1/jobs/job_" + "a" * 26, token=tenant)
    assert (foreign.status, absent.status) == (404, 404)
    assert foreign.json["error"]["message"] == absent.json["error"]["message"]
    assert [job["job_id"] for job in jobs_of(plane, tenant)["jobs"]] == [job_id]


def test_a_manual_refresh_without_a_body_answers_as_it_did(plane, provider, tenant, connect):
    connection_id = connect("ann")
    time.sleep(0.3)

    answer = refresh(plane, tenant, connection_id)

    assert answer.status == 200, answer.text
    shown = check(answer, "POST /v1/connections/{connection_id}/refresh")
    assert (shown["outcome"], shown["connection"]["generation"]) == ("refreshed", 2)


def test_a_manual_refresh_whose_attempts_do_not_fit_becomes_a_job(
    plane, provider, tenant, refresher, connect
):
    connection_id = connect("ann")
    time.sleep(0.3)
    provider.script.add(throttled("60"))

    answer = refresh(plane, tenant, connection_id, {"attempts": 3, "initial_delay_seconds": 0.1})

    assert answer.status == 202, answer.text
    job = check(answer, "POST /v1/connections/{connection_id}/refresh")["job"]
    assert answer.headers["Location"] == f"/v1/jobs/{job['job_id']}"
    assert (job["kind"], job["attempts"]) == ("refresh", 3)
    refresher.take()
    refresher.take()
    (result,) = job_of(plane, tenant, job["job_id"])["results"]
    assert (result["status"], result["attempts"], posts(provider)) == ("waiting", 1, 1)
    assert result["next_attempt_at"] is not None
    assert refresher.take() == 0, "the message waits with it"


def test_a_refusal_after_one_attempt_is_an_error_as_it_was(plane, provider, tenant, connect):
    connection_id = connect("ann")
    time.sleep(0.3)
    provider.script.add(unavailable("60"))

    answer = refresh(plane, tenant, connection_id, {"attempts": 1})

    assert (answer.status, answer.code) == (503, "PROVIDER_UNAVAILABLE")
    assert answer.json["error"]["retry_after"] == 60
    assert jobs_of(plane, tenant)["jobs"] == []


def test_a_thousand_ids_are_taken_and_one_more_is_not(plane, tenant):
    names = [f"con_{number:026d}" for number in range(1001)]

    job, _ = batch(plane, tenant, {"connection_ids": names[:1000]})
    refused = plane.request("POST", BATCH, token=tenant, body={"connection_ids": names})
    together = {"connection_ids": names[:600], "accounts": [{"provider": "x", "account": "y"}] * 401}
    both = plane.request("POST", BATCH, token=tenant, body=together)

    assert job_of(plane, tenant, job["job"]["job_id"])["job"]["status"] == "waiting"
    assert (refused.status, both.status) == (400, 400)
    assert "connection_ids" in refused.json["error"]["message"]
    assert "more than 1000" in both.json["error"]["message"]


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"connection_ids": []}, "connection_ids"),
        ({"accounts": []}, "accounts"),
        ({"connection_ids": [""]}, "connection_ids"),
        ({"connection_ids": [7]}, "connection_ids"),
        ({"connection_ids": "con_a"}, "connection_ids"),
        ({"accounts": [{"provider": "x"}]}, "account"),
        ({"accounts": [{"provider": "x", "account": "y", "tenant": "z"}]}, "tenant"),
        ({"tenant_id": "other"}, "tenant_id"),
        ({"attempts": 0}, "attempts"),
        ({"attempts": 11}, "attempts"),
        ({"attempts": True}, "attempts"),
        ({"initial_delay_seconds": -1}, "initial_delay_seconds"),
        ({"initial_delay_seconds": 5, "maximum_delay_seconds": 4}, "maximum_delay_seconds"),
        ({"maximum_delay_seconds": 1e9}, "maximum_delay_seconds"),
        ({"wait_seconds": 21}, "wait_seconds"),
        ({"refresh_before_minutes": -1}, "refresh_before_minutes"),
        ({"refresh_before_minutes": 10**9}, "refresh_before_minutes"),
        ({"refresh_before_minutes": 1, "connection_ids": ["a"]}, "refresh_before_minutes"),
    ],
)
def test_a_bad_batch_is_refused_by_name_and_makes_no_job(plane, tenant, body, named):
    answer = plane.request("POST", BATCH, token=tenant, body=body)

    assert (answer.status, answer.code) == (400, "BAD_REQUEST")
    assert named in answer.json["error"]["message"]
    assert jobs_of(plane, tenant)["jobs"] == []


@pytest.mark.parametrize("body", [{"attempts": 11}, {"maxRetries": 3}, {"wait_seconds": 1}, "[]", "{"])
def test_bad_retry_settings_are_refused_and_nothing_is_asked_of_the_provider(
    plane, provider, tenant, connect, body
):
    connection_id = connect("ann")

    answer = refresh(plane, tenant, connection_id, body)

    assert (answer.status, answer.code) == (400, "BAD_REQUEST")
    assert posts(provider) == 0


def test_a_body_that_is_too_long_is_refused_by_either_route(plane, tenant, connect):
    connection_id = connect("ann")
    many = {"connection_ids": ["x" * 64] * 1000, "accounts": [{"provider": "x", "account": "é" * 256}] * 300}

    one = refresh(plane, tenant, connection_id, json.dumps({"attempts": 1}) + " " * 17_000)
    batch = plane.request("POST", BATCH, token=tenant, body=many)

    assert (one.status, batch.status) == (400, 400)
    assert "longer than 16384 bytes" in one.json["error"]["message"]
    assert "longer than 131072 bytes" in batch.json["error"]["message"]


@pytest.mark.parametrize("query", ["status=done", "status=", "state=active", "status=active&status=failed"])
def test_a_bad_query_of_the_list_is_refused(plane, tenant, query):
    answer = plane.request("GET", "/v1/jobs", token=tenant, query=query)

    assert (answer.status, answer.code) == (400, "BAD_REQUEST")


@pytest.mark.parametrize("job_id", ["job_1", "x", "JOB_" + "a" * 26, "job_" + "a" * 25 + "%23"])
def test_an_id_that_no_job_can_have_is_not_found(plane, tenant, job_id):
    answer = plane.request("GET", f"/v1/jobs/{job_id}", token=tenant)

    assert (answer.status, answer.code) == (404, "NOT_FOUND")


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("POST", BATCH, "connections:read"),
        ("GET", "/v1/jobs", "connections:write"),
        ("GET", "/v1/jobs/job_" + "a" * 26, "tokens:read"),
    ],
)
def test_each_route_has_its_scope_and_operators_have_none(plane, tenant, method, path, scope):
    body = {} if method == "POST" else None
    lesser = plane.request(method, path, token=plane.tenant("acme", scopes=(scope,)), body=body)
    operator = plane.request(method, path, token=plane.operator(), body=body)
    nobody = plane.request(method, path, body=body)

    assert (lesser.status, operator.status, nobody.status) == (403, 403, 401)
