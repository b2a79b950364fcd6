"""The installation itself: whether it answers, and what it can do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evertoken.client.api_call import ApiCall, Authority, Repeat
from evertoken.client.api_decoding import answers_with, decode, parse
from evertoken.client.api_route import Awaiting, Blocking, Routes, route
from evertoken.client.results import Health


class ServiceRoutes(Routes):
    """Public: no credential is sent."""

    @route
    def health(self) -> ApiCall[Health]:
        """Return that the API answers."""
        return _get("health", "/v1/health", answers_with(Health))

    @route
    def openapi(self) -> ApiCall[Mapping[str, Any]]:
        """Return the API as an OpenAPI 3.1 document."""
        return _get(
            "openapi",
            "/openapi.json",
            lambda answer: decode(Mapping[str, Any], parse(answer), "the answer"),
        )


class Service(ServiceRoutes, Blocking):
    """The installation, blocking."""


class AsyncService(ServiceRoutes, Awaiting):
    """The installation, awaited."""


def _get(name: str, path: str, decoder: Any) -> ApiCall[Any]:
    return ApiCall(
        name=f"service.{name}",
        method="GET",
        path=path,
        decode=decoder,
        repeat=Repeat.ALWAYS,
        authority=Authority.GIVEN,
    )
