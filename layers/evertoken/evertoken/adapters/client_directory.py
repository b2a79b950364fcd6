"""Client registrations made ready: the row, the provider's entry with its templates filled, and the client's secrets, kept for a minute."""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from evertoken.adapters.aws_errors import error_code, unavailable_as
from evertoken.adapters.dynamodb_keys import key_of
from evertoken.adapters.dynamodb_values import Update
from evertoken.adapters.secrets_registration import registration_secret_name
from evertoken.domain.errors import StoreUnavailableError, UnknownRegistrationError, VaultSealedError
from evertoken.domain.ready_client import ReadyClient
from evertoken.domain.registration import NO_SECRETS, ClientRegistration, ClientSecrets
from evertoken.ports import Clock, ProviderCatalogue, RegistrationStore
from evertoken.protocol.client_authentication import find_client_authentication

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_secretsmanager import SecretsManagerClient

KEPT_SECONDS = 60.0
"""How long a changed registration, secret or pause may go unnoticed by a running function."""
_KEPT_CLIENTS = 1000
_PARTITION = "REGISTRATIONS"
_MISSING_SECRET_CODES = frozenset(
    {"ResourceNotFoundException", "InvalidRequestException", "DecryptionFailure"}
)


class CachedClientDirectory:
    """`ClientDirectory` on DynamoDB and Secrets Manager; safe under threads, one reading at a time for each registration."""

    def __init__(
        self,
        registrations: RegistrationStore,
        catalogue: ProviderCatalogue,
        *,
        dynamodb: DynamoDBClient,
        secrets: SecretsManagerClient,
        table_name: str,
        secret_prefix: str,
        clock: Clock,
    ) -> None:
        self._registrations = registrations
        self._catalogue = catalogue
        self._dynamodb = dynamodb
        self._secrets = secrets
        self._table = table_name
        self._secret_prefix = secret_prefix
        self._clock = clock
        self._kept: OrderedDict[str, tuple[float, ReadyClient]] = OrderedDict()
        self._loading: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()

    def get_ready(self, registration_id: str) -> ReadyClient:
        """Return the registration with its provider and secret; what building a request needs is checked here, before anything is leased.

        Raises:
            UnknownRegistrationError, UnknownProviderError, InvalidInputError: an operator has to put the registration or the provider right.
            VaultSealedError: the secret cannot be had.
            StoreUnavailableError: the registration cannot be read now.
        """
        ready = self._find_kept(registration_id)
        if ready is not None:
            return ready
        with self._lock:
            loading = self._loading.setdefault(registration_id, threading.Lock())
        try:
            with loading:
                ready = self._find_kept(registration_id)
                if ready is None:
                    ready = self._load(registration_id)
                    self._keep(ready)
        finally:
            with self._lock:
                self._loading.pop(registration_id, None)
        return ready

    def pause(self, ready: ReadyClient, *, until: datetime, now: datetime) -> bool:
        """Pause the registration IF it still has this version and is not paused; return whether this call paused it.

        Raises:
            StoreUnavailableError: it may have been paused.
        """
        registration = ready.registration
        update = Update().set("paused_until", until).require("version", "=", registration.version)
        update.require_absent_or("paused_until", "<", now)
        try:
            with unavailable_as(
                StoreUnavailableError, "The client registration could not be paused now. Try again."
            ):
                self._dynamodb.update_item(
                    TableName=self._table,
                    Key=key_of(_PARTITION, registration.registration_id),
                    **update.expression(),
                )
        except ClientError as error:
            if error_code(error) != "ConditionalCheckFailedException":
                raise
            # Another one paused it, or an operator changed it: either way what is kept here is old.
            self._forget(registration.registration_id)
            return False
        self._keep(replace(ready, registration=replace(registration, paused_until=until)))
        return True

    def _load(self, registration_id: str) -> ReadyClient:
        registration = self._registrations.find(registration_id)
        if registration is None:
            raise UnknownRegistrationError(
                "No client registration has this id. GET /v1/registrations lists them."
            )
        provider = self._catalogue.get(registration.provider_id).filled(
            registration.parameters, by_operator=True, whole=False
        )
        has_any = registration.has_secret or registration.has_private_key
        secrets = self._get_secrets(registration) if has_any else NO_SECRETS
        ready = ReadyClient(
            provider=provider,
            registration=registration,
            client_secret=secrets.client_secret,
            private_key=secrets.private_key,
        )
        find_client_authentication(ready)
        return ready

    def _get_secrets(self, registration: ClientRegistration) -> ClientSecrets:
        name = registration_secret_name(self._secret_prefix, registration.registration_id)
        missing = VaultSealedError(
            f"The client secret of the registration {registration.registration_id} cannot be read. An operator sets it again: "
            "PUT /v1/registrations/{id}."
        )
        try:
            with unavailable_as(
                VaultSealedError, "The store of client secrets did not answer in time. Try again."
            ):
                content = self._secrets.get_secret_value(SecretId=name)["SecretString"]
        except ClientError as error:
            # A missing permission is not among them: that is a mistake in the deployment, and must not look like a hiccup.
            if error_code(error) not in _MISSING_SECRET_CODES:
                raise
            raise missing from None
        secrets = _find_secrets(content)
        if (registration.has_secret and secrets.client_secret is None) or (
            registration.has_private_key and secrets.private_key is None
        ):
            raise missing
        return secrets

    def _find_kept(self, registration_id: str) -> ReadyClient | None:
        with self._lock:
            kept = self._kept.get(registration_id)
        if kept is None or self._clock.monotonic() - kept[0] >= KEPT_SECONDS:
            return None
        return kept[1]

    def _keep(self, ready: ReadyClient) -> None:
        registration_id = ready.registration.registration_id
        with self._lock:
            self._kept[registration_id] = (self._clock.monotonic(), ready)
            self._kept.move_to_end(registration_id)
            if len(self._kept) > _KEPT_CLIENTS:
                self._kept.popitem(last=False)

    def _forget(self, registration_id: str) -> None:
        with self._lock:
            self._kept.pop(registration_id, None)


def _find_secrets(content: str) -> ClientSecrets:
    try:
        document = json.loads(content)
    except ValueError:
        return NO_SECRETS
    if not isinstance(document, dict):
        return NO_SECRETS
    secret, key = document.get("client_secret"), document.get("private_key")
    return ClientSecrets(
        client_secret=secret if isinstance(secret, str) else None,
        private_key=key if isinstance(key, str) else None,
    )
