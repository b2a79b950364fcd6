"""At the end of the run: no token, code, secret, session or access token of ours is in any log, queue, item, event or output."""

from __future__ import annotations

import re
import secrets
import time

import pytest

from tests.e2e.conftest import find_finished
from tests.e2e.http_api import document
from tests.e2e.installation import Installation, new_name
from tests.e2e.scripted_site import open_site
from tests.e2e.sinks import Sinks, find_leaks
from tests.support.stack import AwsClients, find_running

REST_OF_THE_RUN_SECONDS = 150
"""The other worker may still be at its last tests; after this, what there is is searched."""
NEVER_PUBLISHED = re.compile(r"canary[0-9a-f]{12}-(refresh|code)-")
"""What the scripted providers call the values that only we may hold."""


@pytest.fixture(scope="module")
def everything_else_is_done(installation: Installation, request: pytest.FixtureRequest) -> None:
    others = {
        item.nodeid
        for item in request.session.items
        if "tests/e2e/" in item.nodeid and "test_no_token_in_any_sink" not in item.nodeid
    }
    deadline = time.monotonic() + REST_OF_THE_RUN_SECONDS
    while not others <= find_finished() and time.monotonic() < deadline:
        time.sleep(0.5)


@pytest.mark.usefixtures("everything_else_is_done")
def test_no_sink_of_any_stack_holds_what_the_tests_of_this_run_have_met(installation: Installation) -> None:
    # So that there is something to look for when this test runs alone.
    team = installation.team(new_name("canary"))
    with open_site(installation, team.tenant_id) as site:
        connected = team.connect(site.provider_id)
        document(team.read(connected["connection_id"]))

    stacks = find_running()
    assert installation.stack in stacks
    # A value that was met at one stack is looked for in all.
    canaries = tuple(
        sorted(
            {
                value
                for stack in stacks
                for value in (stack.directory / "canaries.txt").read_text().splitlines()
            }
        )
    )
    assert len(canaries) >= 8
    for stack in stacks:
        sinks = Sinks(stack=stack, aws=AwsClients(stack))
        texts = sinks.read_all()
        for name, text in texts.items():
            assert text or name == "queues", (
                f"{name} of {stack.directory.name} is empty: nothing was searched"
            )
        assert find_leaks(canaries, texts) == [], stack.directory.name
        for name, content in sinks.read_published():
            assert not NEVER_PUBLISHED.search(content), name


def test_the_search_finds_what_is_planted_in_each_sink(installation: Installation) -> None:
    planted = "planted-" + secrets.token_hex(12)
    aws = installation.aws
    logs = aws.client("logs")
    stream = {"logGroupName": "/evertoken/local/scanner", "logStreamName": planted[:12]}
    logs.create_log_stream(**stream)
    event = {"timestamp": int(time.time() * 1000), "message": f"a token: {planted}"}
    logs.put_log_events(**stream, logEvents=[event])
    queue = aws.client("sqs").create_queue(QueueName=new_name("planted"))["QueueUrl"]
    aws.client("sqs").send_message(QueueUrl=queue, MessageBody=planted)
    table, key = aws.physical_id("Table"), {"pk": {"S": "PLANTED"}, "sk": {"S": "PLANTED"}}
    output = installation.stack.directory / "planted.log"
    output.write_text(planted)
    for value in ({"S": planted}, {"B": planted.encode()}):
        aws.client("dynamodb").put_item(TableName=table, Item={**key, "value": value})
        try:
            texts = Sinks(stack=installation.stack, aws=aws).read_all()
        finally:
            aws.client("dynamodb").delete_item(TableName=table, Key=key)
        found = {name for name, _ in find_leaks((planted,), texts)}
        assert found == set(texts), f"not found in {set(texts) - found}"
    aws.client("sqs").delete_queue(QueueUrl=queue)
    output.unlink()
