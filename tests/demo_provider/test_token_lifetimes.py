"""Access tokens of the demo provider end exactly when they said they would."""

from pathlib import Path

import pytest
from flask.testing import FlaskClient

from local.demo_provider.application import build_application


class Clock:
    """Seconds since the epoch, moved by hand."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def http(tmp_path: Path, clock: Clock) -> FlaskClient:
    return build_application(issuer="http://127.0.0.1:1", state_dir=tmp_path, clock=clock).test_client()


def test_an_access_token_is_accepted_until_its_last_instant_and_not_after(
    http: FlaskClient, clock: Clock
) -> None:
    form = {"grant_type": "client_credentials"}
    token_set = http.post("/token", data=form, auth=("demo-m2m", "demo-m2m-client-secret")).json
    assert token_set is not None
    headers = {"Authorization": f"Bearer {token_set['access_token']}"}
    clock.now += token_set["expires_in"] - 0.001
    assert http.get("/userinfo", headers=headers).status_code == 200
    clock.now += 0.001
    expired = http.get("/userinfo", headers=headers)
    assert expired.status_code == 401
    assert 'error="invalid_token"' in expired.headers["WWW-Authenticate"]
