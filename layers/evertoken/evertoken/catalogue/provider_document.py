"""A provider document made into a `Provider`: a closed vocabulary, and messages that name the field and the mend.

`schema.json` says the same for editors and tests; a test holds the two together. Nothing here imports jsonschema.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from evertoken.catalogue.answer_document import parse_account_source, parse_answer_shape, parse_error_rules
from evertoken.catalogue.document_reader import DocumentReader
from evertoken.catalogue.endpoint_url import CLIENT_ID_PLACEHOLDER, find_placeholders
from evertoken.catalogue.fact_sections import (
    ReadingRules,
    read_client_authentication,
    read_lifetimes,
    read_pkce,
    read_refreshing,
    read_revocation_ends_grant,
    read_rotation,
    read_source,
    read_url,
)
from evertoken.catalogue.request_document import RequestShapes, parse_authorization, parse_requests
from evertoken.domain.provider import IssParameter, Provider, Source
from evertoken.domain.provider_shapes import TemplateParameter

PROVIDER_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_PROVIDER_ID_MEND = "must be lower-case letters, digits, '_' and '-', at most 64."
_NAME = re.compile(r"[^\x00-\x1f\x7f<>]{1,80}")
_PLACEHOLDER_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")
_DEFAULT_VALUE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


class Grant(StrEnum):
    """The grants that a provider may support."""

    AUTHORIZATION_CODE = "authorization_code"
    REFRESH_TOKEN = "refresh_token"  # noqa: S105  # a name, no secret
    CLIENT_CREDENTIALS = "client_credentials"


def read_provider(
    document: Mapping[str, Any],
    *,
    provider_id: str,
    allow_loopback: bool = False,
    needs_sources: bool = False,
) -> Provider:
    """Return the provider that a whole document (nothing left to extend) describes.

    Raises:
        InvalidInputError: a field is unknown, missing or not what it must be; the message names it and the mend.
    """
    rules = ReadingRules(allow_loopback=allow_loopback, needs_sources=needs_sources)
    reader = DocumentReader(document)
    sources: dict[str, Source] = {}
    if PROVIDER_ID.fullmatch(provider_id) is None:
        raise reader.refuse("id", _PROVIDER_ID_MEND)
    if reader.text("id", pattern=PROVIDER_ID, mend=_PROVIDER_ID_MEND) not in (None, provider_id):
        raise reader.refuse("id", "must be the id under which the document is stored, or absent.")
    name = (
        reader.text("name", pattern=_NAME, mend="must be a name of at most 80 characters without markup.")
        or provider_id
    )
    endpoints = _Endpoints.read(reader, rules, sources)
    methods, form_encodes_basic = read_client_authentication(reader, rules, sources)
    pkce = read_pkce(reader, rules, sources)
    rotation, kills_access_token = read_rotation(reader, rules, sources)
    refreshing = read_refreshing(reader, sources)
    lifetimes = read_lifetimes(reader, sources)
    requests = parse_requests(reader.object("requests"), allow_loopback=allow_loopback)
    provider = Provider(
        provider_id=provider_id,
        name=name,
        documentation=read_url(reader, "documentation", rules),
        issuer=read_url(reader, "issuer", rules, may_be_unknown=True),
        iss_parameter=reader.choice("iss_parameter", IssParameter, IssParameter.UNKNOWN),
        grants=frozenset(reader.choices("grants", Grant) or (Grant.AUTHORIZATION_CODE, Grant.REFRESH_TOKEN)),
        authorization_endpoint=endpoints.authorization,
        token_endpoint=endpoints.token,
        revocation_endpoint=endpoints.revocation,
        parameters=_read_parameters(reader, endpoints, requests, document.get("issuer")),
        client_authentication=methods,
        form_encodes_basic=form_encodes_basic,
        pkce=pkce,
        rotation=rotation,
        refresh_kills_access_token=kills_access_token,
        refresh_credential=refreshing.credential,
        minimum_age_seconds=refreshing.minimum_age_seconds,
        refreshable_after_expiry=refreshing.after_expiry,
        access_token_lifetime_seconds=lifetimes.access_token_seconds,
        access_token_lifetime_is_assumed=lifetimes.access_token_is_assumed,
        refresh_token_lifetime_seconds=lifetimes.refresh_token_seconds,
        use_extends_refresh_token=lifetimes.use_extends_refresh_token,
        revocation_ends_grant=read_revocation_ends_grant(reader, sources),
        authorization=parse_authorization(reader.object("authorization")),
        code_exchange=requests.code_exchange,
        following_exchanges=requests.following_exchanges,
        refresh=requests.refresh,
        client_credentials=requests.client_credentials,
        revocation=requests.revocation,
        answer=parse_answer_shape(reader.object("answer")),
        error_rules=parse_error_rules(reader.objects("errors", limit=32)),
        account=parse_account_source(reader.object("account")),
        sources=sources,
    )
    reader.close()
    if provider.iss_parameter is IssParameter.ALWAYS and provider.issuer is None:
        raise reader.refuse(
            "issuer", 'must be known where iss_parameter is "always": there is nothing to compare with.'
        )
    if Grant.AUTHORIZATION_CODE in provider.grants and provider.authorization_endpoint is None:
        raise reader.refuse(
            "endpoints.authorization", "is missing. Name it, or leave authorization_code out of grants."
        )
    return provider


@dataclass(frozen=True, slots=True, kw_only=True)
class _Endpoints:
    authorization: str | None
    token: str
    revocation: str | None

    @staticmethod
    def read(reader: DocumentReader, rules: ReadingRules, sources: dict[str, Source]) -> _Endpoints:
        section = reader.object("endpoints")
        if section is None:
            raise reader.refuse(
                "endpoints",
                "is missing. Name at least endpoints.token, or give an issuer and let its metadata be discovered.",
            )
        token = read_url(section, "token", rules)
        if token is None:
            raise section.refuse("token", "is missing. Name the token endpoint.")
        endpoints = _Endpoints(
            authorization=read_url(section, "authorization", rules, may_be_unknown=True),
            token=token,
            revocation=read_url(section, "revocation", rules, may_be_unknown=True),
        )
        read_source(section, "endpoints", rules, sources)
        section.close()
        return endpoints


def _read_parameters(
    reader: DocumentReader, endpoints: _Endpoints, requests: RequestShapes, issuer: Any
) -> dict[str, TemplateParameter]:
    shapes = (
        requests.code_exchange,
        *requests.following_exchanges,
        requests.refresh,
        requests.client_credentials,
        requests.revocation,
    )
    urls = [
        endpoints.authorization,
        endpoints.token,
        endpoints.revocation,
        issuer,
        *(shape.url for shape in shapes),
    ]
    found = [find_placeholders(url) for url in urls if isinstance(url, str)]
    in_host = frozenset[str]().union(*(placeholders.in_host for placeholders in found))
    in_path = frozenset[str]().union(*(placeholders.in_path for placeholders in found)) - {
        CLIENT_ID_PLACEHOLDER
    }
    section = reader.object("parameters")
    declared: dict[str, TemplateParameter] = {}
    for name in sorted(in_host | in_path):
        parameter = section.object(name) if section else None
        if parameter is None or _PLACEHOLDER_NAME.fullmatch(name) is None:
            raise reader.refuse(
                f"parameters.{name}", f"is missing: a URL has the placeholder {{{name}}}. Describe it."
            )
        description = parameter.text("description")
        if description is None:
            raise parameter.refuse("description", "is missing. Say what the caller has to give.")
        default = parameter.text(
            "default", pattern=_DEFAULT_VALUE, mend="must be one part of a host or path."
        )
        parameter.text("example")
        parameter.close()
        declared[name] = TemplateParameter(description=description, in_host=name in in_host, default=default)
    if section is not None:
        section.close()
    return declared
