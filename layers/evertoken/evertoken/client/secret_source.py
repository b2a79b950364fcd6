"""Tokens straight from Secrets Manager: one GetSecretValue a read. boto3 is imported with the first read."""

from __future__ import annotations

import threading
from datetime import datetime
from typing import TYPE_CHECKING, Any

from evertoken.client.errors import ConfigurationError, EvertokenClientError
from evertoken.client.http_date import parse_http_date
from evertoken.client.operation import OnOperation, observed
from evertoken.client.reader_commands import Delivery
from evertoken.client.secret_errors import translate
from evertoken.client.token import decode_token

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

CONNECT_TIMEOUT_SECONDS = 2
READ_TIMEOUT_SECONDS = 5
ATTEMPTS = 3


class SecretSource:
    """Reads the secrets under *prefix* (`evertoken/<stage>/tokens/<tenant>`); safe under threads.

    Without a *client* one is made with short timeouts and botocore's own repeats (three attempts, throttling and lost connections only).
    """

    def __init__(
        self,
        prefix: str,
        *,
        client: SecretsManagerClient | None = None,
        on_operation: OnOperation | None = None,
    ) -> None:
        self._prefix = prefix.rstrip("/")
        self._client = client
        self._on_operation = on_operation
        self._lock = threading.Lock()

    def read(self, connection_id: str) -> Delivery:
        """Return what is published of the connection.

        Raises: NotFoundError, ForbiddenError, CredentialsError, ClockSkewError, SecretShapeError, TemporarilyUnavailableError, TransportError,
        ConfigurationError.
        """
        name = f"{self._prefix}/{connection_id}"
        where = f"The secret {name}"
        with observed("secret.read", self._on_operation):
            try:
                answer: Any = self._connected().get_secret_value(SecretId=name)
            except EvertokenClientError:
                raise  # there is no boto3, and so nothing to translate with
            except Exception as error:
                raise translate(error, name) from error
            return Delivery(
                token=decode_token(answer.get("SecretString"), where=where),
                where=where,
                answered_at=_date_of(answer),
            )

    def _connected(self) -> SecretsManagerClient:
        if self._client is None:
            # boto3's default session is not made for threads; its clients are.
            with self._lock:
                if self._client is None:
                    self._client = _connect()
        return self._client


def _connect() -> SecretsManagerClient:
    try:
        import boto3
        from botocore.config import Config
    except ImportError as error:
        raise ConfigurationError(
            "Reading from Secrets Manager needs boto3. Install evertoken[aws], or give the reader the API (api=) instead of secret_prefix."
        ) from error
    return boto3.client(
        "secretsmanager",
        config=Config(
            connect_timeout=CONNECT_TIMEOUT_SECONDS,
            read_timeout=READ_TIMEOUT_SECONDS,
            retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        ),
    )


def _date_of(answer: Any) -> datetime | None:
    return parse_http_date(answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date"))
