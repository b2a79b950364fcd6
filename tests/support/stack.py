"""The deployed stack of a test run: one emulator for all workers, brought up by whoever asks first.

The emulator's owner is the process that runs pytest (under xdist the controller), and it ends when that process does, however it
ends. The stack lives under .local/tests and shares nothing with the one of ``make run`` but the build.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest

from local import deploy
from local.emulator import process
from local.stack import HOST, LOCAL, LocalStack
from tests.support.lambda_function import BuiltFunction, load_built_functions

TESTS = LOCAL / "tests"


def find_free_port() -> int:
    """Return a port that nothing listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def get_owner() -> int:
    """Return the pid of the process whose end ends the run: xdist's controller, or this one."""
    return os.getppid() if "PYTEST_XDIST_WORKER" in os.environ else os.getpid()


def sweep() -> None:
    """Remove the stacks of runs that have ended."""
    for directory in TESTS.glob("*-*"):
        try:
            os.kill(int(directory.name.rpartition("-")[2]), 0)
        except ProcessLookupError:
            shutil.rmtree(directory, ignore_errors=True)
        except (PermissionError, ValueError):
            continue


def bring_up(owner: int, name: str = "stack") -> LocalStack:
    """Return the run's stack of this name, deployed; several workers may ask at once."""
    TESTS.mkdir(parents=True, exist_ok=True)
    directory = TESTS / f"{name}-{owner}"
    with (TESTS / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        sweep()
        record = directory / "stack.json"
        if record.exists():
            return _describe(json.loads(record.read_text())["port"], directory)
        directory.mkdir()
        stack = _describe(find_free_port(), directory)
        process.start(stack, owner=owner)
        deploy.ensure_deployed(stack)
        record.write_text(json.dumps({"port": stack.port}))
        return stack


def find_running() -> list[LocalStack]:
    """Return every stack that this run has brought up."""
    records = sorted(TESTS.glob(f"*-{get_owner()}/stack.json"))
    return [_describe(json.loads(record.read_text())["port"], record.parent) for record in records]


def _describe(port: int, directory: Path) -> LocalStack:
    # Tests have no minutes to wait: what lives half a minute is published too, and tenants' schedules come round sooner.
    return LocalStack(
        port=port, directory=directory, minimum_published_lifetime_seconds=30, tenant_minute_seconds=10
    )


@pytest.fixture(scope="session")
def stack() -> Iterator[LocalStack]:
    """The deployed stack. Tests share it: give what you create a name of its own."""
    owner = get_owner()
    brought_up = bring_up(owner)
    yield brought_up
    if owner == os.getpid():
        process.stop(brought_up)
        shutil.rmtree(brought_up.directory, ignore_errors=True)


@pytest.fixture(scope="session")
def aws(stack: LocalStack) -> AwsClients:
    """Clients of the stack, with the rights of its account's root."""
    return AwsClients(stack)


class AwsClients:
    """Makes clients of one stack, for the root or for another identity."""

    def __init__(self, stack: LocalStack) -> None:
        self._stack = stack
        self._clients: dict[str, Any] = {}
        self._physical_ids: dict[str, str] = {}
        self._lock = threading.Lock()

    def client(self, service: Any, session: boto3.Session | None = None) -> Any:
        """Return a client; with a session, of that session's identity. The root's are made once: each takes a twentieth of a second."""
        if session is not None:
            return session.client(service, endpoint_url=self._stack.endpoint)
        with self._lock:
            if service not in self._clients:
                self._clients[service] = deploy.build_session().client(
                    service, endpoint_url=self._stack.endpoint
                )
            return self._clients[service]

    def physical_id(self, logical_id: str) -> str:
        """Return what a resource of the template is called in this stack."""
        if logical_id not in self._physical_ids:
            found = self.client("cloudformation").describe_stack_resources(
                StackName=self._stack.name, LogicalResourceId=logical_id
            )
            self._physical_ids[logical_id] = str(found["StackResources"][0]["PhysicalResourceId"])
        return self._physical_ids[logical_id]

    def assume(self, logical_id: str) -> boto3.Session:
        """Return a session that holds the rights of one of the template's roles."""
        role = self.physical_id(logical_id)
        arn = f"arn:aws:iam::000000000000:role/{role}"
        return self.session_of(
            self.client("sts").assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
        )

    @staticmethod
    def session_of(credentials: Any) -> boto3.Session:
        """Return a session with the credentials that STS gave."""
        return boto3.Session(
            aws_access_key_id=credentials["AccessKeyId"],
            aws_secret_access_key=credentials["SecretAccessKey"],
            aws_session_token=credentials["SessionToken"],
            region_name="us-east-1",
        )


@pytest.fixture(scope="session")
def built_functions(stack: LocalStack, aws: AwsClients) -> dict[str, BuiltFunction]:
    """Every built function with the environment that it has in the stack, and its role's credentials."""
    return load_functions_of(stack, aws)


def load_functions_of(stack: LocalStack, aws: AwsClients) -> dict[str, BuiltFunction]:
    """Return the built functions as a deployed stack would run them."""
    functions = {}
    for name, function in load_built_functions(stack).items():
        configuration = aws.client("lambda").get_function_configuration(
            FunctionName=aws.physical_id(function.name)
        )
        role = aws.assume(function.name.removesuffix("Function") + "Role").get_credentials()
        assert role is not None
        environment = dict(configuration["Environment"]["Variables"]) | {
            "AWS_ENDPOINT_URL": stack.endpoint,
            "AWS_ACCESS_KEY_ID": role.access_key,
            "AWS_SECRET_ACCESS_KEY": role.secret_key,
            "AWS_SESSION_TOKEN": role.token or "",
        }
        functions[name] = replace(function, environment=environment)
    return functions
