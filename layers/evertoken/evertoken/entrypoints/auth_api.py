"""The API of identity: access tokens, tenants and their clients, sessions of users."""

from __future__ import annotations

from collections.abc import Mapping

from evertoken import bootstrap_identity, bootstrap_operations
from evertoken.bootstrap import build_admission, build_revocation_list, build_verifier
from evertoken.entrypoints.access_token_routes import AccessTokenDependencies, access_token_routes
from evertoken.entrypoints.api import Api
from evertoken.entrypoints.client_routes import ClientRouteDependencies, client_routes
from evertoken.entrypoints.documentation_routes import documentation_routes
from evertoken.entrypoints.session_callers import SessionCallers
from evertoken.entrypoints.session_routes import SessionRouteDependencies, session_routes
from evertoken.entrypoints.telemetry import Telemetry
from evertoken.settings import AuthApiSettings


def build_auth_api(environ: Mapping[str, str]) -> Api:
    """Return the auth API for this environment. Raises ConfigurationError."""
    settings = AuthApiSettings.from_env(environ)
    issuing = bootstrap_identity.build_issuing(settings)
    telemetry = Telemetry(stage=settings.stage, service="auth_api")
    verifier = build_verifier(
        settings.signing_key_ids, lifetime_seconds=settings.access_token_lifetime_seconds
    )
    revocations = build_revocation_list(settings.table_name)
    admission = build_admission(revocations, requests_per_second=settings.client_requests_per_second)
    audit = bootstrap_operations.build_audit_trail(
        settings.table_name, retention_days=settings.audit_retention_days
    )
    tokens = AccessTokenDependencies(
        issuing=issuing,
        exchanging=bootstrap_identity.build_exchanging(settings, issuing),
        signer=issuing.signer,
    )
    clients = ClientRouteDependencies(
        tenants=bootstrap_identity.build_tenants(settings),
        clients=bootstrap_identity.build_api_clients(settings),
    )
    sessions = SessionRouteDependencies(
        sessions=bootstrap_identity.build_sessions(settings, signer=issuing.signer, tenants=revocations),
        listing=bootstrap_identity.build_session_list(settings),
        callers=SessionCallers(
            bootstrap_identity.build_session_verifier(
                settings, on_expired=lambda: telemetry.count("SessionTokensExpired", 1)
            ),
            verifier,
            admission=admission,
        ),
        audit=audit,
    )
    return Api(
        access_token_routes(tokens)
        + client_routes(clients)
        + session_routes(sessions, telemetry)
        + documentation_routes(stage=settings.stage),
        verifier=verifier,
        public_base_url=settings.public_base_url,
        function_timeout_seconds=settings.function_timeout_seconds,
        clock=issuing.clock,
        telemetry=telemetry,
        admission=admission,
        audit=audit,
    )
