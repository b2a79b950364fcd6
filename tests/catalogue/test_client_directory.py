"""Client registrations made ready, on DynamoDB and Secrets Manager as moto plays them."""

import json
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import boto3
import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError
from moto import mock_aws

from evertoken.adapters.client_directory import KEPT_SECONDS, CachedClientDirectory
from evertoken.adapters.dynamodb_registrations import DynamoDBRegistrations
from evertoken.catalogue.provider_directory import ProviderDirectory
from evertoken.domain.errors import (
    InvalidInputError,
    StoreUnavailableError,
    UnknownProviderError,
    UnknownRegistrationError,
    VaultSealedError,
)
from evertoken.domain.registration import ClientRegistration

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
PREFIX = "evertoken/test"
SHOP = {
    "extends": "oauth2",
    "endpoints": {
        "authorization": "https://{shop}.example.com/authorize",
        "token": "https://{shop}.example.com/token",
    },
    "parameters": {"shop": {"description": "The shop's name."}},
}


class Ticking:
    """A clock that stands until it is moved."""

    def __init__(self):
        self.seconds = 0.0

    def now(self):
        return NOW + timedelta(seconds=self.seconds)

    def monotonic(self):
        return self.seconds

    def sleep(self, seconds):
        self.seconds += seconds


class Documents:
    """Operators' documents in memory."""

    def find(self, provider_id):
        return SHOP if provider_id == "shop" else None


class Counted:
    """A client that counts the calls of each operation, and can be told to fail."""

    def __init__(self, client):
        self._client = client
        self.calls = {}
        self.failure = None

    def __getattr__(self, name):
        real = getattr(self._client, name)

        def call(**arguments):
            self.calls[name] = self.calls.get(name, 0) + 1
            if self.failure is not None:
                raise self.failure
            return real(**arguments)

        return call


class World:
    """Everything that the directory needs, with one registration of Google in it."""

    def __init__(self):
        self.dynamodb = Counted(boto3.client("dynamodb", region_name="eu-central-1"))
        self.secrets = Counted(boto3.client("secretsmanager", region_name="eu-central-1"))
        self.clock = Ticking()
        self.dynamodb.create_table(
            TableName="table",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
            KeySchema=[
                {"AttributeName": "pk", "KeyType": "HASH"},
                {"AttributeName": "sk", "KeyType": "RANGE"},
            ],
        )
        self.registrations = DynamoDBRegistrations(self.dynamodb, table_name="table")
        self.directory = self.another_directory()
        self.register()
        self.write_secret({"client_secret": "s3cret"})

    def another_directory(self):
        return CachedClientDirectory(
            self.registrations,
            ProviderDirectory(Documents()),
            secrets=self.secrets,
            secret_prefix=PREFIX,
            dynamodb=self.dynamodb,
            table_name="table",
            clock=self.clock,
        )

    def register(self, registration_id="reg-1", *, expected_version=None, **changes):
        members = {
            "registration_id": registration_id,
            "provider_id": "google",
            "client_id": "client-1",
            "tenants": ("*",),
            "has_secret": True,
            "version": 1,
            "created_at": NOW,
            "updated_at": NOW,
        }
        registration = ClientRegistration(**{**members, **changes})
        self.registrations.put(
            registration, binding=f"binding-{registration_id}", expected_version=expected_version
        )

    def write_secret(self, content, registration_id="reg-1"):
        text = content if isinstance(content, str) else json.dumps(content)
        self.secrets.create_secret(
            Name=f"{PREFIX}/private/registrations/{registration_id}", SecretString=text
        )


@pytest.fixture
def world(monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        yield World()


def test_a_registration_is_ready_with_its_provider_and_its_secret(world):
    ready = world.directory.get_ready("reg-1")
    assert (ready.provider.provider_id, ready.registration.client_id, ready.client_secret) == (
        "google",
        "client-1",
        "s3cret",
    )
    assert "s3cret" not in repr(ready)


def test_it_is_kept_for_a_minute_and_then_read_again(world):
    for _ in range(3):
        world.directory.get_ready("reg-1")
    assert world.secrets.calls["get_secret_value"] == 1
    world.secrets.put_secret_value(
        SecretId=f"{PREFIX}/private/registrations/reg-1", SecretString=json.dumps({"client_secret": "newer"})
    )
    world.clock.sleep(KEPT_SECONDS - 1)
    assert world.directory.get_ready("reg-1").client_secret == "s3cret"
    world.clock.sleep(1)
    assert world.directory.get_ready("reg-1").client_secret == "newer"


def test_sixteen_threads_read_it_once(world):
    threads = [threading.Thread(target=world.directory.get_ready, args=("reg-1",)) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert world.secrets.calls["get_secret_value"] == 1


def test_templates_are_filled_with_the_registrations_parameters(world):
    world.register("reg-2", provider_id="shop", parameters={"shop": "acme"}, has_secret=False)
    ready = world.directory.get_ready("reg-2")
    assert (ready.provider.token_endpoint, ready.client_secret) == ("https://acme.example.com/token", None)
    world.register("reg-3", provider_id="shop", has_secret=False)
    open_client = world.directory.get_ready("reg-3")
    assert open_client.for_grant({"shop": "acme"}).provider == ready.provider
    with pytest.raises(InvalidInputError, match="needs the parameter shop"):
        open_client.for_grant({})


def test_what_is_unknown_is_said(world):
    with pytest.raises(UnknownRegistrationError):
        world.directory.get_ready("nobody")
    world.register("reg-2", provider_id="nobody")
    with pytest.raises(UnknownProviderError):
        world.directory.get_ready("reg-2")


@pytest.mark.parametrize("content", ["", "CANARY", "[]", "{}", '{"client_secret": 7}'])
def test_a_secret_that_cannot_be_read_names_the_registration_and_nothing_else(world, content):
    world.register("reg-2")
    world.write_secret(content or " ", "reg-2")
    with pytest.raises(VaultSealedError, match="reg-2") as caught:
        world.directory.get_ready("reg-2")
    assert "CANARY" not in str(caught.value)


def test_a_missing_secret_and_a_secrets_manager_that_is_away_are_a_sealed_vault(world):
    world.register("reg-2")
    with pytest.raises(VaultSealedError, match="reg-2"):
        world.directory.get_ready("reg-2")
    for failure in (
        ClientError({"Error": {"Code": "ThrottlingException"}}, "GetSecretValue"),
        ConnectTimeoutError(endpoint_url="https://secretsmanager.example"),
    ):
        world.secrets.failure = failure
        with pytest.raises(VaultSealedError, match="Try again"):
            world.directory.get_ready("reg-1")
    world.secrets.failure = None
    assert world.directory.get_ready("reg-1").client_secret == "s3cret"


def test_a_missing_permission_is_a_mistake_and_no_hiccup(world):
    world.secrets.failure = ClientError({"Error": {"Code": "AccessDeniedException"}}, "GetSecretValue")
    with pytest.raises(ClientError):
        world.directory.get_ready("reg-1")


def test_an_authentication_that_needs_a_missing_secret_is_refused_before_anything_is_leased(world):
    world.register("reg-2", has_secret=False, client_authentication="client_secret_basic")
    with pytest.raises(InvalidInputError, match="client_secret"):
        world.directory.get_ready("reg-2")


def test_of_many_pauses_one_is_the_first_and_the_others_read_again(world):
    other = world.another_directory()
    ready, old = world.directory.get_ready("reg-1"), other.get_ready("reg-1")
    until = NOW + timedelta(minutes=5)
    assert world.directory.pause(ready, until=until, now=NOW)
    assert world.directory.get_ready("reg-1").registration.paused_until == until
    assert not other.pause(old, until=until + timedelta(hours=1), now=NOW)
    assert other.get_ready("reg-1").registration.paused_until == until
    assert world.registrations.find("reg-1").paused_until == until


def test_a_pause_that_is_over_can_be_followed_by_another(world):
    ready = world.directory.get_ready("reg-1")
    assert world.directory.pause(ready, until=NOW + timedelta(minutes=5), now=NOW)
    later = NOW + timedelta(minutes=6)
    assert world.directory.pause(ready, until=later + timedelta(minutes=5), now=later)


def test_a_registration_that_was_corrected_meanwhile_or_is_gone_is_not_paused(world):
    ready = world.directory.get_ready("reg-1")
    world.register(version=2, expected_version=1)
    assert not world.directory.pause(ready, until=NOW + timedelta(minutes=5), now=NOW)
    assert world.directory.get_ready("reg-1").registration.version == 2
    gone = replace(ready, registration=replace(ready.registration, registration_id="gone"))
    assert not world.directory.pause(gone, until=NOW + timedelta(minutes=5), now=NOW)
    assert world.registrations.find("gone") is None


def test_a_table_that_is_away_is_said_to_be(world):
    ready = world.directory.get_ready("reg-1")
    world.dynamodb.failure = ClientError({"Error": {"Code": "ThrottlingException"}}, "UpdateItem")
    with pytest.raises(StoreUnavailableError):
        world.directory.pause(ready, until=NOW + timedelta(minutes=5), now=NOW)
