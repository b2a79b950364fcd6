"""Publisher, one suite for the strict fake and for Secrets Manager as moto plays it.

moto keeps versions and labels as documented; it writes a version id twice, has no limit of versions and no limit of size. What needs those three is
shown on the strict fake alone, and the adapter's part in it (which errors mean what) on a stubbed client.
"""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from evertoken.adapters.secrets_publisher import SecretsManagerPublisher
from evertoken.domain.connection import ConnectionKey
from evertoken.domain.errors import PublisherUnavailableError
from evertoken.domain.publication import Publication, publish_withdrawal, version_id_of
from tests.contract.store_under_test import moto_account
from tests.fakes.clock import FakeClock
from tests.fakes.publisher import VERSION_LIMIT, FakePublisher, SecretRefusedError

__all__ = ["moto_account"]
_numbers = itertools.count(1)


class Readers:
    """Reads a secret as its readers do, on either side."""

    def __init__(self, publisher: Any) -> None:
        self.publisher = publisher

    def read(self, key: ConnectionKey, label: str = "AWSCURRENT") -> dict[str, Any] | None:
        if isinstance(self.publisher, FakePublisher):
            return self.publisher.read(key, label)
        client = boto3.client("secretsmanager")
        name = self.publisher.secret_name(key)
        try:
            answer = client.get_secret_value(SecretId=name, VersionStage=label)
        except (client.exceptions.ResourceNotFoundException, client.exceptions.InvalidRequestException):
            return None
        content: dict[str, Any] = json.loads(answer["SecretString"])
        return content


@pytest.fixture
def key() -> ConnectionKey:
    return ConnectionKey(tenant_id="tenant-1", connection_id=f"conn-{next(_numbers)}")


@pytest.fixture
def strict() -> FakePublisher:
    return FakePublisher(FakeClock())


@pytest.fixture(params=["fake", "secrets manager"])
def readers(request: pytest.FixtureRequest, strict: FakePublisher) -> Readers:
    if request.param == "fake":
        return Readers(strict)
    request.getfixturevalue("moto_account")
    return Readers(SecretsManagerPublisher(boto3.client("secretsmanager"), prefix="evertoken/test"))


def token(key: ConnectionKey, number: int, content: str = "") -> Publication:
    return Publication(
        key=key, number=number, content=content or json.dumps({"access_token": f"token-{number}"})
    )


def test_a_secret_begins_empty_and_is_created_once(readers: Readers, key: ConnectionKey) -> None:
    for _ in range(2):
        readers.publisher.create_empty(key)
    shown = readers.read(key)
    assert shown is not None
    assert shown["access_token"] is None


def test_creating_it_again_shows_nothing_older(readers: Readers, key: ConnectionKey) -> None:
    readers.publisher.create_empty(key)
    assert readers.publisher.put(token(key, 1))
    readers.publisher.create_empty(key)
    assert readers.read(key) == {"access_token": "token-1"}


def test_a_put_moves_current_and_previous_follows(readers: Readers, key: ConnectionKey) -> None:
    readers.publisher.create_empty(key)
    for number in (1, 2, 3):
        assert readers.publisher.put(token(key, number))
        assert readers.read(key) == {"access_token": f"token-{number}"}
    assert readers.read(key, "AWSPREVIOUS") == {"access_token": "token-2"}


def test_the_same_publication_again_does_nothing(readers: Readers, key: ConnectionKey) -> None:
    readers.publisher.create_empty(key)
    assert readers.publisher.put(token(key, 1))
    assert readers.publisher.put(token(key, 2))
    assert readers.publisher.put(token(key, 2))
    assert readers.read(key) == {"access_token": "token-2"}
    assert readers.read(key, "AWSPREVIOUS") == {"access_token": "token-1"}


def test_a_spent_number_moves_neither_current_nor_previous(readers: Readers, key: ConnectionKey) -> None:
    readers.publisher.create_empty(key)
    readers.publisher.put(token(key, 1))
    readers.publisher.put(token(key, 2))
    readers.publisher.spend(key, 3)
    readers.publisher.spend(key, 3)
    assert readers.read(key) == {"access_token": "token-2"}
    assert readers.read(key, "AWSPREVIOUS") == {"access_token": "token-1"}
    readers.publisher.put(token(key, 4))
    assert readers.read(key) == {"access_token": "token-4"}


def test_two_withdrawals_leave_no_token_behind(readers: Readers, key: ConnectionKey) -> None:
    readers.publisher.create_empty(key)
    readers.publisher.put(token(key, 1))
    for number in (2, 3):
        assert readers.publisher.put(publish_withdrawal(key, number))
    for label in ("AWSCURRENT", "AWSPREVIOUS"):
        shown = readers.read(key, label)
        assert shown is not None
        assert shown["access_token"] is None


def test_a_deleted_secret_is_unreadable_and_deleting_it_again_is_fine(
    readers: Readers, key: ConnectionKey
) -> None:
    readers.publisher.create_empty(key)
    readers.publisher.put(token(key, 1))
    for _ in range(2):
        readers.publisher.delete(key)
    assert readers.read(key) is None
    readers.publisher.delete(replace(key, connection_id="never-there"))


def test_a_version_id_is_of_its_connection_and_number_alone(key: ConnectionKey) -> None:
    ids = {version_id_of(replace(key, connection_id=name), number) for name in "ab" for number in range(20)}
    assert len(ids) == 40
    assert version_id_of(key, 7) == version_id_of(key, 7)
    assert all(32 <= len(one) <= 64 for one in ids), "what ClientRequestToken takes"


# what only the strict fake knows


def test_a_number_that_was_spent_refuses_its_publication(strict: FakePublisher, key: ConnectionKey) -> None:
    strict.create_empty(key)
    strict.put(token(key, 1))
    strict.spend(key, 2)
    assert not strict.put(token(key, 2))
    assert strict.read(key) == {"access_token": "token-1"}


def test_a_number_that_was_put_refuses_other_content_and_takes_being_spent(
    strict: FakePublisher, key: ConnectionKey
) -> None:
    strict.create_empty(key)
    assert strict.put(token(key, 1))
    assert not strict.put(token(key, 1, content='{"access_token":"another"}'))
    strict.spend(key, 1)
    assert strict.read(key) == {"access_token": "token-1"}


def test_a_delayed_put_arrives_after_the_next_one_and_wins_unless_its_number_was_spent(
    strict: FakePublisher, key: ConnectionKey
) -> None:
    strict.create_empty(key)
    for spend in (False, True):
        first, second = (5, 6) if spend else (1, 2)
        strict.delay_next()
        with pytest.raises(PublisherUnavailableError):
            strict.put(token(key, first))
        if spend:
            strict.spend(key, first)
        strict.put(token(key, second))
        strict.land()
        assert strict.read(key) == {"access_token": f"token-{second if spend else first}"}


def test_a_hundred_versions_in_a_day_are_the_end_and_a_day_later_old_ones_go(key: ConnectionKey) -> None:
    clock = FakeClock()
    strict = FakePublisher(clock)
    strict.create_empty(key)
    for number in range(1, VERSION_LIMIT):
        strict.put(token(key, number))
    with pytest.raises(PublisherUnavailableError):
        strict.put(token(key, VERSION_LIMIT))
    clock.advance(86_401)
    assert strict.put(token(key, VERSION_LIMIT))
    assert strict.read(key, "AWSPREVIOUS") == {"access_token": f"token-{VERSION_LIMIT - 1}"}


def test_a_publication_every_fifteen_minutes_never_meets_the_limit(key: ConnectionKey) -> None:
    clock = FakeClock()
    strict = FakePublisher(clock)
    strict.create_empty(key)
    for number in range(1, 500):
        assert strict.put(token(key, number))
        clock.advance(900)


def test_a_value_longer_than_secrets_manager_takes_is_refused(
    strict: FakePublisher, key: ConnectionKey
) -> None:
    strict.create_empty(key)
    assert strict.put(token(key, 1, content="x" * 65_536))
    with pytest.raises(SecretRefusedError):
        strict.put(token(key, 2, content="é" * 32_769))


def test_a_missing_or_deleted_secret_takes_nothing(strict: FakePublisher, key: ConnectionKey) -> None:
    with pytest.raises(SecretRefusedError):
        strict.put(token(key, 1))
    strict.create_empty(key)
    strict.delete(key)
    for call in (lambda: strict.put(token(key, 1)), lambda: strict.create_empty(key)):
        with pytest.raises(SecretRefusedError):
            call()


# the adapter's part


class Refusing:
    """A client that answers every call with one error."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def __getattr__(self, name: str) -> Any:
        def call(**parameters: Any) -> Any:
            raise self._error

        return call


def _adapter(error: Exception) -> SecretsManagerPublisher:
    return SecretsManagerPublisher(Refusing(error), prefix="p")  # type: ignore[arg-type]


def _refusal(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code}}, "PutSecretValue")


def test_an_id_that_exists_with_other_content_means_passed(key: ConnectionKey) -> None:
    adapter = _adapter(_refusal("ResourceExistsException"))
    assert adapter.put(token(key, 1)) is False
    adapter.spend(key, 1)


@pytest.mark.parametrize("code", ["ThrottlingException", "InternalServiceError", "LimitExceededException"])
def test_what_may_pass_is_unavailable(key: ConnectionKey, code: str) -> None:
    for call in (lambda a: a.put(token(key, 1)), lambda a: a.spend(key, 1), lambda a: a.create_empty(key)):
        with pytest.raises(PublisherUnavailableError):
            call(_adapter(_refusal(code)))
    with pytest.raises(PublisherUnavailableError):
        _adapter(ReadTimeoutError(endpoint_url="https://secretsmanager")).put(token(key, 1))


@pytest.mark.parametrize(
    "code", ["AccessDeniedException", "ValidationException", "ResourceNotFoundException"]
)
def test_what_is_wrong_for_good_is_not_taken_for_a_hiccup(key: ConnectionKey, code: str) -> None:
    with pytest.raises(ClientError):
        _adapter(_refusal(code)).put(token(key, 1))
