"""Who gets an access token, and who gets none any more: rules that do not depend on where things are stored."""

from dataclasses import replace
from datetime import timedelta

import pytest

from evertoken.domain.authorization import ApiClient
from evertoken.domain.credentials import hash_secret
from evertoken.domain.errors import (
    AuthenticationError,
    AuthorizationError,
    ConflictError,
    InvalidInputError,
    NotFoundError,
    StoreUnavailableError,
)
from evertoken.domain.external_identity import (
    AudienceClaim,
    IamRole,
    OidcBinding,
    parse_role_arn,
    parse_session_arn,
)
from evertoken.domain.issuer import why_not_an_issuer
from evertoken.usecases.exchange_assertion import Assertion, ExchangeDependencies, exchange_assertion
from evertoken.usecases.issue_role_token import issue_role_token
from evertoken.usecases.issue_token import ClientCredentials, IssueDependencies, issue_token
from evertoken.usecases.manage_api_clients import (
    REVOCATION_MARGIN_SECONDS,
    ApiClientDependencies,
    create_api_client,
    delete_api_client,
)
from evertoken.usecases.manage_tenants import TenantDependencies, delete_tenant, put_tenant
from tests.fakes.clock import FakeClock
from tests.fakes.directory import MemoryApiClients, MemoryRevocations, MemoryTenants
from tests.fakes.randomness import SeededRandomness
from tests.support.unsigned_jwt import unsigned_jwt

ISSUER = "https://api.example"
ID = "https://id.example"
SESSION = "arn:aws:sts::123456789012:assumed-role/Reports/job-7"
ROLE = "arn:aws:iam::123456789012:role/jobs/Reports"


class Signer:
    """Signs by showing what it signed."""

    def sign(self, claims):
        return unsigned_jwt(claims)


class Operator:
    """The operator's credential."""

    def get(self):
        return ApiClient(
            client_id="operator",
            tenant_id=None,
            name="operator",
            scopes=("operator",),
            secret_hash=hash_secret("s"),
            created_at=FakeClock().now(),
        )


class Issuers:
    """`ExternalIssuers` that believes what it is shown, and counts."""

    def __init__(self):
        self.claims, self.asked = {}, []

    def get_claims(self, assertion, *, issuer):
        self.asked.append(issuer)
        if not assertion.endswith(".good"):
            raise AuthenticationError("A reason of its own.")
        return self.claims


class World:
    def __init__(self):
        self.clock, self.randomness = FakeClock(), SeededRandomness(1)
        self.tenants, self.clients, self.revocations = (
            MemoryTenants(),
            MemoryApiClients(),
            MemoryRevocations(),
        )
        self.issuers = Issuers()
        self.issuing = IssueDependencies(
            clients=self.clients,
            tenants=self.tenants,
            operator=Operator(),
            signer=Signer(),
            clock=self.clock,
            randomness=self.randomness,
            lifetime_seconds=900,
        )
        self.managing = ApiClientDependencies(
            clients=self.clients,
            tenants=self.tenants,
            revocations=self.revocations,
            clock=self.clock,
            randomness=self.randomness,
            lifetime_seconds=900,
            allow_loopback=False,
        )
        self.keeping = TenantDependencies(
            tenants=self.tenants,
            clients=self.clients,
            revocations=self.revocations,
            clock=self.clock,
            longest_token_seconds=43_200,
            allow_loopback=False,
        )
        self.suspend(None)

    def suspend(self, is_suspended):
        return put_tenant(
            self.keeping, tenant_id="acme", name="Acme", return_urls=(), is_suspended=is_suspended
        )

    def refuses(self, issued_at):
        return self.revocations.read_all().refuses_tenant("acme", issued_at=issued_at)

    def create(self, **proof):
        return create_api_client(
            self.managing, tenant_id="acme", name="n", scopes=("tokens:read", "audit:read"), **proof
        )

    def by_secret(self, created, scopes=None):
        credentials = ClientCredentials(
            client_id=created.client.client_id, client_secret=created.client_secret
        )
        return issue_token(self.issuing, credentials, scopes=scopes, issuer=ISSUER)

    def by_role(self, arn=SESSION, scopes=None):
        return issue_role_token(self.issuing, arn, scopes=scopes, issuer=ISSUER)

    def by_assertion(self, *, ending="good", **claims):
        self.issuers.claims = {"iss": ID, "sub": "robot", "aud": "evertoken", **claims}
        token = unsigned_jwt(self.issuers.claims).rpartition(".")[0] + "." + ending
        deps = ExchangeDependencies(issuing=self.issuing, issuers=self.issuers)
        return exchange_assertion(deps, Assertion(token=token), scopes=None, issuer=ISSUER)


@pytest.fixture
def world():
    return World()


def oidc(**changes):
    return OidcBinding(**{"issuer": ID, "audience": "evertoken", **changes})


def test_each_kind_of_client_gets_the_same_kind_of_token(world):
    secret, role, external = world.create(), world.create(role_arn=ROLE), world.create(oidc=oidc())

    tokens = [world.by_secret(secret), world.by_role(), world.by_assertion()]

    assert [issued.client for issued in tokens] == [secret.client, role.client, external.client]
    assert {(issued.scope, issued.expires_in) for issued in tokens} == {("audit:read tokens:read", 900)}
    assert (role.client_secret, external.client_secret) == (None, None)
    assert "tokens:read" in world.by_role(scopes=("tokens:read",)).scope
    with pytest.raises(InvalidInputError, match="scope"):
        world.by_role(scopes=("operator",))


def test_a_client_without_a_secret_cannot_be_had_with_one(world):
    created = world.create(role_arn=ROLE)

    for secret in ("", "None", "0" * 64):
        with pytest.raises(AuthenticationError):
            world.by_secret(replace(created, client_secret=secret))


@pytest.mark.parametrize(
    ("arn", "name"),
    [
        (SESSION, "Reports"),
        ("arn:aws-cn:sts::123456789012:assumed-role/Reports/i-0123", "Reports"),
        ("arn:aws:sts::123456789012:assumed-role/A_b+c=d,e.f@g-h/a@b", "A_b+c=d,e.f@g-h"),
        ("arn:aws:sts::123456789012:assumed-role/Reports", None),
        ("arn:aws:sts::123456789012:assumed-role/path/Reports/job", None),
        ("arn:aws:sts::123456789012:assumed-role//job", None),
        ("arn:aws:sts::123456789012:federated-user/Reports", None),
        ("arn:aws:iam::123456789012:user/Reports", None),
        ("arn:aws:iam::123456789012:role/Reports", None),
        ("arn:aws:iam::123456789012:root", None),
        ("arn:aws:sts::12345678901:assumed-role/Reports/job", None),
        ("arn:aws:sts::１23456789012:assumed-role/Reports/job", None),
        (SESSION + "\n", None),
        (" " + SESSION, None),
        ("", None),
    ],
)
def test_only_a_roles_session_is_a_role(arn, name):
    role = parse_session_arn(arn)

    assert (None if role is None else role.name) == name


@pytest.mark.parametrize(
    ("arn", "is_role"),
    [
        (ROLE, True),
        ("arn:aws:iam::123456789012:role/Reports", True),
        ("arn:aws-us-gov:iam::123456789012:role/a/b/c/Reports", True),
        ("arn:aws:iam::123456789012:role/", False),
        ("arn:aws:iam::123456789012:role/jobs/", False),
        ("arn:aws:iam::123456789012:role//Reports", False),
        ("arn:aws:iam::123456789012:role/*", False),
        ("arn:aws:iam::*:role/Reports", False),
        ("arn:aws:iam::123456789012:user/Reports", False),
        (SESSION, False),
        ("Reports", False),
    ],
)
def test_a_role_is_bound_by_its_whole_arn(world, arn, is_role):
    assert (parse_role_arn(arn) is not None) == is_role
    if not is_role:
        with pytest.raises(InvalidInputError, match="role_arn"):
            world.create(role_arn=arn)


def test_a_roles_path_is_not_told_so_two_bindings_may_not_differ_in_it_alone(world):
    world.create(role_arn=ROLE)

    with pytest.raises(ConflictError):
        world.create(role_arn="arn:aws:iam::123456789012:role/other/Reports")
    assert (
        parse_session_arn(SESSION)
        == parse_role_arn(ROLE)
        == IamRole(partition="aws", account="123456789012", name="Reports")
    )


@pytest.mark.parametrize(
    "arn", [SESSION.replace("Reports", "reports"), SESSION.replace("012:", "013:"), "arn:aws:iam::123456789012:user/Reports"]
)  # fmt: skip
def test_whoever_signed_as_somebody_else_is_forbidden(world, arn):
    world.create(role_arn=ROLE)

    with pytest.raises(AuthorizationError, match="bound"):
        world.by_role(arn)


def test_without_the_gateways_word_nobody_is_a_role(world):
    world.create(role_arn=ROLE)

    with pytest.raises(AuthenticationError):
        world.by_role("")


@pytest.mark.parametrize(
    ("binding", "claims", "fits"),
    [
        ({}, {}, True),
        ({}, {"aud": ["other", "evertoken"]}, True),
        ({}, {"aud": "evertoken "}, False),
        ({}, {"aud": ["other"]}, False),
        ({}, {"aud": [["evertoken"]]}, False),
        ({}, {"aud": None}, False),
        ({}, {"aud": {"evertoken": 1}}, False),
        ({"audience_claim": AudienceClaim.CLIENT_ID}, {"client_id": "evertoken", "aud": None}, True),
        ({"audience_claim": AudienceClaim.CLIENT_ID}, {"client_id": ["evertoken"]}, False),
        ({"audience_claim": AudienceClaim.AZP}, {}, False),
        ({"audience_claim": AudienceClaim.AZP}, {"azp": "evertoken"}, True),
        ({"subject": "robot"}, {}, True),
        ({"subject": "robot"}, {"sub": "robot2"}, False),
        ({"subject": "robot"}, {"sub": ["robot"]}, False),
    ],
)
def test_an_assertion_is_for_the_audience_and_subject_of_its_binding(world, binding, claims, fits):
    created = world.create(oidc=oidc(**binding))

    if fits:
        assert world.by_assertion(**claims).client == created.client
    else:
        with pytest.raises(AuthenticationError):
            world.by_assertion(**claims)


def test_a_binding_with_a_subject_goes_before_one_without_and_what_fits_two_is_nobodys(world):
    anyone = world.create(oidc=oidc())
    robot = world.create(oidc=oidc(subject="robot"))
    assert world.by_assertion(sub="robot").client == robot.client
    assert world.by_assertion(sub="other").client == anyone.client
    world.create(oidc=oidc(audience="evertoken", audience_claim=AudienceClaim.AZP))

    assert world.by_assertion(sub="other").client == anyone.client
    with pytest.raises(AuthenticationError):
        world.by_assertion(sub="other", azp="evertoken")


def test_an_issuer_that_is_nobodys_is_never_asked_and_every_refusal_is_the_same(world):
    world.create(oidc=oidc())
    messages = set()
    for wrong in (
        {"iss": "https://evil.example"},
        {"iss": ID + "/"},
        {"iss": [ID]},
        {"iss": None},
        {"iss": ""},
        {"iss": "\ud800"},
        {"iss": ID + "\u2024evil"},
        {"aud": "other"},
        {"ending": "bad"},
    ):
        with pytest.raises(AuthenticationError) as refusal:
            world.by_assertion(**wrong)
        messages.add(refusal.value.message)

    assert len(messages) == 1
    assert set(world.issuers.asked) == {ID}


def test_a_client_that_is_deleted_is_revoked_first_for_longer_than_any_token_of_it_lives(world):
    created = world.create(role_arn=ROLE)

    class Watching(MemoryApiClients):
        def delete(inner, client_id):  # noqa: N805  # the test's own self is needed too
            assert ("client", client_id) in world.revocations.entries
            raise StoreUnavailableError("The store is told to fail.")

    watching = replace(world.managing, clients=Watching(world.clients.clients))
    with pytest.raises(StoreUnavailableError):
        delete_api_client(watching, created.client.client_id)
    delete_api_client(world.managing, created.client.client_id)

    until = world.revocations.entries["client", created.client.client_id]
    assert until == world.clock.now() + timedelta(seconds=900 + REVOCATION_MARGIN_SECONDS)
    with pytest.raises(AuthorizationError):
        world.by_role()
    with pytest.raises(NotFoundError):
        delete_api_client(world.managing, created.client.client_id)


def test_while_the_revocation_cannot_be_written_the_client_stays(world):
    created = world.create()

    class Broken(MemoryRevocations):
        def revoke_client(self, client_id, *, until):
            raise StoreUnavailableError("The store is told to fail.")

    with pytest.raises(StoreUnavailableError):
        delete_api_client(replace(world.managing, revocations=Broken()), created.client.client_id)
    assert world.clients.find(created.client.client_id) == created.client


def test_a_suspended_tenants_clients_get_no_token_of_any_kind_until_it_is_lifted(world):
    secret = world.create()
    world.create(role_arn=ROLE)
    world.create(oidc=oidc())
    ways = (lambda: world.by_secret(secret), world.by_role, world.by_assertion)

    assert world.suspend(True).is_suspended
    for way in ways:
        with pytest.raises(AuthorizationError, match="suspended"):
            way()
    assert world.revocations.entries == {("tenant", "acme"): None}
    assert world.suspend(None).is_suspended, "a change of name lifts nothing"
    assert not world.suspend(False).is_suspended
    assert all(way().client.tenant_id == "acme" for way in ways)


def test_who_guesses_at_a_suspended_tenants_client_learns_nothing(world):
    created = world.create()
    world.suspend(True)

    with pytest.raises(AuthenticationError, match="unknown"):
        world.by_secret(replace(created, client_secret="guess"))


def test_a_change_of_name_that_has_not_seen_a_suspension_does_not_undo_it(world):
    class Racing(MemoryTenants):
        def put(inner, tenant, *, replacing):  # noqa: N805  # the test's own self is needed too
            if world.keeping.tenants is inner:
                world.keeping = replace(world.keeping, tenants=world.tenants)
                world.clock.advance(0.001)
                world.suspend(True)
            return world.tenants.put(tenant, replacing=replacing)

    world.keeping = replace(world.keeping, tenants=Racing(world.tenants.tenants))
    with pytest.raises(StoreUnavailableError, match="again"):
        world.suspend(None)

    assert world.tenants.find("acme").is_suspended
    assert world.refuses(world.clock.now())


@pytest.mark.parametrize("is_suspended", [True, False])
def test_whoever_repeats_a_suspension_or_its_end_after_a_failure_finishes_it(world, is_suspended):
    world.suspend(not is_suspended)

    class Broken(MemoryRevocations):
        def revoke_tenant(self, tenant_id, *, now, until):
            raise StoreUnavailableError("The store is told to fail.")

        def lift_tenant(self, tenant_id, *, now, until):
            raise StoreUnavailableError("The store is told to fail.")

    keeping, world.keeping = world.keeping, replace(world.keeping, revocations=Broken())
    with pytest.raises(StoreUnavailableError):
        world.suspend(is_suspended)
    world.keeping = keeping
    world.suspend(is_suspended)

    assert world.refuses(world.clock.now()) == is_suspended


LIFE = timedelta(seconds=43_200 + REVOCATION_MARGIN_SECONDS)


def test_a_deleted_tenant_is_revoked_for_longer_than_any_session_of_it_lives(world):
    delete_tenant(world.keeping, "acme")

    assert world.revocations.entries == {("tenant", "acme"): world.clock.now() + LIFE}
    assert world.refuses(world.clock.now() + timedelta(days=1))


def suspended_and_lifted(world):
    world.suspend(True)
    world.clock.advance(5)
    world.suspend(False)


def deleted_and_made_again(world):
    delete_tenant(world.keeping, "acme")
    world.clock.advance(5)
    world.suspend(None)


@pytest.mark.parametrize("come_back", [suspended_and_lifted, deleted_and_made_again])
def test_a_tenant_that_comes_back_does_not_bring_its_old_tokens_along(world, come_back):
    begin = world.clock.now()
    come_back(world)
    back_at = world.clock.now()

    assert world.refuses(begin)
    assert world.refuses(begin + timedelta(seconds=4)), (
        "what was issued where the revocation was not known yet"
    )
    assert not world.refuses(back_at)
    assert world.revocations.entries == {("tenant", "acme"): back_at + LIFE}, "until the last old one is dead"
    world.clock.advance(60)
    world.suspend(None)
    assert not world.refuses(back_at), "a change of name refuses nothing that was issued since"


def test_a_client_whose_tenant_is_gone_gets_no_token(world):
    created = world.create()
    world.tenants.delete("acme")

    with pytest.raises(AuthorizationError):
        world.by_secret(created)


def test_the_operator_has_no_tenant_to_be_suspended(world):
    credentials = ClientCredentials(client_id="operator", client_secret="s")

    issued = issue_token(world.issuing, credentials, scopes=None, issuer=ISSUER)

    assert (issued.client.client_id, issued.scope) == ("operator", "operator")


def test_a_client_proves_itself_in_one_way(world):
    with pytest.raises(InvalidInputError, match="role_arn, oidc"):
        world.create(role_arn=ROLE, oidc=oidc())


@pytest.mark.parametrize(
    ("issuer", "is_taken"),
    [
        ("https://id.example", True),
        ("https://id.example/", True),
        ("https://id.example:8443/realms/a_b-c~d|e", True),
        ("https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbC123", True),
        ("https://login.microsoftonline.com/8f3c/v2.0", True),
        ("http://id.example", False),
        ("https://id", False),
        ("https://localhost:1", False),
        ("http://127.0.0.1:1", False),
        ("https://127.0.0.1", False),
        ("https://10.0.0.1", False),
        ("https://169.254.169.254", False),
        ("https://0x7f.1", False),
        ("https://[::1]", False),
        ("https://id..example", False),
        ("https://ID.example", False),
        ("https://user@id.example", False),
        ("https://id.example\\@evil.example", False),
        ("https://id.example/?a=1", False),
        ("https://id.example/#a", False),
        ("https://id.example/a/../b", False),
        ("https://id.example/%2e%2e", False),
        ("https://id.example/\n", False),
        ("https://id.example/é", False),
        ("ftp://id.example", False),
        ("id.example", False),
        ("", False),
        ("https://id.example/" + "a" * 512, False),
    ],
)
def test_an_issuer_is_a_plain_https_url_of_a_public_name(world, issuer, is_taken):
    if is_taken:
        assert world.create(oidc=oidc(issuer=issuer)).client.oidc.issuer == issuer
    else:
        with pytest.raises(InvalidInputError, match=r"oidc\.issuer must"):
            world.create(oidc=oidc(issuer=issuer))


def test_on_the_local_stage_an_issuer_may_be_on_this_machine():
    for url in ("http://127.0.0.1:9000", "http://localhost:9000/a"):
        assert why_not_an_issuer(url, allow_loopback=True) is None
    assert why_not_an_issuer("http://id.example", allow_loopback=True) is not None


def test_no_secret_or_assertion_shows_in_a_representation(world):
    created = world.create()
    issued = world.by_secret(created)

    shown = repr([created, issued, Assertion(token="assertion-text"), created.client])

    for secret in (created.client_secret, issued.access_token, "assertion-text", created.client.secret_hash):
        assert secret not in shown
