"""Removes an installation with everything that it made or keeps: `python -m tools.purge --stack-name evertoken --region eu-west-1`.

`sam delete` alone leaves what must not vanish by accident: the table, the data key, the rescue queues, and the secrets that were made at run time. This
removes those as well. Connections should be disconnected first, so that their providers are told; what is still connected is merely forgotten.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import boto3
from botocore.exceptions import ClientError

KEY_WINDOW_DAYS = 7
"""The shortest time after which KMS really deletes a key; until then `aws kms cancel-key-deletion` brings it back."""
RETAINED = {
    "AWS::DynamoDB::Table": "tables",
    "AWS::KMS::Key": "keys",
    "AWS::SQS::Queue": "queues",
}

Clients = Callable[[str], Any]


class PurgeError(Exception):
    """The purge cannot go on; the message says what to do."""


def find_stage(clients: Clients, stack_name: str) -> str:
    """Return the stage of a deployed stack. Raises PurgeError."""
    try:
        stack = clients("cloudformation").describe_stacks(StackName=stack_name)["Stacks"][0]
    except ClientError as error:
        raise PurgeError(f"There is no stack {stack_name} in this region and account.") from error
    stages = [one["ParameterValue"] for one in stack["Parameters"] if one["ParameterKey"] == "Stage"]
    if not stages:
        raise PurgeError(f"The stack {stack_name} has no parameter Stage: it is not Evertoken.")
    return str(stages[0])


def find_retained(clients: Clients, stack_name: str) -> dict[str, list[str]]:
    """Return the physical ids of the stack's tables, keys and queues."""
    found: dict[str, list[str]] = {kind: [] for kind in RETAINED.values()}
    resources = clients("cloudformation").describe_stack_resources(StackName=stack_name)["StackResources"]
    for resource in resources:
        kind = RETAINED.get(resource["ResourceType"])
        if kind is not None and resource.get("PhysicalResourceId"):
            found[kind].append(resource["PhysicalResourceId"])
    return found


def list_secrets(clients: Clients, stage: str) -> Iterator[str]:
    """Yield the names of all secrets of a stage."""
    prefix = f"evertoken/{stage}/"
    pages = (
        clients("secretsmanager")
        .get_paginator("list_secrets")
        .paginate(Filters=[{"Key": "name", "Values": [prefix]}], IncludePlannedDeletion=True)
    )
    for page in pages:
        yield from (one["Name"] for one in page["SecretList"] if one["Name"].startswith(prefix))


def purge(clients: Clients, stack_name: str, say: Callable[[str], None]) -> None:
    """Delete the stack, then what it retains, then its secrets. Repeating an interrupted purge goes on where it stopped, as long as the stack is there.

    Raises:
        PurgeError: the stack is not there, or cannot be deleted.
    """
    stage, retained = find_stage(clients, stack_name), find_retained(clients, stack_name)
    secrets = clients("secretsmanager")
    for name in list(list_secrets(clients, stage)):
        secrets.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
        say(f"secret {name}")
    dynamodb = clients("dynamodb")
    for name in retained["tables"]:
        dynamodb.update_table(TableName=name, DeletionProtectionEnabled=False)
    cloudformation = clients("cloudformation")
    cloudformation.delete_stack(StackName=stack_name)
    try:
        cloudformation.get_waiter("stack_delete_complete").wait(StackName=stack_name)
    except Exception as error:
        raise PurgeError(
            f"CloudFormation could not delete {stack_name}: see its events, then run this again."
        ) from error
    say(f"stack {stack_name}")
    for name in retained["tables"]:
        _ignoring_absent(dynamodb.delete_table, TableName=name)
        say(f"table {name}")
    for url in retained["queues"]:
        _ignoring_absent(clients("sqs").delete_queue, QueueUrl=url)
    for key_id in retained["keys"]:
        _ignoring_absent(
            clients("kms").schedule_key_deletion, KeyId=key_id, PendingWindowInDays=KEY_WINDOW_DAYS
        )
        say(f"key {key_id}, in {KEY_WINDOW_DAYS} days")


def _ignoring_absent(delete: Callable[..., Any], **what: Any) -> None:
    """Delete something that the stack's own deletion may have taken along."""
    try:
        delete(**what)
    except ClientError as error:
        absent = ("NotFoundException", "QueueDoesNotExist", "NonExistentQueue", "KMSInvalidStateException")
        if not str(error.response["Error"]["Code"]).endswith(absent):
            raise


def main(arguments: list[str]) -> int:
    """Ask for the stage's name once more, then purge."""
    parser = argparse.ArgumentParser(prog="python -m tools.purge", description=__doc__)
    parser.add_argument("--stack-name", default="evertoken")
    parser.add_argument("--region", help="else the caller's own default region")
    parser.add_argument("--yes", metavar="STAGE", help="the stage's name, instead of being asked for it")
    options = parser.parse_args(arguments)
    session = boto3.Session(region_name=options.region)
    clients: Clients = cache(session.client)
    try:
        stage = find_stage(clients, options.stack_name)
        print(f"This deletes the stage {stage}: its table with every token, its secrets, its data key.")
        if (options.yes or input(f"Type {stage} to go on: ")) != stage:
            print("Nothing was deleted.")
            return 1
        purge(clients, options.stack_name, lambda what: print(f"deleted {what}"))
    except PurgeError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
