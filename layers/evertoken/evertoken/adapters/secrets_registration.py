"""Client secrets and private keys in Secrets Manager, written only: the role that uses this adapter has no right to read them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from evertoken.adapters.aws_errors import error_code, unavailable_as
from evertoken.domain.errors import StoreUnavailableError
from evertoken.domain.registration import ClientSecrets

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

_UNAVAILABLE = "The store of client secrets did not answer in time. Try again."
_DESCRIPTION = "A client secret that Evertoken uses at a provider. Written by its API; change it there."


def registration_secret_name(prefix: str, registration_id: str) -> str:
    """Return the name of a client registration's secret."""
    return f"{prefix}/private/registrations/{registration_id}"


class SecretsManagerRegistrationSecrets:
    """`RegistrationSecrets` on Secrets Manager; both calls may be repeated."""

    def __init__(self, client: SecretsManagerClient, *, prefix: str) -> None:
        self._client = client
        self._prefix = prefix

    def write(self, registration_id: str, secrets: ClientSecrets) -> None:
        """Store *secrets*, or replace all that was stored with them. Raises StoreUnavailableError: they may have been stored."""
        name = registration_secret_name(self._prefix, registration_id)
        content = json.dumps(
            {
                name: value
                for name, value in (
                    ("client_secret", secrets.client_secret),
                    ("private_key", secrets.private_key),
                )
                if value is not None
            },
            ensure_ascii=False,
        )
        with unavailable_as(StoreUnavailableError, _UNAVAILABLE):
            try:
                self._client.put_secret_value(SecretId=name, SecretString=content)
            except ClientError as error:
                if error_code(error) != "ResourceNotFoundException":
                    raise
                self._create(name, content)

    def delete(self, registration_id: str) -> None:
        """Remove the secret at once: a registration of the same id may be made again. Raises StoreUnavailableError."""
        name = registration_secret_name(self._prefix, registration_id)
        with unavailable_as(StoreUnavailableError, _UNAVAILABLE):
            try:
                self._client.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
            except ClientError as error:
                if error_code(error) != "ResourceNotFoundException":
                    raise

    def _create(self, name: str, content: str) -> None:
        try:
            self._client.create_secret(Name=name, SecretString=content, Description=_DESCRIPTION)
        except ClientError as error:
            # A forced deletion ends a little later than it is acknowledged: until then the name is neither there nor free.
            if error_code(error) == "InvalidRequestException":
                raise StoreUnavailableError(_UNAVAILABLE) from error
            if error_code(error) != "ResourceExistsException":
                raise
            self._client.put_secret_value(SecretId=name, SecretString=content)
