"""A provider document made into a `Provider`: a closed vocabulary, and messages that name the field and the mend.

`schema.json` says the same for editors and tests; a test holds the two together. Nothing here imports jsonschema.
"""

from __future__ import annotations

import re
from collections.abc import Container, Mapping
from dataclasses import replace
from typing import Any

from evertoken.catalogue.answer_document import parse_answer_shape, report_shown_tokens
from evertoken.catalogue.authorization_document import (
    parse_account_source,
    parse_authorization,
    parse_callback_shape,
)
from evertoken.catalogue.document_patterns import PROVIDER_ID, PROVIDER_ID_MEND
from evertoken.catalogue.document_problems import DocumentProblems
from evertoken.catalogue.document_reader import DocumentReader
from evertoken.catalogue.document_sections import Reading, read_page, read_url
from evertoken.catalogue.error_document import parse_error_rules
from evertoken.catalogue.fact_sections import (
    read_client_authentication,
    read_endpoints,
    read_lifecycle,
    read_pkce,
    read_rotation,
)
from evertoken.catalogue.refresh_sections import (
    read_lifetimes,
    read_limits,
    read_refreshing,
    read_revoking,
    read_sharing,
)
from evertoken.catalogue.request_document import parse_requests
from evertoken.catalogue.template_parameters import read_parameters, settled
from evertoken.domain.assertion import Audience
from evertoken.domain.grant import Grant
from evertoken.domain.provider import IssParameter, Provider, RefreshCredential
from evertoken.domain.provider_shapes import AccountOrigin
from evertoken.protocol.token_members import kept_name

SCHEMA_VERSION = 1
_DEFAULT_GRANTS = (Grant.AUTHORIZATION_CODE, Grant.REFRESH_TOKEN)
_NAME = re.compile(r"[^\x00-\x1f\x7f<>]{1,80}")
_NAME_MEND = "must be a name of at most 80 characters without markup."
_ACCESS_TOKEN = "access_token"  # noqa: S105  # a name, no secret


def read_provider(
    document: Mapping[str, Any],
    *,
    provider_id: str,
    allow_loopback: bool = False,
    needs_sources: bool = False,
    inherited_parameters: Container[str] = (),
    problems: DocumentProblems | None = None,
) -> Provider:
    """Return the provider that a whole document (nothing left to extend) describes.

    *inherited_parameters* may be left unused. With *problems* that collect, the provider is good for nothing unless none were found.

    Raises:
        InvalidInputError: a field is unknown, missing or not what it must be; the message names it and the mend.
    """
    reader = DocumentReader(document, problems or DocumentProblems())
    _read_version(reader, needs_sources=needs_sources)
    name = _read_id_and_name(reader, provider_id)
    declared = read_parameters(reader)
    reading = Reading(allow_loopback=allow_loopback, needs_sources=needs_sources, parameters=declared)
    endpoints = read_endpoints(reader, reading)
    authentication = read_client_authentication(reader, reading)
    pkce, challenge_method = read_pkce(reader, reading)
    rotation, kills_access_token = read_rotation(reader, reading)
    refreshing = read_refreshing(reader, reading)
    grants = frozenset(reader.choices("grants", Grant) or _DEFAULT_GRANTS)
    has_refresh_token = (
        refreshing.credential is RefreshCredential.REFRESH_TOKEN and Grant.REFRESH_TOKEN in grants
    )
    lifetimes = read_lifetimes(reader, reading, has_refresh_token=has_refresh_token)
    revoking = read_revoking(reader, reading)
    requests, grant_assertion = parse_requests(reader.object("requests"), reading)
    account = parse_account_source(reader.object("account"), reading)
    callback = parse_callback_shape(reader.object("callback"), reading)
    answer = parse_answer_shape(reader.object("answer"), reading)
    takes_access_token = revoking.takes_access_token
    if takes_access_token is None:
        takes_access_token = requests.revocation.token_parameter == _ACCESS_TOKEN
    provider = Provider(
        provider_id=provider_id,
        name=name,
        documentation=read_page(reader, "documentation", reading),
        lifecycle=read_lifecycle(reader, reading),
        issuer=read_url(reader, "issuer", reading, may_be_unknown=True),
        iss_parameter=reader.choice("iss_parameter", IssParameter, IssParameter.UNKNOWN),
        grants=grants,
        authorization_endpoint=endpoints.authorization,
        token_endpoint=endpoints.token,
        revocation_endpoint=endpoints.revocation,
        device_authorization_endpoint=endpoints.device_authorization,
        client_authentication=authentication.methods,
        form_encodes_basic=authentication.form_encodes_basic,
        client_assertion=authentication.assertion,
        grant_assertion=grant_assertion,
        pkce=pkce,
        challenge_method=challenge_method,
        rotation=rotation,
        refresh_credential=refreshing.credential,
        minimum_age_seconds=refreshing.minimum_age_seconds,
        maximum_age_seconds=refreshing.maximum_age_seconds,
        refresh_window_seconds=refreshing.window_seconds,
        refreshable_after_expiry=refreshing.after_expiry,
        refresh_kills_access_token=kills_access_token,
        access_token_lifetime_seconds=lifetimes.access_token_seconds,
        access_token_lifetime_is_assumed=lifetimes.access_token_is_assumed,
        refresh_token_lifetime_seconds=lifetimes.refresh_token_seconds,
        use_extends_refresh_token=lifetimes.use_extends_refresh_token,
        grant_lifetime_seconds=lifetimes.grant_seconds,
        revocation_ends_grant=revoking.ends_grant,
        limits=read_limits(reader, reading),
        sharing=read_sharing(reader, reading),
        authorization=parse_authorization(reader.object("authorization"), reading),
        callback=callback,
        requests=requests,
        revokes_access_token=takes_access_token,
        answer=answer,
        error_rules=parse_error_rules(reader, reading),
        account=account,
        sources=reading.sources,
    )
    kept = {*answer.keeps, *callback.keeps}
    if account.origin in (AccountOrigin.ANSWER, AccountOrigin.CALLBACK) and account.member is not None:
        kept.add(account.member)
    used = reading.placeholders.check(reader, declared=declared, kept=frozenset(map(kept_name, kept)))
    reader.close()
    _check_together(reader, provider)
    report_shown_tokens(reader, answer, account)
    return replace(
        provider,
        parameters=settled(
            reader, declared, in_host=reading.placeholders.in_host, used=used, inherited=inherited_parameters
        ),
    )


def _read_version(reader: DocumentReader, *, needs_sources: bool) -> None:
    if reader.has("schema_version"):
        version = reader.take("schema_version")
        if type(version) is not int or version != SCHEMA_VERSION:
            reader.report("schema_version", f"must be {SCHEMA_VERSION}, the version that this release reads.")
    elif needs_sources:
        reader.report("schema_version", f'is missing. Write "schema_version": {SCHEMA_VERSION}.')


def _read_id_and_name(reader: DocumentReader, provider_id: str) -> str:
    if PROVIDER_ID.fullmatch(provider_id) is None:
        reader.report("id", PROVIDER_ID_MEND)
    if reader.text("id", pattern=PROVIDER_ID, mend=PROVIDER_ID_MEND) not in (None, provider_id):
        reader.report("id", "must be the id under which the document is stored, or absent.")
    return reader.text("name", pattern=_NAME, mend=_NAME_MEND) or provider_id


def _check_together(reader: DocumentReader, provider: Provider) -> None:
    """Report what two sections say against each other."""
    if provider.iss_parameter is IssParameter.ALWAYS and provider.issuer is None:
        reader.report(
            "issuer", 'must be known where iss_parameter is "always": there is nothing to compare with.'
        )
    if (
        Grant.AUTHORIZATION_CODE in provider.grants
        and provider.authorization_endpoint is None
        and (provider.requests.authorization is None or provider.requests.authorization.url is None)
    ):
        reader.report(
            "endpoints.authorization", "is missing. Name it, or leave authorization_code out of grants."
        )
    if Grant.DEVICE_CODE in provider.grants and provider.device_authorization_endpoint is None:
        reader.report(
            "endpoints.device_authorization", "is missing. Name it, or leave device_code out of grants."
        )
    signs = any(method.signs for method in provider.client_authentication)
    for field, used, shape in (
        ("client_authentication.assertion.audience", signs, provider.client_assertion),
        (
            "requests.jwt_bearer.assertion.audience",
            Grant.JWT_BEARER in provider.grants,
            provider.grant_assertion,
        ),
    ):
        if used and shape.audience == Audience.ISSUER and provider.issuer is None:
            reader.report(field, 'cannot be "issuer" where the issuer is unknown.')
