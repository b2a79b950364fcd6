"""How our client proves itself: every method, every encoding, every secret."""

import json
from dataclasses import replace
from urllib.parse import unquote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evertoken.domain.assertion import SigningAlgorithm, SigningKey
from evertoken.domain.errors import InvalidInputError
from evertoken.domain.request_shape import (
    RFC_REFRESH,
    AuthorizationHeader,
    ClientAuthentication,
    ClientPart,
    Encoding,
    HeaderCredential,
)
from evertoken.protocol.client_authentication import find_client_authentication, signs
from evertoken.protocol.token_request import build_refresh
from tests.protocol.clients import (
    basic_of,
    form_of,
    make_provider,
    make_ready,
    make_token_set,
    shape_provider,
    shape_requests,
)

ODD_SECRETS = ["a:b", "100%", "a+b c", "x&y=z", "élan", "~*'()!", "\u20ac\U0001f511", ": % + & é"]
ENCODINGS = list(Encoding)
KEY = SigningKey(algorithm=SigningAlgorithm.ES256, key_id="k-1")
JWT_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def parameters_of(request):
    content_type = request.headers.get("Content-Type")
    if content_type is None:
        return dict(request.query)
    return json.loads(request.body) if content_type == "application/json" else form_of(request)


def shaped(**changes):
    return shape_requests(refresh=replace(RFC_REFRESH, **changes))


@pytest.mark.parametrize("secret", ODD_SECRETS)
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_odd_secrets_survive_basic_because_they_are_form_encoded_first(secret, encoding):
    ready = make_ready(shaped(encoding=encoding), secret=secret, client_id="id:1")
    request = build_refresh(ready, make_token_set())
    client_id, colon, encoded = basic_of(request).partition(":")
    assert (unquote_plus(client_id), colon, unquote_plus(encoded)) == ("id:1", ":", secret)
    assert parameters_of(request) == {"grant_type": "refresh_token", "refresh_token": "rt-1"}


@pytest.mark.parametrize("secret", ODD_SECRETS)
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_odd_secrets_survive_as_parameters_wherever_those_go(secret, encoding):
    ready = make_ready(shaped(encoding=encoding), secret=secret, method="client_secret_post")
    request = build_refresh(ready, make_token_set())
    assert parameters_of(request) == {
        "grant_type": "refresh_token",
        "refresh_token": "rt-1",
        "client_id": "client-1",
        "client_secret": secret,
    }
    assert "Authorization" not in request.headers


@pytest.mark.parametrize("secret", ODD_SECRETS)
def test_odd_secrets_survive_as_a_user_name(secret):
    ready = make_ready(shaped(client=ClientPart.SECRET_AS_USERNAME), secret=secret)
    name, colon, password = basic_of(build_refresh(ready, make_token_set())).partition(":")
    assert (unquote_plus(name), colon, password) == (secret, ":", "")


@settings(deadline=None, derandomize=True, max_examples=100)
@given(st.text(min_size=1, max_size=40).filter(lambda text: text.isprintable()))
def test_every_printable_secret_survives_post(secret):
    form = form_of(build_refresh(make_ready(secret=secret, method="client_secret_post"), make_token_set()))
    assert (form["client_id"], form["client_secret"]) == ("client-1", secret)


def test_form_encoding_of_basic_can_be_switched_off():
    provider = make_provider(
        client_authentication={"methods": ["client_secret_basic"], "form_encodes_basic": False}
    )
    assert basic_of(build_refresh(make_ready(provider, secret="a+b%"), make_token_set())) == "client-1:a+b%"


def test_a_client_without_a_secret_sends_its_id_alone():
    request = build_refresh(make_ready(secret=None), make_token_set())
    assert form_of(request)["client_id"] == "client-1"
    assert "Authorization" not in request.headers


@pytest.mark.parametrize(
    ("part", "sent"),
    [
        (ClientPart.ID_ONLY, {"client_id": "client-1"}),
        (ClientPart.SECRET_ONLY, {"client_secret": "s3cret"}),
        (ClientPart.ABSENT, {}),
    ],
)
def test_a_request_carries_only_that_part_of_the_client_that_the_entry_names(part, sent):
    request = build_refresh(make_ready(shaped(client=part)), make_token_set())
    assert form_of(request) == {"grant_type": "refresh_token", "refresh_token": "rt-1", **sent}
    assert "Authorization" not in request.headers


@pytest.mark.parametrize("part", [ClientPart.SECRET_ONLY, ClientPart.SECRET_AS_USERNAME])
def test_no_empty_secret_is_sent_where_there_is_none(part):
    request = build_refresh(make_ready(shaped(client=part), secret=None), make_token_set())
    assert "client_secret" not in form_of(request)
    assert "Authorization" not in request.headers


def test_one_request_may_authenticate_in_a_way_of_its_own():
    ready = make_ready(shaped(client_authentication=ClientAuthentication.CLIENT_SECRET_POST))
    assert form_of(build_refresh(ready, make_token_set()))["client_secret"] == "s3cret"
    public = replace(ready, client_secret=None)
    assert "client_secret" not in form_of(build_refresh(public, make_token_set()))


def test_a_header_of_the_providers_own_scheme_carries_the_credential_that_the_entry_names():
    for credential, value in (
        (HeaderCredential.CLIENT_SECRET, "s3cret"),
        (HeaderCredential.ACCESS_TOKEN, "at-1"),
        (HeaderCredential.REFRESH_TOKEN, "rt-1"),
    ):
        header = AuthorizationHeader(scheme="Client", credential=credential)
        request = build_refresh(
            make_ready(shaped(authorization_header=header, token_parameter="")), make_token_set()
        )
        assert request.headers["Authorization"] == f"Client {value}"
        assert form_of(request) == {"grant_type": "refresh_token"}


@pytest.mark.parametrize("method", ["client_secret_jwt", "private_key_jwt"])
def test_a_signed_assertion_goes_with_its_type_and_the_client_id_and_no_secret(method):
    ready = make_ready(method=method, signing_key=KEY)
    assert signs(ready, RFC_REFRESH)
    request = build_refresh(ready, make_token_set(), assertion="h.c.s")
    assert form_of(request) == {
        "grant_type": "refresh_token",
        "refresh_token": "rt-1",
        "client_id": "client-1",
        "client_assertion_type": JWT_TYPE,
        "client_assertion": "h.c.s",
    }
    assert "Authorization" not in request.headers


def test_a_signed_secret_stands_where_the_secret_would():
    ready = make_ready(method="signed_client_secret", signing_key=KEY, secret=None)
    form = form_of(build_refresh(ready, make_token_set(), assertion="h.c.s"))
    assert (form["client_id"], form["client_secret"]) == ("client-1", "h.c.s")


def test_an_assertion_is_given_exactly_where_the_request_is_signed():
    signing = make_ready(method="private_key_jwt", signing_key=KEY)
    with pytest.raises(ValueError, match=r"signs\(\)"):
        build_refresh(signing, make_token_set())
    with pytest.raises(ValueError, match=r"signs\(\)"):
        build_refresh(make_ready(), make_token_set(), assertion="h.c.s")
    bare = replace(signing, provider=shaped(client=ClientPart.ID_ONLY))
    assert not signs(bare, bare.provider.requests.refresh)
    with pytest.raises(ValueError, match=r"signs\(\)"):
        build_refresh(bare, make_token_set(), assertion="h.c.s")


@pytest.mark.parametrize(
    ("offered", "secret", "key", "chosen"),
    [
        (["client_secret_basic"], "s", None, "client_secret_basic"),
        (["client_secret_basic"], None, None, "none"),
        (["client_secret_basic"], None, KEY, "none"),
        (["private_key_jwt", "client_secret_post"], "s", KEY, "private_key_jwt"),
        (["private_key_jwt", "client_secret_post"], "s", None, "client_secret_post"),
        (["client_secret_post", "private_key_jwt"], None, KEY, "private_key_jwt"),
        (["client_secret_post", "private_key_jwt"], "s", KEY, "client_secret_post"),
        (["client_secret_jwt"], "s", None, "client_secret_jwt"),
        (["signed_client_secret"], None, KEY, "signed_client_secret"),
        (["none", "client_secret_post"], "s", None, "none"),
    ],
)
def test_the_method_is_the_first_of_the_providers_that_the_registration_can_do(offered, secret, key, chosen):
    provider = shape_provider(client_authentication=tuple(ClientAuthentication(one) for one in offered))
    ready = make_ready(provider, secret=secret, signing_key=key)
    assert find_client_authentication(ready) == chosen


@pytest.mark.parametrize(
    ("offered", "method", "secret", "mend"),
    [
        (["client_secret_basic"], "private_key_jwt", "s", "signing_key"),
        (["client_secret_basic"], "signed_client_secret", "s", "signing_key"),
        (["client_secret_basic"], "client_secret_basic", None, "client_secret"),
        (["client_secret_basic"], "client_secret_jwt", None, "client_secret"),
        (["client_secret_basic"], "mutual_tls", "s", "one of"),
        (["private_key_jwt"], None, "s", "signing_key"),
        (["private_key_jwt"], None, None, "signing_key"),
        (["client_secret_jwt"], None, None, "client_secret"),
    ],
)
def test_an_authentication_that_cannot_be_is_refused_with_the_mend(offered, method, secret, mend):
    provider = shape_provider(client_authentication=tuple(ClientAuthentication(one) for one in offered))
    with pytest.raises(InvalidInputError, match="client_authentication") as refused:
        find_client_authentication(make_ready(provider, method=method, secret=secret))
    assert mend in refused.value.message
