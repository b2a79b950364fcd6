"""Signed clients, odd secrets and grants without a browser, against an authorization server that other people wrote (Authlib)."""

import secrets
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from evertoken.adapters.assertion_signer import RegistrationAssertionSigner
from evertoken.adapters.http_transport import HttpTransport
from evertoken.domain.assertion import SigningAlgorithm, SigningKey
from evertoken.domain.outcome import Failure, FailureKind, Issued
from evertoken.protocol.assertion import client_assertion, grant_assertion
from evertoken.protocol.client_authentication import signs
from evertoken.protocol.device_answer import DeviceAuthorization, parse_device_authorization
from evertoken.protocol.token_answer import Operation, parse_token_answer
from evertoken.protocol.token_request import (
    build_client_credentials,
    build_device_authorization,
    build_device_code,
    build_jwt_bearer,
)
from tests.protocol.authlib_server import AuthlibServer, Client
from tests.protocol.clients import make_ready, shape_provider

PATIENCE_SECONDS = 20
ODD_SECRET = "a:b% c+d&e=é€ \"'\\ and no longer than it must be"
KEY = SigningKey(algorithm=SigningAlgorithm.ES256, key_id="k-1")
SCOPES = ("read", "write")


@pytest.fixture(scope="module")
def server():
    with AuthlibServer() as running:
        yield running


@pytest.fixture(scope="module")
def transport():
    transport = HttpTransport(allow_loopback=True)
    yield transport
    transport.close()


@pytest.fixture(scope="module")
def private_key():
    return ec.generate_private_key(ec.SECP256R1())


@pytest.fixture
def signer():
    return RegistrationAssertionSigner(lambda: pytest.fail("no KMS is asked"))


def provider_of(server):
    issuer = server.memory.issuer
    return shape_provider(
        issuer=issuer, token_endpoint=f"{issuer}/token", device_authorization_endpoint=f"{issuer}/device"
    )


def register(server, method, *, private_key=None, secret=ODD_SECRET):
    """Register a client there and return it ready here; *method* is our name of its authentication."""
    theirs = "client_assertion_jwt" if method in ("client_secret_jwt", "private_key_jwt") else method
    client_id = f"client-{secrets.token_hex(4)}"
    pem = None
    public = None
    if private_key is not None:
        encoding = serialization.Encoding.PEM
        pem = private_key.private_bytes(
            encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode()
        public = private_key.public_key().public_bytes(
            encoding, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    server.register(Client(client_id=client_id, secret=secret or "", method=theirs, key=public))
    return make_ready(
        provider_of(server),
        client_id=client_id,
        secret=secret,
        method=method,
        signing_key=None if pem is None else KEY,
        private_key=pem,
    )


def sign(signer, ready, shape, *, now=None):
    if not signs(ready, shape):
        return None
    now = now or datetime.now(UTC)
    return signer.sign(ready, client_assertion(ready, shape, now=now, jti=secrets.token_hex(8)))


def send(transport, ready, request, operation):
    exchange = transport.send(request, timeout_seconds=PATIENCE_SECONDS)
    return parse_token_answer(
        ready.provider, operation, exchange, sent_at=datetime.now(UTC), requested_scopes=SCOPES
    )


def client_credentials(transport, signer, ready, **claims):
    shape = ready.provider.requests.client_credentials
    request = build_client_credentials(ready, SCOPES, assertion=sign(signer, ready, shape, **claims))
    return send(transport, ready, request, Operation.CLIENT_CREDENTIALS)


METHODS = ["client_secret_basic", "client_secret_post", "client_secret_jwt", "private_key_jwt"]


@pytest.mark.parametrize("method", METHODS)
def test_a_client_with_an_odd_secret_or_a_key_is_believed(server, transport, signer, private_key, method):
    key = private_key if method == "private_key_jwt" else None
    ready = register(server, method, private_key=key)
    outcome = client_credentials(transport, signer, ready)
    assert isinstance(outcome, Issued), outcome
    assert outcome.token_set.access_token in server.memory.tokens
    assert outcome.token_set.scope == "read write"


@pytest.mark.parametrize("method", METHODS)
def test_a_wrong_secret_or_key_is_the_operators_fault(server, transport, signer, private_key, method):
    key = private_key if method == "private_key_jwt" else None
    ready = register(server, method, private_key=key)
    stranger = ec.generate_private_key(ec.SECP256R1()) if key else None
    wrong = register(server, method, private_key=stranger, secret="wrong: % + & é")
    impostor = replace(ready, client_secret=wrong.client_secret, private_key=wrong.private_key)
    failure = client_credentials(transport, signer, impostor)
    assert isinstance(failure, Failure)
    assert (failure.kind, failure.code) == (FailureKind.CLIENT_MISCONFIGURED, "invalid_client")
    assert isinstance(client_credentials(transport, signer, ready), Issued)


def test_an_assertion_is_good_once_not_after_its_time_and_nowhere_else(
    server, transport, signer, private_key
):
    ready = register(server, "private_key_jwt", private_key=private_key)
    shape = ready.provider.requests.client_credentials
    request = build_client_credentials(ready, SCOPES, assertion=sign(signer, ready, shape))
    assert isinstance(send(transport, ready, request, Operation.CLIENT_CREDENTIALS), Issued)
    again = send(transport, ready, request, Operation.CLIENT_CREDENTIALS)
    assert isinstance(again, Failure)
    assert again.code == "invalid_client"
    late = client_credentials(transport, signer, ready, now=datetime.now(UTC) - timedelta(minutes=5))
    assert isinstance(late, Failure)
    assert late.kind is FailureKind.CLIENT_MISCONFIGURED
    elsewhere = replace(
        ready, provider=replace(ready.provider, token_endpoint="https://other.example.com/token")
    )
    foreign = build_client_credentials(ready, SCOPES, assertion=sign(signer, elsewhere, shape))
    refused = send(transport, ready, foreign, Operation.CLIENT_CREDENTIALS)
    assert isinstance(refused, Failure)
    assert refused.kind is FailureKind.CLIENT_MISCONFIGURED


@pytest.mark.parametrize("method", METHODS)
def test_a_device_is_waited_for_slowed_down_and_let_in(server, transport, signer, private_key, method):
    key = private_key if method == "private_key_jwt" else None
    ready = register(server, method, private_key=key)
    requests = ready.provider.requests
    begin = build_device_authorization(
        ready, SCOPES, assertion=sign(signer, ready, requests.device_authorization)
    )
    sent_at = datetime.now(UTC)
    device = parse_device_authorization(
        ready.provider, transport.send(begin, timeout_seconds=PATIENCE_SECONDS), sent_at
    )
    assert isinstance(device, DeviceAuthorization), device
    assert device.interval_seconds == 3
    assert device.verification_uri == f"{server.memory.issuer}/activate"
    assert device.user_code in device.verification_uri_complete
    assert device.expires_at - sent_at == timedelta(minutes=30)

    def ask():
        request = build_device_code(
            ready, device.device_code, assertion=sign(signer, ready, requests.device_code)
        )
        return send(transport, ready, request, Operation.DEVICE_CODE)

    pending = ask()
    assert (pending.kind, pending.code) == (FailureKind.THROTTLED, "authorization_pending")
    server.memory.slow_down = True
    slower = ask()
    server.memory.slow_down = False
    assert (slower.kind, slower.code) == (FailureKind.THROTTLED, "slow_down")
    server.memory.decisions[device.user_code] = ("Ada", True)
    granted = ask()
    assert isinstance(granted, Issued)
    assert server.memory.tokens[granted.token_set.access_token] == "Ada"


@pytest.mark.parametrize("case", ["denied", "expired"])
def test_a_device_that_is_refused_or_too_late_is_asked_about_no_more(server, transport, signer, case):
    ready = register(server, "client_secret_basic")
    begin = transport.send(build_device_authorization(ready, SCOPES), timeout_seconds=PATIENCE_SECONDS)
    device = parse_device_authorization(ready.provider, begin, datetime.now(UTC))
    assert isinstance(device, DeviceAuthorization)
    if case == "denied":
        server.memory.decisions[device.user_code] = ("Ada", False)
    else:
        server.memory.devices[device.device_code]["expires_at"] = 0
    failure = send(transport, ready, build_device_code(ready, device.device_code), Operation.DEVICE_CODE)
    assert isinstance(failure, Failure)
    expected = {"denied": "access_denied", "expired": "expired_token"}[case]
    assert (failure.kind, failure.code) == (FailureKind.REJECTED, expected)


def test_a_jwt_bearer_grant_gives_a_token_in_the_name_of_its_subject(server, transport, signer, private_key):
    ready = register(server, "private_key_jwt", private_key=private_key)

    def run(subject, signing=ready):
        unsigned = grant_assertion(
            signing, subject=subject, scopes=SCOPES, now=datetime.now(UTC), jti=secrets.token_hex(8)
        )
        request = build_jwt_bearer(ready, SCOPES, grant_assertion=signer.sign(signing, unsigned))
        return send(transport, ready, request, Operation.JWT_BEARER)

    granted = run("ada")
    assert isinstance(granted, Issued), granted
    assert server.memory.tokens[granted.token_set.access_token] == "Ada"
    elsewhere = replace(ready.provider, token_endpoint="https://other.example.com/token")
    for refused in (run("nobody"), run("ada", replace(ready, provider=elsewhere))):
        assert isinstance(refused, Failure)
        assert (refused.kind, refused.code) == (FailureKind.GRANT_DEAD, "invalid_grant")
