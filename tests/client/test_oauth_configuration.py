"""What must be said, from where, and what is refused before anything is sent."""

import pytest

from evertoken.client import AsyncOAuthClient, ConfigurationError, OAuthClient, OAuthConfig, SessionLogin

GOOD = {"token_url": "https://provider.test/token", "client_id": "c", "client_secret": "canary"}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"token_url": ""}, "token_url is missing"),
        ({"token_url": "http://provider.test/token"}, "token_url must begin with https"),
        ({"token_url": "http://localhost.evil.test/token"}, "https"),
        ({"token_url": "http://127.0.0.1.evil.test/token"}, "https"),
        ({"token_url": "http://10.0.0.1/token"}, "https"),
        ({"token_url": "ftp://127.0.0.1/token"}, "https"),
        ({"token_url": "provider.test/token"}, "absolute URL"),
        ({"token_url": "https://user:canary@provider.test/token"}, "without user, password"),
        ({"token_url": "https://provider.test/token#part"}, "fragment"),
        ({"token_url": "https://provider.test:99999/token"}, "absolute URL"),
        ({"token_url": "https://provider.test/a b"}, "absolute URL"),
        ({"token_url": "https://provider.test/\r\nX: canary"}, "absolute URL"),
        ({"authorization_url": "http://provider.test/"}, "authorization_url"),
        ({"userinfo_url": "http://provider.test/"}, "userinfo_url"),
        ({"refresh_url": "http://provider.test/"}, "refresh_url"),
        ({"session_login": SessionLogin(username="a", password="canary", url="http://provider.test/")}, "session_login.url"),
        ({"client_id": ""}, "client_id is missing"),
        ({"client_id": "", "client_authentication": "none"}, "client_id is missing"),
        ({"client_secret": ""}, "client_secret is missing.*none"),
        ({"client_authentication": "digest"}, "client_authentication must be one of: basic, post, none"),
        ({"encoding": "xml"}, "encoding must be one of"),
        ({"rotation": "sometimes"}, "rotation must be one of"),
        ({"grant": "password"}, "grant must be one of"),
        ({"expires_in_unit": "days"}, "expires_in_unit must be one of"),
        ({"access_token": "canary\n"}, "access_token must be visible ASCII"),
        ({"access_token": "canary ü"}, "access_token must be visible ASCII"),
        ({"timeout_seconds": 0}, "timeout_seconds"),
        ({"timeout_seconds": float("nan")}, "timeout_seconds"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_named_with_its_mend(changes, said):
    with pytest.raises(ConfigurationError, match=said) as caught:
        OAuthConfig(**{**GOOD, **changes})
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("url", ["http://127.0.0.1:8/t", "http://localhost/t", "http://[::1]:8/t"])
def test_this_machine_may_be_asked_over_http(url):
    assert OAuthConfig(**{**GOOD, "token_url": url}).token_url == url


@pytest.mark.parametrize(
    ("changes", "grant"),
    [
        ({}, "client_credentials"),
        ({"authorization_url": "https://provider.test/a"}, "authorization_code"),
        ({"session_login": SessionLogin(username="u", password="p")}, "session_login"),
        (
            {"authorization_url": "https://provider.test/a", "grant": "client_credentials"},
            "client_credentials",
        ),
    ],
)
def test_the_starting_grant_follows_from_what_is_given(changes, grant):
    assert OAuthConfig(**{**GOOD, **changes}).starting_grant == grant


def test_no_representation_shows_a_secret():
    config = OAuthConfig(
        **GOOD,
        access_token="canary",
        refresh_token="canary",
        headers={"X-Key": "canary"},
        parameters={"key": "canary"},
        session_login=SessionLogin(username="u", password="canary", headers={"X-Key": "canary"}),
    )
    with OAuthClient(config) as client:
        shown = f"{config!r}{client!r}{client.get_current_tokens()!r}{client.results.get_token()!r}"
    assert "canary" not in shown


def test_a_configuration_comes_from_the_environment(monkeypatch):
    variables = {
        "TOKEN_URL": "https://provider.test/token",
        "CLIENT_ID": "c",
        "CLIENT_SECRET": "canary",
        "SCOPE": "read write",
        "AUTO_REFRESH": "false",
        "TIMEOUT_SECONDS": "30.0",
        "CLIENT_AUTHENTICATION": "post",
        "USERINFO_URL": "",
    }
    for name, value in variables.items():
        monkeypatch.setenv(f"ACME_{name}", value)
    config = OAuthConfig.from_env("ACME_")
    assert config == OAuthConfig(
        **GOOD, scope="read write", auto_refresh=False, timeout_seconds=30, client_authentication="post"
    )
    with OAuthClient.from_env("ACME_") as client:
        assert client.config == config
    assert AsyncOAuthClient.from_env("ACME_").config == config


def test_an_access_token_alone_is_enough_in_the_environment(monkeypatch):
    monkeypatch.setenv("ACME_ACCESS_TOKEN", "given")
    with OAuthClient.from_env("ACME_") as client:
        assert client.get_token() == "given"
    with OAuthClient.with_access_token("given") as client:
        assert client.get_token() == "given"


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("TIMEOUT_SECONDS", "canary", "OAUTH_TIMEOUT_SECONDS must be a number"),
        ("AUTO_REFRESH", "canary", "OAUTH_AUTO_REFRESH must be true or false"),
        (
            "TOKEN_URL",
            "http://canary.test",
            r"token_url must begin with https.*variables that begin with OAUTH_",
        ),
    ],
)
def test_a_variable_that_cannot_be_read_is_named_without_its_value(monkeypatch, name, value, said):
    for good, text in (
        ("TOKEN_URL", "https://provider.test/token"),
        ("CLIENT_ID", "c"),
        ("CLIENT_SECRET", "s"),
    ):
        monkeypatch.setenv(f"OAUTH_{good}", text)
    monkeypatch.setenv(f"OAUTH_{name}", value)
    with pytest.raises(ConfigurationError, match=said) as caught:
        OAuthConfig.from_env()
    assert "canary" not in str(caught.value)


def test_an_empty_environment_says_what_is_missing(monkeypatch):
    with pytest.raises(ConfigurationError, match=r"token_url is missing.*NOTHING_"):
        OAuthConfig.from_env("NOTHING_")
