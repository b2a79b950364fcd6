"""Every field of a provider document reaches the provider that it describes."""

import pytest

from evertoken.catalogue.loader import parse_provider
from evertoken.domain.answer_shape import ExpiryKind, ExpiryShape, RetryAfterShape, TraceShape
from evertoken.domain.assertion import RFC_ASSERTION, SigningAlgorithm
from evertoken.domain.errors import InvalidInputError
from evertoken.domain.outcome import FailureKind
from evertoken.domain.provider import (
    ChallengeMethod,
    NewRefreshToken,
    Pkce,
    RefreshCredential,
    Rotation,
    RotationClass,
)
from evertoken.domain.provider_shapes import (
    AccountOrigin,
    GrantSharing,
    Lifecycle,
    LimitScope,
    RequestLimit,
    Stage,
)
from evertoken.domain.request_shape import (
    RFC_REQUESTS,
    AuthorizationHeader,
    ClientAuthentication,
    ClientPart,
    Encoding,
    HeaderCredential,
)
from tests.catalogue.sections import CORE, PARAMETERS, WHOLE, change


def parse(document, **options):
    return parse_provider(document, provider_id="own", **options)


PROVIDER = parse(WHOLE, needs_sources=False)


def test_where_it_is_in_its_life():
    assert PROVIDER.lifecycle == Lifecycle(
        stage=Stage.RETIRING,
        ends_on="2027-04-01",
        successor="other",
        note="New clients are not admitted.",
    )
    assert parse(CORE).lifecycle.stage is Stage.ACTIVE


def test_its_endpoints():
    assert (
        PROVIDER.authorization_endpoint,
        PROVIDER.token_endpoint,
        PROVIDER.revocation_endpoint,
        PROVIDER.device_authorization_endpoint,
    ) == (
        "https://login.example.com/authorize",
        "https://login.example.com/token",
        "https://login.example.com/{client_id}/revoke",
        "https://login.example.com/device",
    )


def test_how_clients_authenticate():
    assert PROVIDER.client_authentication == (
        ClientAuthentication.PRIVATE_KEY_JWT,
        ClientAuthentication.CLIENT_SECRET_BASIC,
    )
    assert not PROVIDER.form_encodes_basic
    for assertion in (PROVIDER.client_assertion, PROVIDER.grant_assertion):
        assert assertion.algorithms == (SigningAlgorithm.ES256, SigningAlgorithm.RS256)
        assert (assertion.audience, assertion.lifetime_seconds) == ("https://login.example.com", 300)
        assert assertion.claims == {"iss": "{client_id}", "https://example.com/team": "blue"}
        assert assertion.omits == {"jti"}
    plain = parse(CORE)
    assert plain.client_assertion == plain.grant_assertion == RFC_ASSERTION


def test_pkce_rotation_and_refreshing():
    assert (PROVIDER.pkce, PROVIDER.challenge_method) == (Pkce.REQUIRED, ChallengeMethod.PLAIN)
    assert PROVIDER.rotation == Rotation(
        kind=RotationClass.GRACE,
        grace_seconds=1800,
        grace_ends_on_use=True,
        new_token=NewRefreshToken.ALWAYS,
    )
    assert PROVIDER.refresh_kills_access_token
    assert PROVIDER.refresh_credential is RefreshCredential.ACCESS_TOKEN
    assert (
        PROVIDER.minimum_age_seconds,
        PROVIDER.maximum_age_seconds,
        PROVIDER.refresh_window_seconds,
        PROVIDER.refreshable_after_expiry,
    ) == (86_400, 604_800, 30, False)


def test_lifetimes_limits_and_sharing():
    assert (
        PROVIDER.access_token_lifetime_seconds,
        PROVIDER.access_token_lifetime_is_assumed,
        PROVIDER.refresh_token_lifetime_seconds,
        PROVIDER.use_extends_refresh_token,
        PROVIDER.grant_lifetime_seconds,
    ) == (7200, False, 15_552_000, True, 31_536_000)
    assert PROVIDER.limits == (
        RequestLimit(requests=10, seconds=600, scope=LimitScope.GRANT),
        RequestLimit(requests=1, seconds=1, scope=LimitScope.CLIENT),
    )
    assert PROVIDER.sharing == GrantSharing(limit=20, refresh_ends_others=True)


def test_what_a_revocation_takes_and_ends():
    assert (PROVIDER.revocation_ends_grant, PROVIDER.revokes_access_token) == (False, True)
    plain = parse(CORE)
    assert (plain.revocation_ends_grant, plain.revokes_access_token) == (True, False)


@pytest.mark.parametrize(
    ("token", "parameter", "takes_access_token"),
    [
        (None, "access_token", True),
        (None, "token", False),
        ("refresh_token", "access_token", False),
        ("access_token", "token", True),
    ],
)
def test_a_revocation_whose_parameter_is_called_access_token_takes_that_unless_the_document_says_otherwise(
    token, parameter, takes_access_token
):
    document = change(CORE, "requests.revocation.token_parameter", parameter)
    if token is not None:
        document = change(document, "revocation.token", token)
    assert parse(document).revokes_access_token is takes_access_token


def test_how_browsers_are_sent_and_come_back():
    authorization, callback = PROVIDER.authorization, PROVIDER.callback
    assert (authorization.scope_separator, authorization.always_scopes) == (",", ("openid",))
    assert authorization.names == {"client_id": "client_key", "scope": "user_scope"}
    assert authorization.omits == {"response_type"}
    assert authorization.parameters == {"access_type": "offline", "nonce": "{random}"}
    assert authorization.accepts == {"login_hint"}
    assert (callback.code_parameter, callback.code_suffixes, callback.keeps) == (
        "auth_code",
        ("#_",),
        ("realmId",),
    )


def test_a_request_that_differs_from_the_rfcs():
    refresh = PROVIDER.requests.refresh
    assert (refresh.url, refresh.method, refresh.encoding) == (
        "https://api.example.com/{client_id}/{refresh_token}",
        "GET",
        Encoding.QUERY,
    )
    assert (refresh.client, refresh.client_authentication) == (
        ClientPart.SECRET_AS_USERNAME,
        ClientAuthentication.CLIENT_SECRET_POST,
    )
    assert refresh.authorization_header == AuthorizationHeader(
        scheme="Client", credential=HeaderCredential.CLIENT_SECRET
    )
    assert (refresh.grant_type, refresh.token_parameter) == ("example_refresh", "access_token")
    assert refresh.omits == {"redirect_uri", "scope"}


def test_what_requests_have_in_common_goes_under_their_own():
    requests = PROVIDER.requests
    assert requests.refresh.names == {"client_secret": "secret", "client_id": "client_key"}
    assert requests.refresh.parameters == {"format": "json", "expiring": "1", "nonce": "{random}"}
    assert requests.refresh.headers == {"X-Version": "3", "User-Agent": "aws:{client_id}:v1"}
    for shape in requests.all():
        assert shape.names["client_secret"] == "secret"
        assert (shape.parameters["format"], shape.headers["X-Version"]) == ("json", "3")
    own = {"headers": {"ACCEPT": "a"}, "refresh": {"headers": {"Accept": "b"}}}
    assert parse(change(CORE, "requests", own)).requests.refresh.headers == {"Accept": "b"}
    assert parse(change(CORE, "requests", own)).requests.code_exchange.headers == {"ACCEPT": "a"}
    both = {"names": {"scope": "a"}, "parameters": {"p": "a"}}
    own = {**both, "refresh": {"names": {"scope": "b"}, "parameters": {"p": "b"}}}
    requests = parse(change(CORE, "requests", own)).requests
    assert (requests.refresh.names, requests.refresh.parameters) == ({"scope": "b"}, {"p": "b"})
    assert (requests.revocation.names, requests.revocation.parameters) == ({"scope": "a"}, {"p": "a"})


def test_what_a_request_leaves_out_is_as_the_rfcs_have_it():
    bare = parse(change(CORE, "requests", {"user_token": {}, "session_login": {}, "revocation": {}}))
    assert bare.requests == RFC_REQUESTS == parse(CORE).requests
    requests = PROVIDER.requests
    assert requests.session_login.encoding is Encoding.JSON
    assert requests.session_login.client is ClientPart.ABSENT
    assert (requests.code_exchange.grant_type, requests.code_exchange.client) == (None, ClientPart.ID_ONLY)
    assert requests.following_exchanges[0].token_parameter == ""
    assert requests.jwt_bearer.client is ClientPart.AUTHENTICATED
    assert requests.jwt_bearer.grant_type == RFC_REQUESTS.jwt_bearer.grant_type
    assert requests.revocation.method == "DELETE"


def test_a_request_for_the_authorization_url():
    shape = PROVIDER.requests.authorization
    assert (shape.url, shape.encoding) == ("https://api.example.com/authorize", Encoding.JSON)
    assert shape.authorization_header.credential is HeaderCredential.USER_TOKEN
    assert shape.client is ClientPart.ABSENT
    assert PROVIDER.requests.authorization_url_path == "/data/redirect_url"
    asked = change(change(CORE, "endpoints.authorization", ...), "requests.authorization.url_path", "/url")
    with pytest.raises(InvalidInputError, match=r"endpoints\.authorization is missing"):
        parse(asked)
    parse(change(asked, "requests.authorization.url", "https://api.example.com/authorize"))


def test_how_answers_look():
    answer = PROVIDER.answer
    assert answer.token_paths == ("", "/data/0")
    assert answer.names_of("access_token") == ("accessToken",)
    assert answer.names_of("expires_in") == ("expireIn", "expires")
    assert answer.headers == {"access_token": "x-security-token"}
    assert (answer.form_encoded, answer.jsonp, answer.scope_separator) == (True, True, "|")
    assert (answer.token_types, answer.authorization_scheme) == ({"user access token"}, "OAuth")
    assert answer.expiry == ExpiryShape(kind=ExpiryKind.EPOCH_MILLISECONDS, zero_is_never=True)
    assert answer.refresh_token_expiry == ExpiryShape(kind=ExpiryKind.ISO_8601, zero_is_never=False)
    assert answer.retry_after == RetryAfterShape(
        header="x-ratelimit-reset", path="/retry_after", kind=ExpiryKind.EPOCH_SECONDS
    )
    assert answer.trace == TraceShape(header="intuit_tid", path="/error/trace_id")


def test_zero_means_never_for_a_refresh_token_unless_the_document_says_otherwise():
    answer = parse(change(CORE, "answer.refresh_token_expires_in", {"kind": "seconds"})).answer
    assert answer.refresh_token_expiry == ExpiryShape(kind=ExpiryKind.SECONDS, zero_is_never=True)


def test_who_the_account_is_and_what_is_kept():
    assert (PROVIDER.account.origin, PROVIDER.account.member) == (AccountOrigin.ANSWER, "/user/id")
    assert PROVIDER.answer.keeps == ("instance_url", "/team/id")


@pytest.mark.parametrize(
    ("section", "value", "name"),
    [
        ("answer", {"keeps": ["accountId", "/team/id"]}, "accountId"),
        ("answer", {"keeps": ["/team/id"]}, "team_id"),
        ("callback", {"keeps": ["realmId"]}, "realmId"),
        ("account", {"from": "answer", "member": "/user/id"}, "user_id"),
        ("account", {"from": "callback", "member": "device_id"}, "device_id"),
    ],
)
def test_what_is_kept_fills_requests_that_follow(section, value, name):
    request = {"url": f"https://a.example.com/{{{name}}}", "headers": {"X-Id": f"{{{name}}}"}}
    document = change(CORE, "requests.refresh", request)
    with pytest.raises(InvalidInputError, match=rf"requests\.refresh\.url has the placeholder {{{name}}}"):
        parse(document)
    assert parse({**document, section: value}).requests.refresh.headers == {"X-Id": f"{{{name}}}"}


def test_what_errors_mean():
    dead, slow, refused, waits, down = PROVIDER.error_rules
    assert (dead.kind, dead.path, dead.values, dead.code) == (
        FailureKind.GRANT_DEAD,
        "/error/code",
        (190, "dead", False),
        "bad_token",
    )
    assert (dead.operations, dead.statuses) == ({"refresh"}, {200, 400})
    assert (slow.kind, slow.values, slow.contains) == (FailureKind.THROTTLED, ("Slow down",), True)
    assert (refused.kind, refused.values, refused.negated) == (FailureKind.REJECTED, (0,), True)
    assert (waits.kind, waits.values) == (FailureKind.USER_ACTION_REQUIRED, (False,))
    assert (down.kind, down.statuses, down.path) == (FailureKind.PROVIDER_DOWN, {520}, None)
    assert [rule.contains for rule in PROVIDER.error_rules] == [False, True, False, False, False]
    assert [rule.negated for rule in PROVIDER.error_rules] == [False, False, True, False, False]


def test_where_each_fact_is_known_from():
    assert PROVIDER.sources["errors[0]"].url == "https://docs.example.com/oauth#tokens"
    assert {"limits[0]", "lifecycle", "sharing", "callback"} <= PROVIDER.sources.keys()
    assert "errors[1]" not in PROVIDER.sources


def with_hosts(**urls):
    document = {**CORE, "parameters": PARAMETERS, "answer": {"keeps": ["instance_url"]}}
    document["endpoints"] = {
        "authorization": "https://{instance}/authorize",
        "token": "https://login.example.{region}/{tenant}/token",
        "revocation": "https://{host}:8443/revoke",
        "device_authorization": "https://{region}.login-{region}.example.com/device",
        **urls,
    }
    return document


def test_a_host_is_chosen_from_a_closed_list_a_suffix_or_by_the_operator():
    provider = parse(with_hosts())
    parameters = provider.parameters
    assert (parameters["region"].choices, parameters["region"].from_callback) == (("com", "com.au"), "region")
    assert parameters["instance"].from_answer == "instance_url"
    assert [name for name, one in sorted(parameters.items()) if one.in_host] == ["host", "instance", "region"]
    filled = provider.filled(
        {"region": "com.au", "instance": "acme.my.example.com", "host": "git.acme.net"}, by_operator=True
    )
    assert filled.token_endpoint == "https://login.example.com.au/common/token"
    assert filled.authorization_endpoint == "https://acme.my.example.com/authorize"
    assert filled.revocation_endpoint == "https://git.acme.net:8443/revoke"
    with pytest.raises(InvalidInputError, match="which only the client registration may name"):
        provider.filled({"instance": "login.example.com", "host": "evil.net"})
    with pytest.raises(InvalidInputError, match=r"must be one of: login\.example\.com, <name>"):
        provider.filled({"instance": "evil.com.my.example.com", "host": "git.acme.net"}, by_operator=True)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"token": "https://{instance}.example.com/token"}, r"endpoints\.token must have \{instance\}"),
        ({"token": "https://api.{host}/token"}, r"endpoints\.token must have \{host\}"),
        ({"token": "https://{tenant}/token"}, r"endpoints\.token must name a host"),
        ({"token": "https://{tenant}.com/token"}, r"endpoints\.token must end its host in a fixed domain"),
        ({"token": "https://{region}/token"}, r"endpoints\.token must name a host"),
        (
            {"token": "https://login.example.com/{nobody}/token"},
            r"endpoints\.token has the placeholder \{nobody\}",
        ),
    ],
)
def test_a_host_that_could_leave_its_domain_is_refused(changes, named):
    with pytest.raises(InvalidInputError, match=named):
        parse(with_hosts(**changes))


@pytest.mark.parametrize(
    ("path", "value", "named"),
    [
        ("region.choices", ["com", "a_b"], r"endpoints\.token must name a host"),
        ("region.choices", ["com", "com/evil"], r"parameters\.region\.choices must be a list"),
        (
            "region",
            {"description": "x", "choices": ["com", "localhost"]},
            r"endpoints\.token must name a host",
        ),
        ("region", {"description": "x", "choices": ["com", "10"]}, r"endpoints\.token must name a host"),
        ("region.default", "de", r"parameters\.region\.default cannot be 'de'"),
        ("instance.suffixes", ["my.example.com"], r"parameters\.instance\.suffixes must be a list"),
        ("instance.suffixes", [".0.0.1"], r"parameters\.instance\.suffixes must be a list"),
        ("instance.suffixes", [".com"], r"parameters\.instance\.suffixes must be a list"),
        ("instance.choices", ["localhost"], r"parameters\.instance\.choices cannot be 'localhost'"),
        ("instance.choices", ["10.0.0.1"], r"parameters\.instance\.choices cannot be '10.0.0.1'"),
        ("instance.default", "evil.com", r"parameters\.instance\.default cannot be 'evil.com'"),
        ("host.default", "localhost", r"parameters\.host\.default cannot be 'localhost'"),
        ("host.suffixes", [".a.example"], r"parameters\.host\.suffixes cannot stand beside operator_host"),
        ("tenant.default", "a/b", r"parameters\.tenant\.default must be one part"),
    ],
)
def test_a_parameter_that_could_leave_its_domain_is_refused(path, value, named):
    with pytest.raises(InvalidInputError, match=named):
        parse(change(with_hosts(), f"parameters.{path}", value))


def test_what_is_kept_cannot_fill_what_comes_before_the_grant():
    document = change(
        change(CORE, "answer.keeps", ["user_id"]), "authorization.parameters", {"a": "{user_id}"}
    )
    with pytest.raises(
        InvalidInputError, match=r"authorization\.parameters\.a has the placeholder \{user_id\}"
    ):
        parse(document)


@pytest.mark.parametrize(
    ("grants", "path"),
    [
        (["client_credentials"], "client_authentication.assertion"),
        (["jwt_bearer"], "requests.jwt_bearer.assertion"),
    ],
)
def test_an_assertion_for_the_issuer_needs_an_issuer(grants, path):
    document = {**CORE, "grants": grants, "iss_parameter": "unknown", "issuer": "unknown"}
    document["client_authentication"] = {"methods": ["private_key_jwt"]}
    document = change(document, path, {"audience": "issuer"})
    with pytest.raises(InvalidInputError, match=rf'{path}\.audience cannot be "issuer"'):
        parse(document)
    parse({**document, "issuer": "https://login.example.com"})
    parse({**document, "grants": ["authorization_code"], "client_authentication": {}})


@pytest.mark.parametrize(
    ("section", "value", "field"),
    [
        ("answer", {"keeps": ["refresh_token"]}, "answer.keeps"),
        ("answer", {"keeps": ["/data/id_token"]}, "answer.keeps"),
        ("answer", {"members": {"refresh_token": ["rt"]}, "keeps": ["/data/rt"]}, "answer.keeps"),
        ("answer", {"trace": {"path": "/data/access_token"}}, "answer.trace.path"),
        ("account", {"from": "answer", "member": "refresh_token"}, "account.member"),
    ],
)
def test_no_document_can_have_a_token_published_listed_or_logged(section, value, field):
    with pytest.raises(InvalidInputError) as refused:
        parse(change(CORE, section, value))
    assert str(refused.value).startswith(f"{field} names a token")
