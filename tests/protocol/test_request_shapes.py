"""Requests of every grant, and what an entry may change about them."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from evertoken.domain.errors import InvalidInputError, NoRefreshTokenError
from evertoken.domain.grant import Grant, GrantContext
from evertoken.domain.provider import RefreshCredential
from evertoken.domain.request_shape import (
    RFC_CODE_EXCHANGE,
    RFC_DEVICE_AUTHORIZATION,
    RFC_JWT_BEARER,
    RFC_REFRESH,
    RFC_REVOCATION,
    RFC_TOKEN_EXCHANGE,
    RFC_USER_TOKEN,
    SESSION_LOGIN,
    AuthorizationHeader,
    ClientPart,
    Encoding,
    HeaderCredential,
    RequestShape,
)
from evertoken.protocol.token_request import (
    build_client_credentials,
    build_code_exchange,
    build_device_authorization,
    build_device_code,
    build_following_exchange,
    build_jwt_bearer,
    build_refresh,
    build_revocation,
    build_session_login,
    build_token_exchange,
    build_user_token,
)
from tests.protocol.clients import (
    NOW,
    basic_of,
    form_of,
    make_ready,
    make_token_set,
    shape_provider,
    shape_requests,
)

CALLBACK = "https://t.example.org/cb"


def exchange(shape, **arguments):
    ready = make_ready(shape_requests(code_exchange=shape))
    return build_code_exchange(ready, code="c-1", redirect_uri=CALLBACK, verifier=None, **arguments)


def refresh(shape, token_set=None, **arguments):
    return build_refresh(
        make_ready(shape_requests(refresh=shape)), token_set or make_token_set(), **arguments
    )


def test_parameters_are_renamed_and_left_out_and_fixed_ones_are_added():
    shape = replace(
        RFC_CODE_EXCHANGE,
        client=ClientPart.ID_ONLY,
        names={"client_id": "appid", "code": "auth_code"},
        omits=frozenset({"redirect_uri"}),
        parameters={"fmt": "json", "grant_type": "ignored"},
    )
    assert form_of(exchange(shape)) == {
        "fmt": "json",
        "grant_type": "authorization_code",
        "auth_code": "c-1",
        "appid": "client-1",
    }


def test_a_grant_type_that_is_null_or_has_another_name_is_sent_so():
    assert "grant_type" not in form_of(refresh(replace(RFC_REFRESH, grant_type=None)))
    other = form_of(refresh(replace(RFC_REFRESH, grant_type="refresh", names={"grant_type": "type"})))
    assert other == {"type": "refresh", "refresh_token": "rt-1"}


def test_placeholders_are_filled_from_the_callback_the_grant_and_the_request_and_unfilled_values_are_not_sent():
    shape = replace(
        RFC_CODE_EXCHANGE,
        parameters={
            "device": "{device_id}",
            "state": "{state}",
            "again": "{redirect_uri}",
            "nobody": "{nothing}",
            "json": '{"a": 1}',
        },
        headers={"X-Client": "app:{client_id}", "X-Nobody": "{nothing}", "accept": "text/json"},
    )
    request = exchange(shape, state="st-1", values={"device_id": "d-1", "redirect_uri": "evil"})
    form = form_of(request)
    assert (form["device"], form["state"], form["again"], form["json"]) == (
        "d-1",
        "st-1",
        CALLBACK,
        '{"a": 1}',
    )
    assert "nobody" not in form
    assert request.headers["X-Client"] == "app:client-1"
    assert request.headers["Accept"] == "text/json"
    assert {"X-Nobody", "accept"}.isdisjoint(request.headers)
    assert "state" not in form_of(exchange(shape))


def test_a_value_that_cannot_stand_in_a_header_is_not_sent():
    shape = replace(RFC_CODE_EXCHANGE, headers={"X-Shop": "{shop}"})
    for odd in ("a\r\nX-Evil: 1", "é", "a\x00"):
        assert "X-Shop" not in exchange(shape, values={"shop": odd}).headers
    header = AuthorizationHeader(scheme="Bearer", credential=HeaderCredential.USER_TOKEN)
    ready = make_ready(shape_requests(user_token=replace(RFC_USER_TOKEN, authorization_header=header)))
    assert not build_user_token(ready, "a\r\nb", ()).headers.get("Authorization", "").startswith("Bearer")


def test_filling_one_placeholder_does_not_fill_what_its_value_says():
    shape = replace(RFC_CODE_EXCHANGE, parameters={"a": "{shop}"})
    assert form_of(exchange(shape, values={"shop": "{client_id}"}))["a"] == "{client_id}"


def test_a_refresh_can_repeat_the_scope_the_redirect_uri_and_kept_members():
    shape = replace(
        RFC_REFRESH,
        parameters={
            "scope": "{scope}",
            "redirect_uri": "{redirect_uri}",
            "account": "{accountId}",
            "device": "{device_id}",
            "state": "{random}",
        },
    )
    token_set = make_token_set(
        extra={"accountId": "A1"},
        context=GrantContext(redirect_uri=CALLBACK, parameters={"device_id": "d-1"}),
    )
    assert form_of(refresh(shape, token_set, randomness_token="r-1")) == {
        "grant_type": "refresh_token",
        "refresh_token": "rt-1",
        "scope": "a b",
        "redirect_uri": CALLBACK,
        "account": "A1",
        "device": "d-1",
        "state": "r-1",
    }
    bare = form_of(refresh(shape, make_token_set(scope="")))
    assert bare == {"grant_type": "refresh_token", "refresh_token": "rt-1"}


def test_a_token_in_the_path_is_one_segment_whatever_is_in_it():
    shape = RequestShape(
        url="https://api.example.com/tokens/{refresh_token}/of/{user_id}", method="DELETE", token_parameter=""
    )
    ready = make_ready(shape_requests(revocation=shape))
    token_set = make_token_set(refresh_token="a/b?c#d%é", extra={"user_id": "7"})
    request = build_revocation(ready, token_set)
    assert request is not None
    assert request.url == "https://api.example.com/tokens/a%2Fb%3Fc%23d%25%C3%A9/of/7"
    assert (request.body, "Content-Type" in request.headers) == (b"", False)
    assert "a/b" not in repr(request)
    assert "a%2Fb" not in repr(request)


@pytest.mark.parametrize("user_id", ["..", ".", ""])
def test_a_path_segment_cannot_lead_to_a_parent_and_without_it_there_is_no_request(user_id):
    shape = replace(RFC_REFRESH, url="https://api.example.com/users/{user_id}/token")
    token_set = make_token_set(extra={"user_id": user_id})
    with pytest.raises(NoRefreshTokenError):
        refresh(shape, token_set)
    ready = make_ready(shape_requests(revocation=replace(shape, token_parameter="token")))
    assert build_revocation(ready, token_set) is None
    with pytest.raises(InvalidInputError, match="placeholder"):
        exchange(replace(RFC_CODE_EXCHANGE, url=shape.url), values={"user_id": user_id})


def test_a_refresh_spends_the_access_token_where_the_entry_says_so():
    provider = shape_provider(
        refresh_credential=RefreshCredential.ACCESS_TOKEN,
        requests=replace(
            shape_requests().requests,
            refresh=RequestShape(
                method="GET",
                encoding=Encoding.QUERY,
                client=ClientPart.ABSENT,
                grant_type="renew",
                token_parameter="access_token",
            ),
        ),
    )
    request = build_refresh(make_ready(provider), make_token_set())
    assert (request.method, request.body) == ("GET", b"")
    assert dict(request.query) == {"grant_type": "renew", "access_token": "at-1"}


def test_a_following_exchange_spends_the_access_token_under_the_name_that_the_entry_gives():
    shapes = (RequestShape(), RequestShape(token_parameter="short_lived"))
    ready = make_ready(shape_requests(following_exchanges=shapes))
    first, second = (build_following_exchange(ready, step, make_token_set()) for step in (0, 1))
    assert first is not None
    assert second is not None
    assert (form_of(first), form_of(second)) == ({"access_token": "at-1"}, {"short_lived": "at-1"})
    assert build_following_exchange(ready, 2, make_token_set()) is None


def test_client_credentials_separate_scopes_as_the_entry_says():
    plain = shape_provider()
    comma = replace(plain, authorization=replace(plain.authorization, scope_separator=","))
    assert form_of(build_client_credentials(make_ready(comma), ("a", "b")))["scope"] == "a,b"
    assert "scope" not in form_of(build_client_credentials(make_ready(comma), ()))


def test_a_user_token_goes_beside_the_clients_own_credentials_or_in_the_header():
    request = build_user_token(make_ready(), "ut-1", ("a",))
    assert form_of(request) == {
        "grant_type": "client_credentials",
        "user_access_token": "ut-1",
        "scope": "a",
    }
    assert basic_of(request) == "client-1:s3cret"
    header = AuthorizationHeader(scheme="Bearer", credential=HeaderCredential.USER_TOKEN)
    shape = replace(RFC_USER_TOKEN, authorization_header=header, token_parameter="")
    request = build_user_token(make_ready(shape_requests(user_token=shape)), "ut-1", ())
    assert request.headers["Authorization"] == "Bearer ut-1"
    assert form_of(request) == {"grant_type": "client_credentials"}


def test_a_session_login_is_json_without_a_client_and_odd_passwords_survive():
    credentials = {"username": "ada", "password": "a:b% +&é\"'\u20ac"}
    request = build_session_login(make_ready(), credentials)
    assert json.loads(request.body) == credentials
    assert request.headers["Content-Type"] == "application/json"
    assert "Authorization" not in request.headers
    assert "a:b" not in repr(request)
    shape = replace(SESSION_LOGIN, names={"username": "identifier"}, headers={"X-KEY": "{client_id}"})
    renamed = build_session_login(make_ready(shape_requests(session_login=shape)), credentials)
    assert json.loads(renamed.body) == {"identifier": "ada", "password": credentials["password"]}
    assert renamed.headers["X-KEY"] == "client-1"


def test_a_token_exchange_has_the_parameters_of_rfc_8693():
    request = build_token_exchange(
        make_ready(),
        subject_token="st-1",
        subject_token_type="urn:ietf:params:oauth:token-type:access_token",
        scopes=("a",),
    )
    assert form_of(request) == {
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "subject_token": "st-1",
        "subject_token_type": "urn:ietf:params:oauth:token-type:access_token",
        "scope": "a",
    }
    fixed = replace(RFC_TOKEN_EXCHANGE, parameters={"audience": "{client_id}"})
    ready = make_ready(shape_requests(token_exchange=fixed))
    again = build_token_exchange(ready, subject_token="s", subject_token_type="t", scopes=())
    assert form_of(again)["audience"] == "client-1"


def test_the_device_flow_asks_its_own_endpoint_first_and_the_token_endpoint_then():
    provider = shape_provider(device_authorization_endpoint="https://login.example.com/device")
    first = build_device_authorization(make_ready(provider, secret=None), ("a", "b"))
    assert (first.url, form_of(first)) == (
        "https://login.example.com/device",
        {"scope": "a b", "client_id": "client-1"},
    )
    second = build_device_code(make_ready(provider), "dc-1")
    assert (second.url, form_of(second)) == (
        "https://login.example.com/token",
        {"grant_type": "urn:ietf:params:oauth:grant-type:device_code", "device_code": "dc-1"},
    )
    with pytest.raises(InvalidInputError, match="device authorization endpoint"):
        build_device_authorization(make_ready(), ())
    own = replace(RFC_DEVICE_AUTHORIZATION, url="https://login.example.com/dev")
    assert build_device_authorization(make_ready(shape_requests(device_authorization=own)), ()).url == own.url


def test_a_jwt_bearer_grant_carries_its_assertion_and_no_client_unless_the_entry_says_so():
    request = build_jwt_bearer(make_ready(), ("a",), grant_assertion="h.c.s")
    assert form_of(request) == {
        "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "assertion": "h.c.s",
        "scope": "a",
    }
    assert "Authorization" not in request.headers
    shape = replace(RFC_JWT_BEARER, client=ClientPart.AUTHENTICATED, omits=frozenset({"scope"}))
    proved = build_jwt_bearer(make_ready(shape_requests(jwt_bearer=shape)), ("a",), grant_assertion="h.c.s")
    assert basic_of(proved) == "client-1:s3cret"
    assert "scope" not in form_of(proved)


def test_a_revocation_may_go_to_an_address_of_its_own_by_a_bearer_header_alone():
    header = AuthorizationHeader(scheme="Bearer", credential=HeaderCredential.ACCESS_TOKEN)
    shape = RequestShape(
        url="https://api.example.com/revoke",
        client=ClientPart.ABSENT,
        authorization_header=header,
        token_parameter="",
    )
    ready = make_ready(replace(shape_requests(revocation=shape), revocation_endpoint=None))
    request = build_revocation(ready, make_token_set())
    assert request is not None
    assert (request.url, request.headers["Authorization"], request.body) == (shape.url, "Bearer at-1", b"")
    assert "Content-Type" not in request.headers


def test_the_hint_of_a_revocation_can_be_left_out_and_renamed():
    for shape, sent in (
        (replace(RFC_REVOCATION, omits=frozenset({"token_type_hint"})), {"token": "rt-1"}),
        (
            replace(RFC_REVOCATION, names={"token": "refresh", "token_type_hint": "type"}),
            {"refresh": "rt-1", "type": "refresh_token"},
        ),
        (replace(RFC_REVOCATION, token_parameter="key"), {"key": "rt-1"}),
    ):
        request = build_revocation(make_ready(shape_requests(revocation=shape)), make_token_set())
        assert request is not None
        assert form_of(request) == sent


def test_a_token_set_keeps_how_it_was_obtained_and_hides_its_credentials():
    context = GrantContext(
        grant=Grant.SESSION_LOGIN,
        granted_at=NOW - timedelta(days=1),
        credentials={"username": "ada", "password": "CANARY"},
    )
    first = make_token_set(context=context)
    assert make_token_set(access_token="at-2").following(first).context == context
    assert "CANARY" not in repr(first)
