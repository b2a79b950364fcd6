"""What the API shows of a provider: what it can do, what has to be given, what is known of it and from where."""

from __future__ import annotations

from typing import Any

from evertoken.domain.provider import Provider
from evertoken.domain.provider_shapes import TemplateParameter
from evertoken.usecases.connection_wish import known_lifetime_seconds
from evertoken.usecases.describe_provider import find_unknown_facts
from evertoken.usecases.manage_providers import KeptProvider, UnreadableProvider


def view_listed_provider(kept: KeptProvider | UnreadableProvider) -> dict[str, Any]:
    """Return what a list shows of a provider, or why it cannot."""
    if isinstance(kept, UnreadableProvider):
        return {"provider_id": kept.provider_id, "origin": "operator", "problem": kept.problem}
    return _view_provider(kept)


def _view_provider(kept: KeptProvider) -> dict[str, Any]:
    provider = kept.provider
    return {
        "provider_id": provider.provider_id,
        "name": provider.name,
        "origin": "shipped" if kept.document is None else "operator",
        "extends": kept.extends[0] if kept.extends else None,
        "documentation": provider.documentation,
        "lifecycle": _view_lifecycle(provider),
        "grants": sorted(provider.grants),
        "parameters": [_view_parameter(name, one) for name, one in sorted(provider.parameters.items())],
        "rotation": _view_rotation(provider),
        "unknown": [fact.field for fact in find_unknown_facts(provider)],
    }


def view_whole_provider(kept: KeptProvider, *, is_operator: bool) -> dict[str, Any]:
    """Return all that is shown of one provider; operators see the document that they stored."""
    provider = kept.provider
    view = {
        **_view_provider(kept),
        "issuer": provider.issuer,
        "authorization_endpoint": provider.authorization_endpoint,
        "token_endpoint": provider.token_endpoint,
        "revocation_endpoint": provider.revocation_endpoint,
        "device_authorization_endpoint": provider.device_authorization_endpoint,
        "client_authentication": [method.value for method in provider.client_authentication],
        "pkce": provider.pkce.value,
        "refresh_credential": provider.refresh_credential.value,
        "minimum_age_seconds": provider.minimum_age_seconds,
        "access_token_lifetime_seconds": known_lifetime_seconds(provider),
        "refresh_token_lifetime_seconds": provider.refresh_token_lifetime_seconds,
        "grant_lifetime_seconds": provider.grant_lifetime_seconds,
        "revocation_ends_grant": provider.revocation_ends_grant,
        "limits": [
            {"requests": limit.requests, "seconds": limit.seconds, "per": limit.scope.value}
            for limit in provider.limits
        ],
        "sharing": {
            "limit": provider.sharing.limit,
            "refresh_ends_others": provider.sharing.refresh_ends_others,
        },
        "authorization_parameters": sorted(provider.authorization.accepts),
        "unknown": [
            {"field": fact.field, "consequence": fact.consequence} for fact in find_unknown_facts(provider)
        ],
        "sources": {
            name: {"url": source.url, "checked_on": source.checked_on, "confidence": source.confidence}
            for name, source in provider.sources.items()
        },
    }
    if is_operator and kept.document is not None:
        view["document"] = dict(kept.document)
    return view


def _view_lifecycle(provider: Provider) -> dict[str, str | None]:
    lifecycle = provider.lifecycle
    return {
        "stage": lifecycle.stage.value,
        "ends_on": lifecycle.ends_on,
        "successor": lifecycle.successor,
        "note": lifecycle.note,
    }


def _view_rotation(provider: Provider) -> dict[str, Any]:
    rotation = provider.rotation
    return {
        "kind": rotation.kind.value,
        "grace_seconds": rotation.grace_seconds,
        "new_token": rotation.new_token.value,
        "kills_access_token": provider.refresh_kills_access_token,
    }


def _view_parameter(name: str, parameter: TemplateParameter) -> dict[str, Any]:
    """`required`: the registration or the connection has to give it; `operator_only`: only the registration can."""
    return {
        "name": name,
        "description": parameter.description,
        "required": parameter.default is None
        and parameter.from_callback is None
        and parameter.from_answer is None,
        "default": parameter.default,
        "choices": list(parameter.choices),
        "suffixes": list(parameter.suffixes),
        "operator_only": parameter.operator_host,
    }
