"""The operator's credential, which the stack makes in Secrets Manager: the first credential of all."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from evertoken.adapters.aws_errors import unavailable_as
from evertoken.domain.authorization import ApiClient
from evertoken.domain.credentials import hash_secret
from evertoken.domain.errors import ConfigurationError, StoreUnavailableError
from evertoken.ports import Clock

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

KEPT_SECONDS = 60
"""How long a read credential is believed: a changed one works, and the old one fails, a minute later at most."""
_SINCE = datetime(1970, 1, 1, tzinfo=UTC)


class SecretsManagerOperator:
    """`OperatorCredential` on Secrets Manager; only the secret's hash stays in memory."""

    def __init__(self, client: SecretsManagerClient, *, secret_name: str, clock: Clock) -> None:
        self._client = client
        self._name = secret_name
        self._clock = clock
        self._read: tuple[float, ApiClient] | None = None

    def get(self) -> ApiClient:
        """Return the operator's client.

        Raises:
            StoreUnavailableError: Secrets Manager did not answer.
            ConfigurationError: the secret is not what the stack made.
        """
        now = self._clock.monotonic()
        if self._read is not None and now - self._read[0] < KEPT_SECONDS:
            return self._read[1]
        with unavailable_as(
            StoreUnavailableError, "The operator's credential cannot be read now. Try again."
        ):
            answer = self._client.get_secret_value(SecretId=self._name)
        operator = _parse_operator(answer["SecretString"])
        self._read = (now, operator)
        return operator


def _parse_operator(content: str) -> ApiClient:
    try:
        document = json.loads(content)
        client_id, secret = document["client_id"], document["client_secret"]
    except (ValueError, KeyError, TypeError):
        client_id = secret = None
    if not (isinstance(client_id, str) and isinstance(secret, str) and client_id and secret):
        raise ConfigurationError(
            "The operator's secret must be JSON with client_id and client_secret, both text: put it right in Secrets Manager."
        ) from None
    return ApiClient(
        client_id=client_id,
        tenant_id=None,
        name="operator",
        scopes=("operator",),
        secret_hash=hash_secret(secret),
        created_at=_SINCE,
    )
