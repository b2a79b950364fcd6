from __future__ import annotations

import boto3
import pytest
from moto import mock_aws

from tests.client.api_world import DocumentedApi
from tests.client.reader_world import Api, Awaiting, Blocking, Clock, Secrets
from tests.support.aws_account import build_session


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def account(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE", "EVERTOKEN_API", "EVERTOKEN_SECRET_PREFIX"):
        monkeypatch.delenv(name, raising=False)
    # The API and the providers of these tests are on loopback, and are real.
    with mock_aws(
        config={"core": {"passthrough": {"urls": [r"http://127\.0\.0\.1.*", r"http://localhost.*"]}}}
    ):
        boto3.DEFAULT_SESSION = build_session()  # moto puts the one before back
        yield


@pytest.fixture
def secrets(account, clock):
    return Secrets(clock)


@pytest.fixture
def api(clock):
    server = Api(clock)
    yield server
    server.close()


@pytest.fixture(params=["blocking", "asyncio"])
def build(request, clock, account):
    """Build readers of either kind; they are closed at the end."""
    kind = Blocking(clock) if request.param == "blocking" else Awaiting(clock)
    built = []

    def build_reader(**given):
        built.append(kind.reader(**given))
        return built[-1]

    yield build_reader
    for reader in built:
        reader.close()
    if kind.is_async:
        kind.loop.run_until_complete(kind.loop.shutdown_default_executor())
        kind.loop.close()


@pytest.fixture
def documented_api():
    server = DocumentedApi()
    yield server
    server.close()
