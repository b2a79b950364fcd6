"""What a browser is sent to the provider with, and what comes back."""

import re
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evertoken.domain.errors import InvalidInputError
from evertoken.domain.provider import ChallengeMethod
from evertoken.domain.provider_shapes import AuthorizationShape, CallbackShape
from evertoken.protocol.authorization_url import build_authorization_url
from evertoken.protocol.callback import CallbackError, CallbackParameters, check_issuer, parse_callback
from evertoken.protocol.pkce import new_challenge, sends_challenge
from tests.protocol.clients import make_provider, make_ready, shape_provider

REDIRECT_URI = "https://tokens.example.org/v1/oauth/callback/reg-1"


def build(provider=None, *, challenge=None, scopes=(), parameters=None):
    url = build_authorization_url(
        make_ready(provider),
        redirect_uri=REDIRECT_URI,
        state="st-1",
        challenge=challenge,
        scopes=scopes,
        parameters=parameters or {},
    )
    values = parse_qs(urlsplit(url).query, keep_blank_values=True)
    assert all(len(each) == 1 for each in values.values())
    return url, {name: each[0] for name, each in values.items()}


def test_the_url_carries_what_rfc_6749_asks_for_and_the_s256_challenge():
    url, query = build(challenge="ch-1", scopes=("read", "write"))
    assert url.startswith("https://login.example.com/authorize?")
    assert query == {
        "response_type": "code",
        "client_id": "client-1",
        "redirect_uri": REDIRECT_URI,
        "state": "st-1",
        "scope": "read write",
        "code_challenge": "ch-1",
        "code_challenge_method": "S256",
    }


def test_an_endpoints_own_query_is_kept():
    provider = make_provider(
        endpoints={
            "authorization": "https://a.example.com/authorize?tenant=7",
            "token": "https://a.example.com/t",
        }
    )
    _, query = build(provider)
    assert query["tenant"] == "7"
    assert "scope" not in query


def test_google_is_asked_for_offline_access_and_a_caller_may_choose_the_prompt():
    _, query = build(
        "google", scopes=("openid",), parameters={"prompt": "select_account", "login_hint": "ada"}
    )
    assert (query["access_type"], query["prompt"], query["login_hint"]) == (
        "offline",
        "select_account",
        "ada",
    )


def test_instagram_separates_scopes_by_commas():
    _, query = build("instagram", scopes=("instagram_business_basic", "instagram_business_manage_messages"))
    assert query["scope"] == "instagram_business_basic,instagram_business_manage_messages"


@pytest.mark.parametrize(
    "name", ["redirect_uri", "client_id", "response_type", "response_mode", "request", "state", "x" * 500]
)
def test_a_caller_cannot_set_a_parameter_that_the_entry_does_not_admit(name):
    with pytest.raises(InvalidInputError, match=re.escape(name[:64])):
        build(parameters={name: "evil"})


def test_a_provider_without_an_authorization_endpoint_has_no_url():
    provider = make_provider(endpoints={"token": "https://a.example.com/t"}, grants=["client_credentials"])
    with pytest.raises(InvalidInputError, match="authorization endpoint"):
        build(provider)


def test_the_challenge_is_the_example_of_rfc_7636_appendix_b():
    assert (
        new_challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")
        == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    )


@pytest.mark.parametrize(
    ("method", "challenge", "name"),
    [
        (ChallengeMethod.S256, "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", "S256"),
        (ChallengeMethod.S256_LOWER, "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", "s256"),
        (ChallengeMethod.PLAIN, "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "plain"),
    ],
)
def test_the_challenge_and_its_method_are_the_providers(method, challenge, name):
    made = new_challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", method)
    _, query = build(shape_provider(challenge_method=method), challenge=made)
    assert (query["code_challenge"], query["code_challenge_method"]) == (challenge, name)


def test_parameters_are_renamed_left_out_and_filled_as_the_entry_says():
    shape = AuthorizationShape(
        scope_separator=",",
        names={"client_id": "client_key", "scope": "user_scope"},
        omits=frozenset({"response_type"}),
        parameters={"app": "{client_id}", "config": "{config_id}", "owner": "user"},
    )
    _, query = build(shape_provider(authorization=shape), scopes=("a", "b"))
    assert query == {
        "client_key": "client-1",
        "user_scope": "a,b",
        "redirect_uri": REDIRECT_URI,
        "state": "st-1",
        "app": "client-1",
        "owner": "user",
    }


@pytest.mark.parametrize(
    ("support", "sent"), [("required", True), ("supported", True), ("unknown", True), ("unsupported", False)]
)
def test_a_challenge_is_sent_unless_it_is_known_to_be_refused(support, sent):
    assert sends_challenge(make_provider(pkce={"support": support})) is sent


def test_a_callback_with_code_state_and_iss_is_read():
    assert parse_callback(
        "code=c%2B1&state=st-1&iss=https%3A%2F%2Fa.example.com&realmId=42"
    ) == CallbackParameters(
        code="c+1", state="st-1", error=None, iss="https://a.example.com", extra=(("realmId", "42"),)
    )


def test_a_suffix_that_the_entry_names_is_no_part_of_the_code_and_any_other_is():
    odd = CallbackShape(code_suffixes=("#_", "#wechat"))
    assert parse_callback("state=s&code=abc%23_", odd).code == "abc"
    assert parse_callback("state=s&code=abc#wechat", odd).code == "abc"
    assert parse_callback("state=s&code=abc%23_").code == "abc#_"
    assert parse_callback("state=s&code=%23_", odd).error is CallbackError.MALFORMED


def test_the_code_stands_where_the_entry_says_and_what_is_called_code_there_is_not_taken_for_it():
    odd = CallbackShape(code_parameter="auth_code")
    returned = parse_callback("state=s&auth_code=abc&code=other&shop=s-1", odd)
    assert (returned.code, returned.error, returned.state) == ("abc", None, "s")
    assert dict(returned.extra) == {"code": "other", "shop": "s-1"}
    assert parse_callback("state=s&code=abc", odd).error is CallbackError.MALFORMED


@pytest.mark.parametrize(
    "raw",
    [
        "code=a&code=b&state=s",
        "code=a&state=s&state=t",
        "code=a&state=s&iss=x&iss=y",
        "code=a&error=access_denied&state=s",
        "state=s",
        "",
        "code=%ff&state=s",
        "code=a%0d%0ab&state=s",
        "code=" + "a" * 20_000,
        "&".join(f"p{n}=1" for n in range(60)),
    ],
)
def test_what_is_no_authorization_response_is_malformed_and_has_no_code(raw):
    parameters = parse_callback(raw)
    assert (parameters.error, parameters.code) == (CallbackError.MALFORMED, None)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("access_denied", "access_denied"),
        ("user_cancelled_login", "other"),
        ("malformed", "other"),
        ("<svg onload=x>", "other"),
    ],
)
def test_an_error_is_one_word_of_a_closed_list_and_its_description_is_dropped(code, expected):
    parameters = parse_callback(f"error={code}&error_description={'x' * 5000}&state=s")
    assert (parameters.error, parameters.code, parameters.state) == (expected, None, "s")
    assert "xxx" not in repr(parameters.extra)


@settings(deadline=None, derandomize=True, max_examples=200)
@given(
    raw=st.text(max_size=300)
    | st.lists(
        st.tuples(st.sampled_from(["code", "auth_code", "state", "error", "iss", "x"]), st.text(max_size=9)),
        max_size=4,
    ).map(urlencode),
    shape=st.builds(
        CallbackShape,
        code_parameter=st.sampled_from(["code", "auth_code", "state", "error"]),
        code_suffixes=st.lists(st.text(max_size=3), max_size=2).map(tuple),
    ),
)
def test_reading_a_callback_never_fails_and_finds_a_code_or_an_error(raw, shape):
    parameters = parse_callback(raw, shape)
    assert (parameters.code is None) != (parameters.error is None)
    assert parameters.code is None or (parameters.code.isprintable() and parameters.code.isascii())


def test_no_code_or_state_is_in_the_representation():
    assert "secret" not in repr(parse_callback("code=secret-1&state=secret-2&x=secret-3"))


@pytest.mark.parametrize(
    ("issuer", "advertised", "iss", "accepted"),
    [
        ("https://a.example.com", "always", "https://a.example.com", True),
        ("https://a.example.com", "always", "https://a.example.com/", False),
        ("https://a.example.com", "always", "https://A.example.com", False),
        ("https://a.example.com", "always", None, False),
        ("https://a.example.com", "unknown", None, True),
        ("https://a.example.com", "unknown", "https://a.example.com", True),
        ("https://a.example.com", "unknown", "https://evil.example.com", False),
        ("https://a.example.com", "never", "", False),
        ("unknown", "unknown", "https://a.example.com", False),
        ("unknown", "unknown", None, True),
    ],
)
def test_the_issuer_of_a_response_must_be_the_providers(issuer, advertised, iss, accepted):
    assert check_issuer(make_provider(issuer=issuer, iss_parameter=advertised), iss) is accepted
