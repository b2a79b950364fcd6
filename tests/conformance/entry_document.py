"""A provider's entry as its document says it, read without the code under test: what that code misreads, this does not misread with it."""

import json
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from tests.conformance.json_pointer import kept_name

CATALOGUE = Path(__file__).parents[2] / "layers/evertoken/evertoken/catalogue/providers"
GENERIC = ("oauth2", "oidc")
URN = "urn:ietf:params:oauth:grant-type:"

# What RFC 6749, 7009, 7523, 8628 and 8693 say where an entry says nothing.
DEFAULT_REQUESTS: dict[str, dict[str, Any]] = {
    "authorization": {},
    "code_exchange": {"grant_type": "authorization_code"},
    "following_exchange": {"token": "access_token"},
    "refresh": {"grant_type": "refresh_token", "token": "refresh_token"},
    "client_credentials": {"grant_type": "client_credentials"},
    "user_token": {"grant_type": "client_credentials", "token": "user_access_token"},
    "session_login": {"encoding": "json", "client": "absent"},
    "token_exchange": {"grant_type": URN + "token-exchange", "token": "subject_token"},
    "device_authorization": {},
    "device_code": {"grant_type": URN + "device_code"},
    "jwt_bearer": {"grant_type": URN + "jwt-bearer", "client": "absent"},
    "revocation": {"token": "token"},
}
CONNECTING = {
    "authorization_code": "code_exchange",
    "client_credentials": "client_credentials",
    "user_token": "user_token",
    "session_login": "session_login",
    "token_exchange": "token_exchange",
    "device_code": "device_code",
    "jwt_bearer": "jwt_bearer",
}
"""Each grant with the operation that ends in its first token set."""
RUNS_AGAIN = ("client_credentials", "session_login", "jwt_bearer")


@dataclass(frozen=True, kw_only=True)
class RequestFacts:
    """One kind of request as the entry describes it, the RFC's word where it says nothing."""

    operation: str
    url: str | None
    method: str
    encoding: str
    client: str
    client_authentication: str | None
    authorization_header: dict | None
    grant_type: str | None
    token: str
    """The name under which the token goes that is spent; empty: not among the parameters."""
    names: dict[str, str]
    omits: frozenset[str]
    parameters: dict[str, str]
    headers: dict[str, str]

    def wire(self, standard: str) -> str:
        """This provider's name of a standard parameter."""
        return self.names.get(standard, standard)


@dataclass(frozen=True)
class Entry:
    """A whole document (nothing left to extend) and questions to it."""

    document: dict[str, Any] = field(repr=False)

    @property
    def provider_id(self) -> str:
        return self.document["id"]

    def fact(self, path: str, default: Any = None) -> Any:
        """What stands at `section.member`; unknown is *default*."""
        found: Any = self.document
        for part in path.split("."):
            found = found.get(part) if isinstance(found, dict) else None
        return default if found is None or found == "unknown" else found

    def is_verified(self, section: str) -> bool:
        """Whether a section is believed: an unverified rotation is played as the strictest."""
        return self.fact(f"{section}.source.confidence", "verified") != "unverified"

    @cached_property
    def grants(self) -> tuple[str, ...]:
        return tuple(self.document.get("grants", ("authorization_code", "refresh_token")))

    @cached_property
    def credential(self) -> str:
        return self.fact("refresh.credential", "refresh_token")

    @cached_property
    def gives_refresh_tokens(self) -> bool:
        return self.credential == "refresh_token" and "refresh_token" in self.grants

    @cached_property
    def takes_revocations(self) -> bool:
        return self.request("revocation").url is not None

    @cached_property
    def methods(self) -> tuple[str, ...]:
        return tuple(self.fact("client_authentication.methods", ["client_secret_basic"]))

    @cached_property
    def following_exchanges(self) -> int:
        return len(self.fact("requests.following_exchanges", []))

    @cached_property
    def operations(self) -> tuple[str, ...]:
        """All operations that this entry can run."""
        found = [CONNECTING[grant] for grant in self.grants if grant in CONNECTING]
        if "code_exchange" in found and self.following_exchanges:
            found.append("following_exchange")
        if self.is_refreshable:
            found.append("refresh")
        return tuple(found)

    @cached_property
    def is_refreshable(self) -> bool:
        """Whether some grant's token sets are renewed by a request of their own, not by the grant run again."""
        renewed = [grant for grant in self.grants if grant in CONNECTING]
        if self.credential == "access_token":
            return any(grant not in RUNS_AGAIN for grant in renewed)
        return self.gives_refresh_tokens and any(self.comes_with_refresh_token(grant) for grant in renewed)

    def comes_with_refresh_token(self, grant: str) -> bool:
        """RFC 6749 section 4.4.3, RFC 7523 section 2.1: where the client can ask again, none is issued."""
        return self.gives_refresh_tokens and grant not in ("client_credentials", "jwt_bearer")

    def request(self, operation: str, step: int = 0) -> RequestFacts:
        """The facts of one operation."""
        requests = self.document.get("requests", {})
        if operation == "following_exchange":
            own = requests["following_exchanges"][step]
        else:
            own = requests.get(operation, {})
        default = DEFAULT_REQUESTS[operation]
        names = {**requests.get("names", {}), **own.get("names", {})}
        standard_token = default.get("token", "")
        url = own.get("url")
        if url is None:
            url = self.fact(
                {
                    "revocation": "endpoints.revocation",
                    "device_authorization": "endpoints.device_authorization",
                }.get(operation, "endpoints.token")
            )
        return RequestFacts(
            operation=operation,
            url=url,
            method=own.get("method", "POST"),
            encoding=own.get("encoding", default.get("encoding", "form")),
            client=own.get("client", default.get("client", "authenticated")),
            client_authentication=own.get("client_authentication"),
            authorization_header=own.get("authorization_header"),
            grant_type=own["grant_type"] if "grant_type" in own else default.get("grant_type"),
            token=own.get("token_parameter", names.get(standard_token, standard_token)),
            names=names,
            omits=frozenset(own.get("omits", ())),
            parameters={**requests.get("parameters", {}), **own.get("parameters", {})},
            headers={**requests.get("headers", {}), **own.get("headers", {})},
        )

    @cached_property
    def kept_in_answers(self) -> dict[str, str]:
        """What answers keep: the name under which it is kept -> where it stands."""
        kept = {kept_name(where): where for where in self.fact("answer.keeps", ())}
        if self.fact("account.from") == "answer":
            member = self.fact("account.member")
            kept.setdefault(kept_name(member), member)
        for parameter in self.document.get("parameters", {}).values():
            where = parameter.get("from_answer")
            if where:
                kept.setdefault(kept_name(where), where)
        return kept

    def sources(self) -> list[dict]:
        """Every source in the document."""
        found = [
            section["source"]
            for section in self.document.values()
            if isinstance(section, dict) and "source" in section
        ]
        for name in ("limits", "errors"):
            found += [one["source"] for one in self.document.get(name, ()) if "source" in one]
        return found

    def doubtful_facts(self) -> int:
        """How much of it nobody has read: unverified sources, and what of the four that are always asked for is unknown."""
        unverified = sum(source["confidence"] == "unverified" for source in self.sources())
        asked = ("endpoints.token", "client_authentication.methods", "pkce.support", "rotation.kind")
        return unverified + sum(self.fact(path) is None for path in asked)


def shipped_ids() -> list[str]:
    return sorted(path.stem for path in CATALOGUE.glob("*.json") if path.stem not in GENERIC)


def read_entry(provider_id: str) -> Entry:
    """A shipped entry, with what it extends under it."""
    return Entry(whole_document(json.loads((CATALOGUE / f"{provider_id}.json").read_text(encoding="utf-8"))))


def whole_document(document: dict[str, Any]) -> dict[str, Any]:
    """*document* with what it extends: sections member by member, its own errors first, its own sources only."""
    own = dict(document)
    base_id = own.pop("extends", None)
    if base_id is None:
        return own
    base = whole_document(json.loads((CATALOGUE / f"{base_id}.json").read_text(encoding="utf-8")))
    whole = {
        name: value
        for name, value in base.items()
        if name not in ("id", "name", "documentation", "lifecycle")
    }
    for name, value in own.items():
        inherited = whole.get(name)
        if name == "errors" and inherited:
            whole[name] = [*value, *inherited]
        elif isinstance(value, dict) and isinstance(inherited, dict):
            whole[name] = {**{k: v for k, v in inherited.items() if k != "source"}, **value}
        else:
            whole[name] = value
    return whole
