"""One mistake each: a mutation changes a document and returns whether it means something else now."""

from typing import Any

from tests.conformance.entry_document import CONNECTING, Entry, RequestFacts
from tests.conformance.journey import first_grant

Document = dict[str, Any]
DEFAULT_HEADERS = {"accept": "application/json"}
OTHER_METHODS = {"client_secret_basic": "client_secret_post"}
OTHER_CLASSES = {"provider_down": "client_misconfigured"}


def _first(entry: Entry) -> RequestFacts:
    return entry.request(CONNECTING[first_grant(entry)])


def _own(document: Document, operation: str) -> Document:
    """The request's own facts in *document*."""
    requests: Document = document.setdefault("requests", {})
    own: Document = requests.setdefault(operation, {})
    return own


def _section(document: Document, name: str) -> Document:
    section: Document = document.setdefault(name, {})
    return section


def _walked(entry: Entry) -> list[RequestFacts]:
    """The requests that every journey makes."""
    return [entry.request(operation) for operation in entry.operations if operation != "following_exchange"]


def wrong_client_authentication(entry: Entry, document: Document) -> bool:
    believed = [
        facts
        for facts in _walked(entry)
        if facts.client == "authenticated" and not facts.client_authentication
    ]
    if believed:
        methods = _section(document, "client_authentication")
        methods.pop("assertion", None)
        methods["methods"] = [OTHER_METHODS.get(entry.methods[0], "client_secret_basic")]
        return True
    facts = _first(entry)
    _own(document, facts.operation)["client"] = "secret_only" if facts.client == "id_only" else "id_only"
    return True


def swapped_parameters(entry: Entry, document: Document) -> bool:
    facts = _first(entry)
    pairs = {"code_exchange": ("code", "redirect_uri"), "session_login": ("username", "password")}
    one, other = pairs.get(facts.operation, ("client_id", "client_secret"))
    if {one, other} & facts.omits:
        return False
    names = _own(document, facts.operation).setdefault("names", {})
    names[one], names[other] = facts.wire(other), facts.wire(one)
    return one != "client_id" or (
        facts.client == "authenticated" and entry.methods[0] == "client_secret_post"
    )


def renamed_parameter(entry: Entry, document: Document) -> bool:
    facts = _first(entry)
    standard = {
        "code_exchange": "code",
        "session_login": "password",
        "jwt_bearer": "assertion",
        "device_code": "device_code",
    }
    name = standard.get(facts.operation, "grant_type")
    if name == "grant_type" and (facts.grant_type is None or name in facts.omits):
        return False
    _own(document, facts.operation).setdefault("names", {})[name] = f"mutant_{name}"
    return True


def wrong_path(entry: Entry, document: Document) -> bool:
    facts = _first(entry)
    own = document.get("requests", {}).get(facts.operation, {})
    place, name = (own, "url") if "url" in own else (_section(document, "endpoints"), "token")
    place[name] = _longer(place[name])
    return True


def _longer(url: str) -> str:
    address, mark, query = url.partition("?")
    return f"{address.rstrip('/')}/mutant{mark}{query}"


def wrong_answer_member(entry: Entry, document: Document) -> bool:
    answer = _section(document, "answer")
    if "access_token" in answer.get("headers", {}):
        answer["headers"]["access_token"] = "x-mutant-token"
    else:
        answer.setdefault("members", {})["access_token"] = ["mutant_token"]
    return True


def wrong_token_path(entry: Entry, document: Document) -> bool:
    _section(document, "answer")["token_paths"] = ["/mutant"]
    return "access_token" not in entry.fact("answer.headers", {})


def wrong_expiry_kind(entry: Entry, document: Document) -> bool:
    kind = entry.fact("answer.expires_in.kind", "seconds")
    if kind in ("jwt_exp", "iso_8601") or entry.fact("lifetimes.access_token_seconds", 3600) == "never":
        return False
    _section(document, "answer").setdefault("expires_in", {})["kind"] = (
        "milliseconds" if kind == "seconds" else "seconds"
    )
    return True


def wrong_grant_type(entry: Entry, document: Document) -> bool:
    facts = entry.request("refresh") if "refresh" in entry.operations else _first(entry)
    _own(document, facts.operation)["grant_type"] = "mutant_grant"
    return "grant_type" not in facts.omits


def wrong_method(entry: Entry, document: Document) -> bool:
    facts = _first(entry)
    change = {"method": "POST"} if facts.method == "GET" else {"method": "GET", "encoding": "query"}
    _own(document, facts.operation).update(change)
    return True


def wrong_encoding(entry: Entry, document: Document) -> bool:
    facts = _first(entry)
    change = {
        "form": {"encoding": "json"},
        "json": {"encoding": "form"},
        "query": {"encoding": "form", "method": "POST"},
    }
    _own(document, facts.operation).update(change[facts.encoding])
    return True


def dropped_header(entry: Entry, document: Document) -> bool:
    facts = _first(entry)
    requests = document.get("requests", {})
    for headers in (requests.get("headers", {}), requests.get(facts.operation, {}).get("headers", {})):
        for name in list(headers):
            if name.lower() != "content-type" and DEFAULT_HEADERS.get(name.lower()) != headers[name]:
                del headers[name]
                return True
    return False


def dropped_parameter(entry: Entry, document: Document) -> bool:
    facts = _first(entry)
    parameters = document.get("requests", {}).get(facts.operation, {}).get("parameters")
    if not parameters and facts.operation == "code_exchange" and entry.fact("requests.authorization") is None:
        parameters = document.get("authorization", {}).get("parameters")
    if not parameters:
        return False
    parameters.pop(next(iter(parameters)))
    return True


def renamed_refresh_token(entry: Entry, document: Document) -> bool:
    facts = entry.request("refresh")
    _own(document, "refresh")["token_parameter"] = f"mutant_{facts.token}"
    return "refresh" in entry.operations and bool(facts.token)


def wrong_scope_separator(entry: Entry, document: Document) -> bool:
    separator = entry.fact("authorization.scope_separator", " ")
    _section(document, "authorization")["scope_separator"] = ";" if separator == "," else ","
    return _is_browsed(entry) and "scope" not in entry.fact("authorization.omits", ())


def _is_browsed(entry: Entry) -> bool:
    return "authorization_code" in entry.grants and entry.fact("requests.authorization") is None


def wrong_authorization_path(entry: Entry, document: Document) -> bool:
    if not _is_browsed(entry):
        return False
    document["endpoints"]["authorization"] = _longer(document["endpoints"]["authorization"])
    return True


def wrong_pkce(entry: Entry, document: Document) -> bool:
    support = entry.fact("pkce.support")
    pkce = _section(document, "pkce")
    pkce["support"] = "required" if support == "unsupported" else "unsupported"
    if support != "unsupported":
        pkce.pop("method", None)
    return _is_browsed(entry) and support is not None


def wrong_code_parameter(entry: Entry, document: Document) -> bool:
    _section(document, "callback")["code_parameter"] = "mutant_code"
    return "authorization_code" in entry.grants


def wrong_revocation_path(entry: Entry, document: Document) -> bool:
    if entry.fact("endpoints.revocation") is None or entry.fact("revocation.token") == "refresh_token":
        return False
    place, name = (
        (document["requests"]["revocation"], "url")
        if "url" in document.get("requests", {}).get("revocation", {})
        else (document["endpoints"], "revocation")
    )
    place[name] = _longer(place[name])
    return True


def dropped_exchange(entry: Entry, document: Document) -> bool:
    if not entry.following_exchanges:
        return False
    document["requests"]["following_exchanges"].pop()
    return True


def wrong_error_class(entry: Entry, document: Document) -> bool:
    if not document.get("errors"):
        return False
    rule = document["errors"][0]
    rule["class"] = OTHER_CLASSES.get(rule["class"], "provider_down")
    return True


def dropped_kept_member(entry: Entry, document: Document) -> bool:
    keeps = document.get("answer", {}).get("keeps", [])
    needed = {entry.fact("account.member")} | {
        one.get("from_answer") for one in document.get("parameters", {}).values()
    }
    free = [name for name in keeps if name not in needed]
    if not free:
        return False
    keeps.remove(free[0])
    return True


MUTATIONS = (
    wrong_client_authentication,
    swapped_parameters,
    wrong_path,
    wrong_answer_member,
    renamed_parameter,
    wrong_token_path,
    wrong_expiry_kind,
    wrong_grant_type,
    wrong_method,
    wrong_encoding,
    dropped_header,
    dropped_parameter,
    renamed_refresh_token,
    wrong_scope_separator,
    wrong_authorization_path,
    wrong_pkce,
    wrong_code_parameter,
    wrong_revocation_path,
    dropped_exchange,
    wrong_error_class,
    dropped_kept_member,
)
