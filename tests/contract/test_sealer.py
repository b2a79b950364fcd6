"""TokenSealer, one suite for the fake and for the envelope under KMS (as moto plays it), and what only the envelope has."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError

from evertoken.adapters import envelope_sealer
from evertoken.adapters.envelope_sealer import CACHE_SECONDS, EnvelopeSealer
from evertoken.domain.connection import Sealed
from evertoken.domain.errors import VaultSealedError
from evertoken.ports import TokenSealer
from tests.contract.store_under_test import moto_account
from tests.contract.template_table import create_table
from tests.fakes.clock import FakeClock
from tests.fakes.sealer import FakeSealer

__all__ = ["moto_account"]
_numbers = itertools.count(1)
Build = Callable[[], TokenSealer]


class Counted:
    """A boto client whose calls are counted, and can be made to fail."""

    def __init__(self, client: Any, calls: Counter[str]) -> None:
        self._client = client
        self._calls = calls
        self.failure: Exception | None = None

    def __getattr__(self, name: str) -> Any:
        def call(**parameters: Any) -> Any:
            self._calls[name] += 1
            if self.failure is not None:
                raise self.failure
            return getattr(self._client, name)(**parameters)

        return call


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def calls() -> Counter[str]:
    return Counter()


@pytest.fixture
def environment(moto_account: Any, clock: FakeClock, calls: Counter[str]) -> Callable[[], EnvelopeSealer]:
    """Builds sealers of new processes on one table and key."""
    table = f"sealer-{next(_numbers)}"
    create_table(moto_account, table)
    key_id = boto3.client("kms").create_key()["KeyMetadata"]["KeyId"]

    def build() -> EnvelopeSealer:
        kms, dynamodb = Counted(boto3.client("kms"), calls), Counted(moto_account, calls)
        return EnvelopeSealer(kms, dynamodb, table_name=table, key_id=key_id, clock=clock)  # type: ignore[arg-type]

    return build


@pytest.fixture(params=["fake", "envelope"])
def sealer(request: pytest.FixtureRequest, clock: FakeClock) -> TokenSealer:
    if request.param == "fake":
        return FakeSealer(clock)
    built: TokenSealer = request.getfixturevalue("environment")()
    return built


def test_what_was_sealed_opens_by_the_same_name(sealer: TokenSealer) -> None:
    sealer.make_ready("tenant-1")
    sealed = sealer.seal("tenant-1", "token-set|c|1|1", b"secret \x00\xff")
    assert sealer.open("tenant-1", "token-set|c|1|1", sealed) == b"secret \x00\xff"
    assert b"secret" not in sealed.ciphertext
    assert "secret" not in repr(sealed)
    assert sealed.key_id == "2026-11"


@pytest.mark.parametrize(
    ("tenant_id", "purpose"),
    [
        ("tenant-2", "token-set|c|1|1"),
        ("tenant-1", "token-set|d|1|1"),
        ("tenant-1", "token-set|c|2|1"),
        ("tenant-1", ""),
    ],
)
def test_what_was_moved_to_another_name_does_not_open(
    sealer: TokenSealer, tenant_id: str, purpose: str
) -> None:
    for tenant in ("tenant-1", "tenant-2"):
        sealer.make_ready(tenant)
    sealed = sealer.seal("tenant-1", "token-set|c|1|1", b"secret")
    with pytest.raises(VaultSealedError):
        sealer.open(tenant_id, purpose, sealed)


def test_a_single_changed_bit_does_not_open(sealer: TokenSealer) -> None:
    sealed = sealer.seal("tenant-1", "p", b"secret")
    for position in range(len(sealed.ciphertext)):
        changed = bytearray(sealed.ciphertext)
        changed[position] ^= 1
        with pytest.raises(VaultSealedError):
            sealer.open("tenant-1", "p", replace(sealed, ciphertext=bytes(changed)))


@pytest.mark.parametrize("ciphertext", [b"", b"\x01", b"\x01" + b"n" * 12, b"\x01" + b"n" * 20])
def test_a_damaged_ciphertext_is_a_typed_error(sealer: TokenSealer, ciphertext: bytes) -> None:
    sealer.make_ready("tenant-1")
    with pytest.raises(VaultSealedError):
        sealer.open("tenant-1", "p", Sealed(key_id="2026-11", ciphertext=ciphertext))


# the envelope


@pytest.mark.parametrize("key_id", ["", "2026-1", "2026-11\n", "x" * 1400, "2026-11#", "\u0662026-11"])
def test_a_key_that_can_be_nobodys_is_asked_of_nobody(
    environment: Callable[[], EnvelopeSealer], calls: Counter[str], key_id: str
) -> None:
    with pytest.raises(VaultSealedError):
        environment().open("tenant-1", "p", Sealed(key_id=key_id, ciphertext=b"\x01" + b"n" * 40))
    assert calls.total() == 0


def test_another_process_opens_what_one_sealed(environment: Callable[[], EnvelopeSealer]) -> None:
    sealed = environment().seal("tenant-1", "p", b"secret")
    assert environment().open("tenant-1", "p", sealed) == b"secret"


def test_two_tenants_have_two_keys_and_the_key_is_bound_to_the_tenant(
    environment: Callable[[], EnvelopeSealer], moto_account: Any
) -> None:
    sealer = environment()
    one, two = (sealer.seal(tenant, "p", b"secret") for tenant in ("tenant-1", "tenant-2"))
    assert one.ciphertext != two.ciphertext
    table = sealer._table
    items = moto_account.scan(TableName=table)["Items"]
    wrapped = {item["pk"]["S"]: item["wrapped"]["B"] for item in items}
    assert set(wrapped) == {"TENANT#tenant-1", "TENANT#tenant-2"}
    with pytest.raises(ClientError):
        boto3.client("kms").decrypt(
            CiphertextBlob=wrapped["TENANT#tenant-1"], EncryptionContext={"tenant": "tenant-2"}
        )


def test_the_key_is_fetched_once_in_five_minutes(
    environment: Callable[[], EnvelopeSealer], clock: FakeClock, calls: Counter[str]
) -> None:
    sealer = environment()
    sealer.make_ready("tenant-1")
    before = calls["decrypt"]
    for _ in range(10):
        sealer.make_ready("tenant-1", "2026-11")
        sealer.open("tenant-1", "p", sealer.seal("tenant-1", "p", b"secret"))
    assert calls["decrypt"] == before == 1
    clock.advance(CACHE_SECONDS)
    sealer.make_ready("tenant-1")
    assert calls["decrypt"] == 2


def test_nothing_is_fetched_for_a_whole_invocation_after_it_was_made_ready(
    environment: Callable[[], EnvelopeSealer], clock: FakeClock, calls: Counter[str]
) -> None:
    sealer = environment()
    sealed = sealer.seal("tenant-1", "p", b"secret")
    for age in range(0, 330, 7):
        clock.advance(7 if age else 0)
        sealer.make_ready("tenant-1", sealed.key_id)
        before = calls.total()
        clock.advance(45)
        sealer.open("tenant-1", "p", sealed)
        sealer.seal("tenant-1", "p", b"next")
        assert calls.total() == before, f"something was fetched between make_ready and seal, {age} s in"


def test_the_turn_of_the_month_between_ready_and_seal_fetches_nothing(
    environment: Callable[[], EnvelopeSealer], clock: FakeClock, calls: Counter[str]
) -> None:
    sealer = environment()
    clock.advance_to(datetime(2026, 11, 30, 23, 59, 50, tzinfo=UTC))
    sealer.make_ready("tenant-1")
    before = calls.total()
    clock.advance(20)
    late = sealer.seal("tenant-1", "p", b"secret")
    assert (late.key_id, calls.total()) == ("2026-11", before)
    sealer.make_ready("tenant-1", late.key_id)
    assert sealer.seal("tenant-1", "p", b"secret").key_id == "2026-12"
    assert sealer.open("tenant-1", "p", late) == b"secret"


def test_another_tenants_key_never_pushes_out_one_that_was_just_made_ready(
    environment: Callable[[], EnvelopeSealer],
    calls: Counter[str],
    monkeypatch: pytest.MonkeyPatch,
    clock: FakeClock,
) -> None:
    monkeypatch.setattr(envelope_sealer, "CACHE_LIMIT", 3)
    sealer = environment()
    for number in range(3):
        sealer.make_ready(f"tenant-{number}")
        clock.advance(1)
    sealer.make_ready("tenant-a")
    sealer.make_ready("tenant-b")
    before = calls.total()
    sealer.seal("tenant-a", "p", b"secret")
    sealer.seal("tenant-b", "p", b"secret")
    assert calls.total() == before


def test_of_two_that_make_the_months_key_one_wins(
    environment: Callable[[], EnvelopeSealer], moto_account: Any
) -> None:
    first, second = environment(), environment()
    find = second._find_wrapped
    answers = iter([None])
    second._find_wrapped = lambda *arguments: next(answers, None) or find(*arguments)  # type: ignore[method-assign]
    sealed = first.seal("tenant-1", "p", b"secret")
    assert second.open("tenant-1", "p", second.seal("tenant-1", "p", b"mine")) == b"mine"
    assert environment().open("tenant-1", "p", sealed) == b"secret"
    assert environment().open("tenant-1", "p", second.seal("tenant-1", "p", b"mine")) == b"mine"


@pytest.mark.parametrize(
    "failure",
    [
        ClientError({"Error": {"Code": "DisabledException"}}, "Decrypt"),
        ClientError({"Error": {"Code": "AccessDeniedException"}}, "Decrypt"),
        ClientError({"Error": {"Code": "ThrottlingException"}}, "Decrypt"),
        ConnectTimeoutError(endpoint_url="https://kms"),
    ],
    ids=lambda failure: type(failure).__name__ + str(getattr(failure, "response", "")),
)
def test_a_key_that_cannot_be_had_is_a_typed_error(
    environment: Callable[[], EnvelopeSealer], failure: Exception
) -> None:
    sealed = environment().seal("tenant-1", "p", b"secret")
    sealer = environment()
    sealer._kms.failure = failure  # type: ignore[attr-defined]
    with pytest.raises(VaultSealedError):
        sealer.make_ready("tenant-1")
    with pytest.raises(VaultSealedError):
        sealer.open("tenant-1", "p", sealed)


def test_a_mistake_of_ours_is_not_taken_for_a_lost_key(environment: Callable[[], EnvelopeSealer]) -> None:
    sealer = environment()
    sealer._dynamodb.failure = ClientError({"Error": {"Code": "ValidationException"}}, "GetItem")  # type: ignore[attr-defined]
    with pytest.raises(ClientError):
        sealer.make_ready("tenant-1")


def test_an_old_months_key_is_never_made_anew(environment: Callable[[], EnvelopeSealer]) -> None:
    with pytest.raises(VaultSealedError):
        environment().make_ready("tenant-1", "2020-01")
