"""API clients as items of one partition; what binds a role or an issuer's tokens to one is an item of its own, so that no two clients have the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from evertoken.adapters.aws_errors import error_code, unavailable_as
from evertoken.adapters.dynamodb_keys import (
    CLIENT_BINDINGS,
    key_of,
    oidc_binding_sort,
    oidc_issuer_prefix,
    role_binding_sort,
)
from evertoken.adapters.dynamodb_partition import Partition
from evertoken.adapters.dynamodb_values import encode_item
from evertoken.domain.authorization import ApiClient
from evertoken.domain.errors import ConflictError, StoreUnavailableError
from evertoken.domain.external_identity import AudienceClaim, IamRole, OidcBinding, parse_role_arn
from evertoken.domain.instants import from_milliseconds, to_milliseconds

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

_CLIENTS = "CLIENTS"
_UNAVAILABLE = "The store of API clients did not answer in time. Try again."
_TAKEN = (
    "Another API client is bound to this role (by account and name: AWS does not tell the path of who calls) or to these "
    "tokens. Delete that one first: GET /v1/clients lists them."
)


class DynamoDBApiClients:
    """`ApiClientStore` on the table; of a secret only its hash is stored. Every method raises StoreUnavailableError."""

    def __init__(self, client: DynamoDBClient, table_name: str) -> None:
        self._client = client
        self._table = table_name
        self._clients = Partition(client, table_name, partition=_CLIENTS)
        self._bindings = Partition(client, table_name, partition=CLIENT_BINDINGS)

    def find(self, client_id: str) -> ApiClient | None:
        """Return an API client, read consistently, or None."""
        values = self._clients.find(client_id)
        return None if values is None else _api_client(values)

    def find_by_role(self, role: IamRole) -> ApiClient | None:
        """Return the API client that is this role, or None: two consistent reads."""
        bound = self._bindings.find(role_binding_sort(role))
        return None if bound is None else self.find(bound["client"])

    def find_oidc_bindings(self, issuer: str) -> Mapping[OidcBinding, str]:
        """Return what tokens of *issuer* may be exchanged, and the id of whose client: one query."""
        return {
            _oidc_binding(values["oidc"]): values["client"]
            for values in self._bindings.list_all(oidc_issuer_prefix(issuer))
        }

    def put(self, client: ApiClient) -> None:
        """Create an API client and its binding, both or neither. Raises ConflictError when the id or the binding is taken."""
        oidc = None if client.oidc is None else _oidc_values(client.oidc)
        item = encode_item(
            {
                "pk": _CLIENTS,
                "sk": client.client_id,
                "client_of_tenant": client.tenant_id,
                "name": client.name,
                "scopes": client.scopes,
                "secret_hash": client.secret_hash,
                "role_arn": client.role_arn,
                "oidc": oidc,
                "created_at": to_milliseconds(client.created_at),
            }
        )
        items = [item]
        binding = _binding_sort(client)
        if binding is not None:
            items.append(
                encode_item({"pk": CLIENT_BINDINGS, "sk": binding, "client": client.client_id, "oidc": oidc})
            )
        self._transact(
            [
                {
                    "Put": {
                        "TableName": self._table,
                        "Item": item,
                        "ConditionExpression": "attribute_not_exists(pk)",
                    }
                }
                for item in items
            ]
        )

    def delete(self, client_id: str) -> bool:
        """Remove an API client and its binding, both or neither; return whether it was there."""
        client = self.find(client_id)
        if client is None:
            return False
        binding = _binding_sort(client)
        keys = [key_of(_CLIENTS, client_id)]
        if binding is not None:
            keys.append(key_of(CLIENT_BINDINGS, binding))
        try:
            self._transact(
                [
                    {
                        "Delete": {
                            "TableName": self._table,
                            "Key": key,
                            "ConditionExpression": "attribute_exists(pk)",
                        }
                    }
                    for key in keys
                ]
            )
        except ConflictError:
            # Somebody else removed it meanwhile: ids are never used again, so there is nothing left to do.
            return False
        return True

    def list_all(self, tenant_id: str | None) -> tuple[ApiClient, ...]:
        """Return the API clients of a tenant, or all, by id."""
        clients = (_api_client(values) for values in self._clients.list_all())
        return tuple(client for client in clients if tenant_id is None or client.tenant_id == tenant_id)

    def _transact(self, writes: list[TransactWriteItemTypeDef]) -> None:
        try:
            with unavailable_as(StoreUnavailableError, _UNAVAILABLE):
                self._client.transact_write_items(TransactItems=writes)
        except ClientError as error:
            raise _refusal(error) from None


def _refusal(error: ClientError) -> Exception:
    if error_code(error) != "TransactionCanceledException":
        return error
    codes = [reason.get("Code") for reason in error.response.get("CancellationReasons", [])]
    if "ConditionalCheckFailed" in codes:
        is_id = codes[0] == "ConditionalCheckFailed"
        return ConflictError("An API client with this id exists. Create another." if is_id else _TAKEN)
    if set(codes) <= {"None", "TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"}:
        return StoreUnavailableError(_UNAVAILABLE)
    return error


def _binding_sort(client: ApiClient) -> str | None:
    role = None if client.role_arn is None else parse_role_arn(client.role_arn)
    if role is not None:
        return role_binding_sort(role)
    return None if client.oidc is None else oidc_binding_sort(client.oidc)


def _oidc_values(binding: OidcBinding) -> dict[str, str]:
    values = {
        "issuer": binding.issuer,
        "audience": binding.audience,
        "audience_claim": str(binding.audience_claim),
    }
    return values if binding.subject is None else {**values, "subject": binding.subject}


def _oidc_binding(values: Mapping[str, str]) -> OidcBinding:
    return OidcBinding(
        issuer=values["issuer"],
        audience=values["audience"],
        audience_claim=AudienceClaim(values["audience_claim"]),
        subject=values.get("subject"),
    )


def _api_client(values: Mapping[str, Any]) -> ApiClient:
    oidc = values.get("oidc")
    return ApiClient(
        client_id=values["sk"],
        tenant_id=values.get("client_of_tenant"),
        name=values["name"],
        scopes=values["scopes"],
        secret_hash=values.get("secret_hash"),
        role_arn=values.get("role_arn"),
        oidc=None if oidc is None else _oidc_binding(oidc),
        created_at=from_milliseconds(values["created_at"]),
    )
