"""Connecting an account: with a browser, on another device, or without either (docs/api.md)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict, Unpack

from evertoken.client.api_call import ApiCall, Repeat, given
from evertoken.client.api_decoding import answers_with, answers_with_one_of
from evertoken.client.api_route import Routes, route
from evertoken.client.results import (
    EstablishedConnection,
    PendingDevice,
    StartedAuthorization,
    StartedDevice,
)


class ConnectionWish(TypedDict, total=False):
    """What every way of connecting takes; what is absent is decided by the installation."""

    registration: str | None
    """Only needed when several of the provider's registrations admit your tenant."""
    account: str | None
    """Your label for the account, where the provider names none."""
    name: str | None
    """Your name for the connection, shown in lists."""
    display_name: str | None
    """What the account is called at the provider."""
    scopes: Sequence[str] | None
    parameters: Mapping[str, str] | None
    """What the client registration leaves open: a shop, a data centre, a login hint."""
    policy: str | None
    """`scheduled` or `lazy`."""
    publication: str | None
    """`secrets_manager` or `api_only`."""


class ConnectingRoutes(Routes):
    """POST /v1/connections in its seven forms, and the end of the two that wait for a person."""

    @route
    def start(
        self,
        provider: str,
        *,
        user_id: str,
        return_url: str,
        user_token: str | None = None,
        **wish: Unpack[ConnectionWish],
    ) -> ApiCall[StartedAuthorization]:
        """Begin an authorization and return where the browser has to go; `complete` ends it. Sent again when the service says so: it is a new start."""
        body = given(provider=provider, user_id=user_id, return_url=return_url, user_token=user_token, **wish)
        return _post("start", body, answers_with(StartedAuthorization), Repeat.IF_TOLD)

    @route
    def start_device(
        self, provider: str, *, user_id: str, **wish: Unpack[ConnectionWish]
    ) -> ApiCall[StartedDevice]:
        """Begin an authorization on another device (RFC 8628) and return what to show; `complete_device` asks whether the user has decided."""
        body = given(grant="device_code", provider=provider, user_id=user_id, **wish)
        return _post("start_device", body, answers_with(StartedDevice), Repeat.IF_TOLD)

    @route
    def complete(self, session_uri: str, *, user_id: str) -> ApiCall[EstablishedConnection]:
        """Redeem what came back for the user who is logged in where the browser came back.

        Never sent again: a code is redeemed once, and after a lost answer one starts again.
        """
        return ApiCall(
            name="connections.complete",
            method="POST",
            path="/v1/connections/complete",
            body=given(session_uri=session_uri, user_id=user_id),
            decode=answers_with(EstablishedConnection),
            repeat=Repeat.NEVER,
        )

    @route
    def complete_device(
        self, session_uri: str, *, user_id: str
    ) -> ApiCall[EstablishedConnection | PendingDevice]:
        """Return the connection, or PendingDevice while the user has not decided: ask again after its `retry_after` seconds."""
        return ApiCall(
            name="connections.complete_device",
            method="POST",
            path="/v1/connections/complete",
            body=given(session_uri=session_uri, user_id=user_id),
            decode=answers_with_one_of(EstablishedConnection | PendingDevice),
            repeat=Repeat.IF_TOLD,
        )

    @route
    def connect_application(
        self, provider: str, *, user_id: str | None = None, **wish: Unpack[ConnectionWish]
    ) -> ApiCall[EstablishedConnection]:
        """Connect the client itself (client credentials, RFC 6749 section 4.4). Sent again when the service says so."""
        body = given(grant="client_credentials", provider=provider, user_id=user_id, **wish)
        return _post("connect_application", body, answers_with(EstablishedConnection), Repeat.IF_TOLD)

    @route
    def assert_subject(
        self, provider: str, *, user_id: str, subject: str, **wish: Unpack[ConnectionWish]
    ) -> ApiCall[EstablishedConnection]:
        """Connect in the name of *subject*, whom the client asserts (RFC 7523). Sent again when the service says so."""
        body = given(grant="jwt_bearer", provider=provider, user_id=user_id, subject=subject, **wish)
        return _post("assert_subject", body, answers_with(EstablishedConnection), Repeat.IF_TOLD)

    @route
    def connect_user_token(
        self, provider: str, *, user_id: str, user_token: str, **wish: Unpack[ConnectionWish]
    ) -> ApiCall[EstablishedConnection]:
        """Connect in the name of the user whose access token this is. Never sent again: the token may be good once."""
        body = given(grant="user_token", provider=provider, user_id=user_id, user_token=user_token, **wish)
        return _post("connect_user_token", body, answers_with(EstablishedConnection), Repeat.NEVER)

    @route
    def exchange_token(
        self,
        provider: str,
        *,
        user_id: str,
        subject_token: str,
        subject_token_type: str | None = None,
        **wish: Unpack[ConnectionWish],
    ) -> ApiCall[EstablishedConnection]:
        """Exchange a token for a connection (RFC 8693). Never sent again: the token may be good once."""
        body = given(
            grant="token_exchange",
            provider=provider,
            user_id=user_id,
            subject_token=subject_token,
            subject_token_type=subject_token_type,
            **wish,
        )
        return _post("exchange_token", body, answers_with(EstablishedConnection), Repeat.NEVER)

    @route
    def log_in(
        self,
        provider: str,
        *,
        user_id: str,
        username: str,
        password: str,
        **wish: Unpack[ConnectionWish],
    ) -> ApiCall[EstablishedConnection]:
        """Connect by a provider's documented login. Never sent again: providers lock accounts after a few tries."""
        body = given(
            grant="session_login",
            provider=provider,
            user_id=user_id,
            credentials={"username": username, "password": password},
            **wish,
        )
        return _post("log_in", body, answers_with(EstablishedConnection), Repeat.NEVER)


def _post(name: str, body: dict[str, Any], decode: Any, repeat: Repeat) -> ApiCall[Any]:
    return ApiCall(
        name=f"connections.{name}",
        method="POST",
        path="/v1/connections",
        body=body,
        decode=decode,
        repeat=repeat,
    )
