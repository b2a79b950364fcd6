"""Mistakes that show only when something goes wrong around a refresh, or when the provider names itself."""

from tests.conformance.disturbances import FORGIVING
from tests.conformance.entry_document import Entry
from tests.conformance.mutations import Document

OTHER_DEFAULT = "mutant"


def wrong_rotation(entry: Entry, document: Document) -> bool:
    """A client that repeats what it must not, or dares not to repeat what it may."""
    if not (entry.gives_refresh_tokens and "refresh" in entry.operations and entry.is_verified("rotation")):
        return False
    is_forgiving = entry.fact("rotation.kind") in FORGIVING
    if is_forgiving and entry.fact("limits"):
        return False  # both kinds of client wait before they repeat
    document["rotation"] = {
        **{
            name: document["rotation"][name]
            for name in ("new_token", "source")
            if name in document["rotation"]
        },
        "kind": "strict" if is_forgiving else "static",
    }
    return True


def wrong_issuer(entry: Entry, document: Document) -> bool:
    if entry.fact("issuer") is None or entry.fact("iss_parameter") == "never":
        return False
    document["issuer"] = f"{document['issuer'].rstrip('/')}/mutant"
    return "authorization_code" in entry.grants and entry.fact("requests.authorization") is None


def forgotten_minimum_age(entry: Entry, document: Document) -> bool:
    forgotten = [
        document.get("refresh", {}).pop(name, None) for name in ("minimum_age_seconds", "window_seconds")
    ]
    return any(forgotten) and "refresh" in entry.operations


def forgotten_end(entry: Entry, document: Document) -> bool:
    """A client that hopes to renew what has expired."""
    if entry.fact("refresh.after_expiry", True) or entry.fact("lifetimes.access_token_seconds") == "never":
        return False
    del document["refresh"]["after_expiry"]
    return "refresh" in entry.operations


def wrong_default(entry: Entry, document: Document) -> bool:
    """A client that fills in something else where nothing is given."""
    for name, parameter in document.get("parameters", {}).items():
        is_filled = "default" in parameter and "from_callback" not in parameter
        if is_filled and f"{{{name}}}" in entry.fact("endpoints.token", ""):
            parameter["default"] = _another(parameter)
            return True
    return False


def _another(parameter: Document) -> str:
    choices = [one for one in parameter.get("choices", ()) if one != parameter["default"]]
    if choices:
        return str(choices[0])
    if parameter.get("suffixes"):
        return f"{OTHER_DEFAULT}{parameter['suffixes'][0]}"
    return f"{OTHER_DEFAULT}.example.com" if parameter.get("operator_host") else OTHER_DEFAULT


MUTATIONS_OF_TIME = (wrong_rotation, wrong_issuer, forgotten_minimum_age, forgotten_end, wrong_default)
