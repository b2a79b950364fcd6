"""Client registrations with keys that sign: what cannot sign is refused before it is stored, and secrets go in together."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from evertoken.adapters.assertion_signer import RegistrationAssertionSigner
from evertoken.domain.assertion import AssertionShape, SigningAlgorithm, SigningKey
from evertoken.domain.errors import InvalidInputError
from evertoken.domain.provider import Provider
from evertoken.domain.registration import ClientSecrets
from evertoken.domain.request_shape import ClientAuthentication
from evertoken.usecases.manage_registrations import (
    RegistrationDependencies,
    RegistrationWish,
    get_registration,
    put_registration,
)
from tests.fakes.clock import FakeClock
from tests.fakes.directory import MemoryRegistrations, MemoryRegistrationSecrets, MemoryTenants

KMS_KEY = "arn:aws:kms:eu-central-1:123456789012:key/1"
PROVIDER = Provider(
    provider_id="own",
    name="Own",
    token_endpoint="https://login.example.com/token",
    client_authentication=(ClientAuthentication.PRIVATE_KEY_JWT, ClientAuthentication.CLIENT_SECRET_BASIC),
    client_assertion=AssertionShape(algorithms=(SigningAlgorithm.ES256,)),
    grant_assertion=AssertionShape(algorithms=(SigningAlgorithm.ES256,)),
)


def pem(key):
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


EC_KEY = pem(ec.generate_private_key(ec.SECP256R1()))
RSA_KEY = pem(rsa.generate_private_key(public_exponent=65537, key_size=2048))


class Catalogue:
    """One provider."""

    def get(self, _):
        return PROVIDER


@pytest.fixture
def deps():
    def no_kms():
        raise AssertionError("KMS was asked")

    return RegistrationDependencies(
        registrations=MemoryRegistrations(),
        secrets=MemoryRegistrationSecrets(),
        catalogue=Catalogue(),
        tenants=MemoryTenants(),
        signer=RegistrationAssertionSigner(no_kms),
        clock=FakeClock(),
    )


def wish(**fields):
    return RegistrationWish(
        registration_id="reg", provider_id="own", client_id="client-1", tenants=("*",), **fields
    )


def key(algorithm=SigningAlgorithm.ES256, **fields):
    return SigningKey(algorithm=algorithm, **fields)


def test_a_private_key_is_stored_apart_from_the_registration(deps):
    put_registration(deps, wish(signing_key=key(key_id="k1"), private_key=EC_KEY))
    registration = get_registration(deps, "reg")
    assert (registration.has_secret, registration.has_private_key) == (False, True)
    assert registration.signing_key == key(key_id="k1")
    assert deps.secrets.secrets["reg"] == ClientSecrets(private_key=EC_KEY)
    assert "PRIVATE KEY" not in repr(registration)


def test_a_key_in_kms_needs_no_private_key(deps):
    registration = put_registration(deps, wish(signing_key=key(kms_key_id=KMS_KEY)))
    assert (registration.has_private_key, deps.secrets.secrets) == (False, {})


def test_without_secrets_the_stored_ones_are_kept(deps):
    put_registration(deps, wish(signing_key=key(), private_key=EC_KEY, client_secret="s"))
    registration = put_registration(deps, wish(signing_key=key(key_id="new name")))
    assert (registration.has_secret, registration.has_private_key) == (True, True)
    assert deps.secrets.secrets["reg"] == ClientSecrets(client_secret="s", private_key=EC_KEY)


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"private_key": EC_KEY}, "signing_key: a private_key needs it"),
        (
            {"signing_key": key(SigningAlgorithm.RS256), "private_key": RSA_KEY},
            r"signing_key\.algorithm: .*ES256",
        ),
        ({"signing_key": key()}, "private_key: signing_key needs one"),
        ({"signing_key": key(), "private_key": RSA_KEY}, "private_key: it cannot be read"),
        ({"signing_key": key(), "private_key": "no key"}, "private_key: it cannot be read"),
        (
            {"signing_key": key(kms_key_id=KMS_KEY), "private_key": EC_KEY},
            "private_key: it cannot stand beside",
        ),
    ],
)
def test_a_key_that_could_not_sign_is_refused_by_name_and_nothing_is_stored(deps, fields, named):
    with pytest.raises(InvalidInputError, match=named):
        put_registration(deps, wish(**fields))
    assert (deps.registrations.registrations, deps.secrets.secrets) == ({}, {})


def test_of_two_secrets_none_is_dropped_unsaid(deps):
    put_registration(deps, wish(signing_key=key(), private_key=EC_KEY, client_secret="s"))
    with pytest.raises(InvalidInputError, match="client_secret: this registration has one"):
        put_registration(deps, wish(signing_key=key(), private_key=EC_KEY))
    with pytest.raises(InvalidInputError, match="private_key: this registration has one"):
        put_registration(deps, wish(signing_key=key(), client_secret="t"))
    assert deps.secrets.secrets["reg"] == ClientSecrets(client_secret="s", private_key=EC_KEY)


def test_a_key_that_moves_to_kms_leaves_none_behind(deps):
    put_registration(deps, wish(signing_key=key(), private_key=EC_KEY, client_secret="s"))
    registration = put_registration(deps, wish(signing_key=key(kms_key_id=KMS_KEY), client_secret="s"))
    assert (registration.has_private_key, deps.secrets.secrets["reg"]) == (
        False,
        ClientSecrets(client_secret="s"),
    )
