"""Client registrations: our client at a provider, and who may use it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from evertoken.client.api_call import ApiCall, given
from evertoken.client.api_decoding import answers_with
from evertoken.client.api_route import Awaiting, Blocking, Routes, route
from evertoken.client.resources.kept import delete_call, get_call, list_call, put_call
from evertoken.client.results import Registration, RegistrationList

_ALL = "/v1/registrations"


class RegistrationRoutes(Routes):
    """Operators only."""

    @route
    def list(self) -> ApiCall[RegistrationList]:
        """Return all client registrations."""
        return list_call("registrations", _ALL, RegistrationList)

    @route
    def get(self, registration_id: str) -> ApiCall[Registration]:
        """Return one, without its secrets."""
        return get_call("registrations", _ALL, registration_id, answers_with(Registration))

    @route
    def put(
        self,
        registration_id: str,
        *,
        provider: str,
        client_id: str,
        tenants: Sequence[str],
        client_secret: str | None = None,
        scopes: Sequence[str] | None = None,
        client_authentication: str | None = None,
        signing_key: Mapping[str, str] | None = None,
        private_key: str | None = None,
        parameters: Mapping[str, str] | None = None,
    ) -> ApiCall[Registration]:
        """Add or change one, which ends a pause; without *client_secret* and *private_key* the stored ones are kept."""
        body = given(
            provider=provider,
            client_id=client_id,
            tenants=tenants,
            client_secret=client_secret,
            scopes=scopes,
            client_authentication=client_authentication,
            signing_key=signing_key,
            private_key=private_key,
            parameters=parameters,
        )
        return put_call("registrations", _ALL, registration_id, Registration, body)

    @route
    def delete(self, registration_id: str) -> ApiCall[None]:
        """Remove one and its secrets."""
        return delete_call("registrations", _ALL, registration_id)


class Registrations(RegistrationRoutes, Blocking):
    """Client registrations, blocking."""


class AsyncRegistrations(RegistrationRoutes, Awaiting):
    """Client registrations, awaited."""
