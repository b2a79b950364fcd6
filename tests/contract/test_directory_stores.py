"""One suite for each store of the directory: on the fake, and on AWS as moto plays it."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import boto3
import pytest

from evertoken.adapters.dynamodb_api_clients import DynamoDBApiClients
from evertoken.adapters.dynamodb_directory import DynamoDBOperatorProviders, DynamoDBTenants
from evertoken.adapters.dynamodb_registrations import DynamoDBRegistrations
from evertoken.adapters.secrets_registration import SecretsManagerRegistrationSecrets
from evertoken.domain.assertion import SigningAlgorithm, SigningKey
from evertoken.domain.authorization import ApiClient, Tenant
from evertoken.domain.errors import ConflictError
from evertoken.domain.external_identity import AudienceClaim, IamRole, OidcBinding
from evertoken.domain.registration import ClientRegistration, ClientSecrets
from tests.fakes.directory import (
    MemoryApiClients,
    MemoryOperatorProviders,
    MemoryRegistrations,
    MemoryRegistrationSecrets,
    MemoryTenants,
)
from tests.support.aws_account import SECRET_PREFIX, TABLE

NOW = datetime(2026, 11, 21, 12, 0, 0, 7000, tzinfo=UTC)
TENANT = Tenant(
    tenant_id="acme", name="Acme é", return_urls=("https://a.example/x",), created_at=NOW, updated_at=NOW
)
CLIENT = ApiClient(
    client_id="cli_a",
    tenant_id="acme",
    name="backend",
    scopes=("tokens:read",),
    secret_hash="0" * 64,
    created_at=NOW,
)
REGISTRATION = ClientRegistration(
    registration_id="github-acme",
    provider_id="github",
    client_id="client: % é",
    tenants=("acme", "other"),
    scopes=("repo",),
    client_authentication="client_secret_post",
    signing_key=SigningKey(
        algorithm=SigningAlgorithm.ES256,
        key_id="k1",
        kms_key_id="arn:aws:kms:eu-central-1:123456789012:key/1",
        certificate_thumbprint="t" * 43,
    ),
    parameters={"subdomain": "acme"},
    has_secret=True,
    has_private_key=True,
    version=1,
    created_at=NOW,
    updated_at=NOW,
)


@pytest.fixture(params=["memory", "aws"])
def stores(request):
    if request.param == "memory":
        return SimpleNamespace(
            tenants=MemoryTenants(),
            clients=MemoryApiClients(),
            registrations=MemoryRegistrations(),
            secrets=MemoryRegistrationSecrets(),
            providers=MemoryOperatorProviders(),
        )
    dynamodb = request.getfixturevalue("dynamodb")
    return SimpleNamespace(
        tenants=DynamoDBTenants(dynamodb, TABLE),
        clients=DynamoDBApiClients(dynamodb, TABLE),
        registrations=DynamoDBRegistrations(dynamodb, TABLE),
        secrets=SecretsManagerRegistrationSecrets(boto3.client("secretsmanager"), prefix=SECRET_PREFIX),
        providers=DynamoDBOperatorProviders(dynamodb, TABLE),
    )


def test_a_tenant_comes_back_as_it_was_put_and_can_be_replaced(stores):
    changed = replace(
        TENANT, name="Acme", return_urls=(), is_suspended=True, updated_at=NOW + timedelta(seconds=1)
    )

    assert stores.tenants.put(TENANT, replacing=None) is True
    assert stores.tenants.find("acme") == TENANT
    assert stores.tenants.put(changed, replacing=TENANT) is True

    assert stores.tenants.find("acme") == changed


def test_a_tenant_that_was_changed_since_it_was_read_is_not_replaced(stores):
    suspended = replace(TENANT, is_suspended=True, updated_at=NOW + timedelta(seconds=1))
    renamed = replace(TENANT, name="Acme", updated_at=NOW + timedelta(seconds=2))
    assert stores.tenants.put(renamed, replacing=TENANT) is False, "it is not there"
    stores.tenants.put(TENANT, replacing=None)
    assert stores.tenants.put(renamed, replacing=None) is False, "it is there"
    stores.tenants.put(suspended, replacing=TENANT)
    assert stores.tenants.put(renamed, replacing=TENANT) is False

    assert stores.tenants.find("acme") == suspended


def test_tenants_are_listed_by_id_and_a_deleted_one_is_gone(stores):
    second = replace(TENANT, tenant_id="beta")
    stores.tenants.put(second, replacing=None)
    stores.tenants.put(TENANT, replacing=None)

    assert stores.tenants.list_all() == (TENANT, second)
    assert stores.tenants.delete("acme") is True
    assert stores.tenants.delete("acme") is False
    assert stores.tenants.find("acme") is None


def test_an_api_client_is_created_once(stores):
    stores.clients.put(CLIENT)

    with pytest.raises(ConflictError):
        stores.clients.put(replace(CLIENT, name="thief"))
    assert stores.clients.find("cli_a") == CLIENT


def test_api_clients_are_listed_for_one_tenant_or_for_all(stores):
    other = replace(CLIENT, client_id="cli_b", tenant_id="beta")
    stores.clients.put(CLIENT)
    stores.clients.put(other)

    assert stores.clients.list_all("acme") == (CLIENT,)
    assert stores.clients.list_all(None) == (CLIENT, other)
    assert stores.clients.list_all("nobody") == ()
    assert stores.clients.delete("cli_a") is True
    assert stores.clients.find("cli_a") is None


ROLE = replace(
    CLIENT, client_id="cli_r", secret_hash=None, role_arn="arn:aws:iam::123456789012:role/jobs/Reports"
)
OIDC = replace(
    CLIENT,
    client_id="cli_o",
    secret_hash=None,
    oidc=OidcBinding(
        issuer="https://id.example/realms/a", audience="api://evertoken", audience_claim=AudienceClaim.AUD
    ),
)


def test_a_client_of_each_kind_comes_back_as_it_was_put(stores):
    subject = replace(OIDC, client_id="cli_s", oidc=replace(OIDC.oidc, subject="robot é"))
    kinds = (CLIENT, OIDC, ROLE, subject)
    for client in kinds:
        stores.clients.put(client)

    assert stores.clients.list_all(None) == kinds
    assert [stores.clients.find(client.client_id) for client in kinds] == list(kinds)


def test_a_role_is_one_client_whatever_path_it_was_given_with(stores):
    role = IamRole(partition="aws", account="123456789012", name="Reports")
    stores.clients.put(ROLE)

    assert stores.clients.find_by_role(role) == ROLE
    for other in ({"partition": "aws-cn"}, {"account": "123456789013"}, {"name": "reports"}):
        assert stores.clients.find_by_role(replace(role, **other)) is None
    with pytest.raises(ConflictError):
        stores.clients.put(
            replace(ROLE, client_id="cli_2", role_arn="arn:aws:iam::123456789012:role/Reports")
        )
    assert stores.clients.find("cli_2") is None
    assert stores.clients.find_by_role(role) == ROLE


def test_the_bindings_of_an_issuer_are_its_own_and_each_is_one_clients(stores):
    wanted = {
        "cli_o": OIDC.oidc,
        "cli_1": replace(OIDC.oidc, subject="robot"),
        "cli_2": replace(OIDC.oidc, audience="other"),
        "cli_3": replace(OIDC.oidc, audience_claim=AudienceClaim.CLIENT_ID),
    }
    for client_id, binding in wanted.items():
        stores.clients.put(replace(OIDC, client_id=client_id, oidc=binding))
    stores.clients.put(
        replace(OIDC, client_id="cli_x", oidc=replace(OIDC.oidc, issuer=OIDC.oidc.issuer + "/"))
    )

    assert dict(stores.clients.find_oidc_bindings(OIDC.oidc.issuer)) == {
        binding: client_id for client_id, binding in wanted.items()
    }
    assert not stores.clients.find_oidc_bindings("https://id.example/realms")
    for binding in wanted.values():
        with pytest.raises(ConflictError):
            stores.clients.put(replace(OIDC, client_id="cli_thief", oidc=binding))
    assert stores.clients.find("cli_thief") is None


@pytest.mark.parametrize("client", [ROLE, OIDC], ids=["role", "oidc"])
def test_a_deleted_clients_binding_is_free_again(stores, client):
    stores.clients.put(client)
    assert stores.clients.delete(client.client_id) is True
    assert stores.clients.delete(client.client_id) is False
    stores.clients.put(replace(client, client_id="cli_next"))

    assert [one.client_id for one in stores.clients.list_all(None)] == ["cli_next"]


def test_a_registration_comes_back_as_it_was_put(stores):
    stores.registrations.put(REGISTRATION, binding="one", expected_version=None)

    assert stores.registrations.find("github-acme") == REGISTRATION
    assert stores.registrations.list_all() == (REGISTRATION,)


def test_a_registration_is_changed_only_at_the_version_that_was_read(stores):
    second = replace(REGISTRATION, version=2, paused_until=NOW)
    stores.registrations.put(REGISTRATION, binding="one", expected_version=None)

    with pytest.raises(ConflictError):
        stores.registrations.put(second, binding="one", expected_version=None)
    stores.registrations.put(second, binding="one", expected_version=1)
    with pytest.raises(ConflictError):
        stores.registrations.put(replace(REGISTRATION, version=2), binding="one", expected_version=1)

    assert stores.registrations.find("github-acme") == second


def test_two_registrations_cannot_have_one_client(stores):
    stores.registrations.put(REGISTRATION, binding="one", expected_version=None)

    with pytest.raises(ConflictError):
        stores.registrations.put(
            replace(REGISTRATION, registration_id="twin"), binding="one", expected_version=None
        )
    assert stores.registrations.find("twin") is None


def test_a_registration_that_changes_its_client_frees_the_old_one(stores):
    stores.registrations.put(REGISTRATION, binding="one", expected_version=None)
    stores.registrations.put(replace(REGISTRATION, version=2), binding="two", expected_version=1)

    stores.registrations.put(
        replace(REGISTRATION, registration_id="twin"), binding="one", expected_version=None
    )
    assert [one.registration_id for one in stores.registrations.list_all()] == ["github-acme", "twin"]


def test_a_deleted_registration_frees_its_client(stores):
    stores.registrations.put(REGISTRATION, binding="one", expected_version=None)

    assert stores.registrations.delete("github-acme") is True
    assert stores.registrations.delete("github-acme") is False
    stores.registrations.put(
        replace(REGISTRATION, registration_id="twin"), binding="one", expected_version=None
    )


def test_a_provider_document_comes_back_as_it_was_put(stores):
    document = {"extends": "oauth2", "name": "é", "numbers": [1, 2.5, None, True]}
    stores.providers.put("mine", document, NOW)
    stores.providers.put("also", {}, NOW)

    assert stores.providers.find("mine") == document
    assert stores.providers.list_ids() == ("also", "mine")
    assert stores.providers.delete("mine") is True
    assert stores.providers.delete("mine") is False
    assert stores.providers.find("mine") is None


def test_deleting_a_secret_that_is_not_there_is_fine(stores):
    stores.secrets.delete("github-acme")


def test_a_client_secret_is_stored_replaced_and_removed_in_secrets_manager(dynamodb):
    client = boto3.client("secretsmanager")
    secrets = SecretsManagerRegistrationSecrets(client, prefix=SECRET_PREFIX)
    name = f"{SECRET_PREFIX}/private/registrations/github-acme"

    secrets.write("github-acme", ClientSecrets(client_secret="first: % é", private_key="pem"))
    secrets.write("github-acme", ClientSecrets(client_secret="second"))
    assert json.loads(client.get_secret_value(SecretId=name)["SecretString"]) == {"client_secret": "second"}
    secrets.delete("github-acme")
    secrets.write("github-acme", ClientSecrets(private_key="third"))

    assert json.loads(client.get_secret_value(SecretId=name)["SecretString"]) == {"private_key": "third"}
