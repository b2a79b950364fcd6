"""Which standard parameters each operation carries, and which of their values can be told beforehand (RFC 6749, 7009, 7523, 8628, 8693)."""

from tests.conformance.authorization_page import Code
from tests.conformance.entry_document import RequestFacts
from tests.conformance.grants import Grant
from tests.conformance.request_checks import ANY, Wanted
from tests.conformance.requested_scopes import RequestedScopes

USER_TOKEN = "user-token-1"
SUBJECT_TOKEN, SUBJECT_TOKEN_TYPE = "subject-token-1", "urn:ietf:params:oauth:token-type:access_token"
USERNAME, PASSWORD = "ann@example.test", "pass: % + & é"


def wanted_of(
    facts: RequestFacts,
    step: int,
    scopes: RequestedScopes,
    redirect_uri: str,
    grant: Grant | None,
    code: Code | None,
) -> Wanted:
    """What a request of *facts* carries for *grant*, or for the *code* that it redeems."""
    token: dict[str, object] = {"token": ANY} if facts.token else {}
    scope: dict[str, object] = {"scope": scopes.either}
    own: dict[str, object] = {}
    optional: dict[str, object] = {}
    match facts.operation:
        case "code_exchange":
            own = {"code": ANY, "redirect_uri": redirect_uri}
            if code is not None and code.challenge is not None:
                own["code_verifier"] = ANY
        case "following_exchange" | "refresh":
            own = token
        case "revocation":
            own = token
            if facts.token == facts.wire("token"):
                optional = {"token_type_hint": frozenset({"access_token", "refresh_token"})}
        case "client_credentials" | "device_authorization":
            own = scope
        case "user_token":
            own = scope | ({"token": USER_TOKEN} if facts.token else {})
        case "session_login":
            own = {"username": USERNAME, "password": PASSWORD}
        case "token_exchange":
            own = {"token": SUBJECT_TOKEN, "subject_token_type": SUBJECT_TOKEN_TYPE, **scope}
        case "device_code":
            own = {"device_code": ANY}
        case "jwt_bearer":
            own, optional = {"assertion": ANY}, scope
        case "authorization":
            own = {"redirect_uri": redirect_uri, "state": ANY}
            optional = {"response_type": "code", "code_challenge": ANY, "code_challenge_method": ANY, **scope}
    return Wanted(own=own, optional=optional, authorization=_credentials(facts, grant), step=step)


def _credentials(facts: RequestFacts, grant: Grant | None) -> dict[str, str]:
    """What an Authorization header may carry; which token a refresh spends is for the grants to judge."""
    held = {"user_token": USER_TOKEN}
    if grant is None or facts.operation in ("refresh", "following_exchange"):
        return held
    if grant.access:
        held["access_token"] = grant.access[-1].text
    if grant.refresh:
        held["refresh_token"] = grant.refresh[-1].text
    return held
