"""Our client as an operator registers it at the provider under test."""

from datetime import timedelta

from evertoken.domain.assertion import SigningAlgorithm, SigningKey
from evertoken.domain.grant import Grant
from evertoken.domain.provider import Provider
from evertoken.domain.ready_client import ReadyClient
from evertoken.domain.registration import ClientRegistration
from tests.conformance.simulated_client import SIGNING, SimulatedClient, private_key_pem
from tests.fakes.clock import FakeClock

TENANT, REGISTRATION = "acme", "client-1-acme"


def register(
    provider: Provider,
    client: SimulatedClient,
    values: dict[str, str],
    scopes: tuple[str, ...],
    clock: FakeClock,
) -> ReadyClient:
    """Our client as an operator registers it: *values* are what only they may give."""
    signs = client.method in SIGNING and client.method != "client_secret_jwt"
    needs_key = signs or Grant.JWT_BEARER in provider.grants
    operation = "" if signs else "jwt_bearer"
    algorithm = client.algorithm(operation)
    key = SigningKey(algorithm=SigningAlgorithm(algorithm), key_id="key-1") if needs_key else None
    # An operator believes the entry: where it wants a secret they give one, even if the provider issued none.
    has_secret = client.has_secret or provider.client_authentication[0].value in (
        "client_secret_basic",
        "client_secret_post",
    )
    now = clock.now() - timedelta(days=1)
    registration = ClientRegistration(
        registration_id=REGISTRATION,
        provider_id=provider.provider_id,
        client_id=client.client_id,
        tenants=(TENANT,),
        scopes=scopes,
        client_authentication=None if client.method == client.entry.methods[0] else client.method,
        signing_key=key,
        parameters=values,
        has_secret=has_secret,
        has_private_key=needs_key,
        created_at=now,
        updated_at=now,
    )
    return ReadyClient(
        provider=provider.filled(values, by_operator=True, whole=False),
        registration=registration,
        client_secret=client.secret if has_secret else None,
        private_key=private_key_pem(algorithm) if needs_key else None,
    )
