"""One installation that keeps sessions: the real use cases and real tokens, on a store that can be chosen and a clock that is told to move."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest

from evertoken.adapters.dynamodb_sessions import DynamoDBSessions
from evertoken.adapters.kms_token_keys import KmsTokenKeys
from evertoken.adapters.kms_token_signer import KmsTokenSigner
from evertoken.adapters.session_token_verifier import SessionTokenVerifier
from evertoken.domain.errors import AuthenticationError
from evertoken.domain.session import Profile, SessionTiming
from evertoken.usecases.end_session import end_own_session
from evertoken.usecases.issue_session_token import SessionDependencies
from evertoken.usecases.open_session import open_session
from evertoken.usecases.read_session import get_own_session
from evertoken.usecases.refresh_session_token import SessionReused, refresh_session_token
from tests.fakes.clock import FakeClock, SkewedClock
from tests.fakes.randomness import SeededRandomness
from tests.fakes.sessions import MemoryRevokedTenants, MemorySessions
from tests.support.aws_account import TABLE, create_signing_key, open_aws_account

ISSUER = "https://api.example"
HOURS = 3600
TIMING = SessionTiming(token_lifetime_seconds=4 * HOURS, grace_seconds=900, lifetime_seconds=12 * HOURS)
REFUSED = "refused"


@dataclass
class World:
    """One installation: sessions, a real signing key, and execution environments whose clocks may be wrong."""

    store: Any
    key_id: str
    clock: FakeClock = field(default_factory=FakeClock)
    tenants: MemoryRevokedTenants = field(default_factory=MemoryRevokedTenants)
    randomness: SeededRandomness = field(default_factory=SeededRandomness)
    expired: int = 0

    def __post_init__(self):
        kms = boto3.client("kms")
        self.keys = KmsTokenKeys(kms, key_ids=(self.key_id,), clock=self.clock)
        self.signer: Any = KmsTokenSigner(kms, keys=self.keys)

    def deps(self, *, skew_seconds=0.0, store=None, signer=None):
        return SessionDependencies(
            sessions=store or self.store,
            tenants=self.tenants,
            signer=signer or self.signer,
            clock=SkewedClock(self.clock, skew_seconds=skew_seconds),
            randomness=self.randomness,
            timing=TIMING,
        )

    def open(self, user_id="ann", role="PATIENT", **changes):
        self.opened = open_session(
            self.deps(**changes),
            tenant_id="acme",
            user_id=user_id,
            role=role,
            profile=Profile(email="ann@example.com", name="Ann"),
            issuer=ISSUER,
        )
        return self.opened.access_token

    @property
    def session(self):
        return self.store.find("acme", self.opened.session.session_id)

    def verify(self, token, *, is_lenient=True, skew_seconds=0.0):
        verifier = SessionTokenVerifier(
            self.keys,
            timing=TIMING,
            clock=SkewedClock(self.clock, skew_seconds=skew_seconds),
            on_expired=self._count_expired,
        )
        return verifier.get_token(token, issuer=ISSUER, is_lenient=is_lenient)

    def verifies(self, token):
        try:
            return bool(self.verify(token))
        except AuthenticationError:
            return False

    def _count_expired(self):
        self.expired += 1

    def refresh_answer(self, token, **changes):
        """What a refresh answers, or `refused`, as its route has it."""
        try:
            presented = self.verify(token, skew_seconds=changes.get("skew_seconds", 0.0))
            refreshed = refresh_session_token(self.deps(**changes), presented, issuer=ISSUER)
        except AuthenticationError:
            return REFUSED
        return REFUSED if isinstance(refreshed, SessionReused) else refreshed

    def refresh(self, token, **changes):
        answer = self.refresh_answer(token, **changes)
        return answer if answer == REFUSED else answer.access_token

    def read_own(self, token, session_id=None):
        try:
            presented = self.verify(token)
            return get_own_session(self.deps(), presented, session_id or presented.session_id)
        except AuthenticationError:
            return REFUSED

    def sign_out(self, token):
        try:
            presented = self.verify(token, is_lenient=False)
            return end_own_session(self.deps(), presented, presented.session_id)
        except AuthenticationError:
            return REFUSED


def claims_of(token):
    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


@pytest.fixture(scope="module")
def signing_key_id() -> Iterator[str]:
    with open_aws_account():
        yield create_signing_key(boto3.client("kms"))


@pytest.fixture(params=["fake", "dynamodb"])
def world(request, signing_key_id):
    store = MemorySessions() if request.param == "fake" else DynamoDBSessions(boto3.client("dynamodb"), TABLE)
    return World(store, signing_key_id)
