"""The publication in Secrets Manager; a version id can be written only once, and that is what fences late writers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from evertoken.adapters.aws_errors import error_code, unavailable_as
from evertoken.domain.connection import ConnectionKey
from evertoken.domain.errors import PublisherUnavailableError
from evertoken.domain.publication import SPENT_STAGE, Publication, publish_withdrawal, version_id_of

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

UNAVAILABLE = "Secrets Manager did not acknowledge in time. The publication is tried again by itself."
RECOVERY_WINDOW_DAYS = 7


class SecretsManagerPublisher:
    """Publisher on Secrets Manager; secrets are named `<prefix>/tokens/<tenant>/<connection>`."""

    def __init__(self, client: SecretsManagerClient, *, prefix: str) -> None:
        self._client = client
        self._prefix = prefix

    def secret_name(self, key: ConnectionKey) -> str:
        """Return the name under which readers find the connection."""
        return secret_name(self._prefix, key)

    def create_empty(self, key: ConnectionKey) -> None:
        with unavailable_as(PublisherUnavailableError, UNAVAILABLE):
            try:
                self._client.create_secret(
                    Name=self.secret_name(key),
                    Description="Evertoken publishes the access token of one connection here. Read it; never write it.",
                    SecretString=publish_withdrawal(key, 0).content,
                    ClientRequestToken=version_id_of(key, 0),
                    Tags=[{"Key": "evertoken:tenant", "Value": key.tenant_id}],
                )
            except ClientError as error:
                if error_code(error) != "ResourceExistsException":
                    raise

    def spend(self, key: ConnectionKey, number: int) -> None:
        with unavailable_as(PublisherUnavailableError, UNAVAILABLE):
            self._write(key, number, json.dumps({"spent": number}), stages=[SPENT_STAGE])

    def put(self, publication: Publication) -> bool:
        with unavailable_as(PublisherUnavailableError, UNAVAILABLE):
            return self._write(publication.key, publication.number, publication.content, stages=None)

    def delete(self, key: ConnectionKey) -> None:
        with unavailable_as(PublisherUnavailableError, UNAVAILABLE):
            try:
                self._client.delete_secret(
                    SecretId=self.secret_name(key), RecoveryWindowInDays=RECOVERY_WINDOW_DAYS
                )
            except ClientError as error:
                if error_code(error) not in ("ResourceNotFoundException", "InvalidRequestException"):
                    raise

    def _write(self, key: ConnectionKey, number: int, content: str, *, stages: list[str] | None) -> bool:
        """Return False when the number was written with other content before."""
        labels = {} if stages is None else {"VersionStages": stages}
        try:
            self._client.put_secret_value(
                SecretId=self.secret_name(key),
                SecretString=content,
                ClientRequestToken=version_id_of(key, number),
                **labels,  # type: ignore[arg-type]  # the stub wants the keyword spelled out
            )
        except ClientError as error:
            if error_code(error) != "ResourceExistsException":
                raise
            return False
        return True


def secret_name(prefix: str, key: ConnectionKey) -> str:
    """Return the name of a connection's secret."""
    return f"{prefix}/tokens/{key.tenant_id}/{key.connection_id}"
