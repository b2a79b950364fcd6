"""Our request for an operation beside the one that a vendor documents."""

import json
from datetime import timedelta
from urllib.parse import parse_qsl, urlsplit

from evertoken.catalogue.loader import get_shipped_provider
from evertoken.domain.grant import Grant, GrantContext
from evertoken.domain.http import HttpRequest
from evertoken.domain.ready_client import ReadyClient
from evertoken.domain.token_set import TokenSet
from evertoken.protocol import token_request
from evertoken.protocol.authorization_url import build_authorization_request, build_authorization_url
from evertoken.protocol.client_authentication import signs
from evertoken.protocol.pkce import new_challenge, sends_challenge
from tests.conformance.client_registration import register
from tests.conformance.entry_document import Entry
from tests.conformance.expectation import expect
from tests.conformance.simulated_client import SimulatedClient
from tests.fakes.clock import FakeClock

VERIFIER = "verifier-0123456789-0123456789-0123456789-012"
REDIRECT_URI = "https://api.evertoken.example/v1/oauth/callback/client-1-acme"
SCOPES = ("read", "write")
VALUES = {
    "access_token": "access-1",
    "refresh_token": "refresh-1",
    "code": "code-1",
    "code_verifier": VERIFIER,
    "redirect_uri": REDIRECT_URI,
    "state": "state-1",
    "username": "ann",
    "password": "pass: % + & é",
    "user_token": "user-token-1",
    "subject_token": "subject-token-1",
    "device_code": "device-1",
}
SUBJECT_TOKEN_TYPE = "urn:ietf:params:oauth:token-type:id_token"


def check_recorded_request(entry: Entry, operation: str, parameters: dict[str, str], recorded: dict) -> None:
    """Compare, part by part; `<name>` stands for the value of that name, `*` for any. Raises NotConformingError."""
    client = SimulatedClient(entry, _recorded_method(entry, recorded))
    provider = get_shipped_provider(entry.provider_id)
    operators = {
        name for name, one in entry.document.get("parameters", {}).items() if one.get("operator_host")
    }
    ready = register(
        provider,
        client,
        {name: parameters[name] for name in operators & parameters.keys()},
        SCOPES,
        FakeClock(),
    )
    ready = ready.for_grant({name: value for name, value in parameters.items() if name not in operators})
    scopes = SCOPES if "scope" in str(recorded["parameters"]) else ()
    request = _build(ready, operation, entry, scopes, parameters)
    expect(request is not None, f"we send no request for {operation}")
    assert request is not None
    values = {**VALUES, **parameters, "client_id": client.client_id, "client_secret": client.secret}
    values["scope"] = entry.fact("authorization.scope_separator", " ").join(SCOPES)
    values |= {name: f"kept-{name}" for name in _kept(entry)}
    expect(
        request.method == recorded["method"],
        f"the method is {recorded['method']}, and we send {request.method}",
    )
    wanted_url, _, wanted_query = _fill(recorded["url"], values).partition("?")
    found = urlsplit(request.url)
    expect(
        f"{found.scheme}://{found.netloc}{found.path}" == wanted_url,
        f"the URL is {wanted_url}, and we call {request.url}",
    )
    sent = _parameters(request, recorded["encoding"], parse_qsl(wanted_query))
    wanted = recorded["parameters"]
    expect(sent.keys() == wanted.keys(), f"the parameters are {sorted(wanted)}, and we send {sorted(sent)}")
    for name, text in wanted.items():
        expect(text == "*" or sent[name] == _fill(text, values), f"the parameter {name} is not {text}")
    headers = {name.lower(): value for name, value in request.headers.items()}
    for name, text in recorded.get("headers", {}).items():
        expect(
            text == "*" or headers.get(name.lower()) == _fill(text, values),
            f"the header {name} is not {text}",
        )
    is_basic = headers.get("authorization", "").startswith("Basic ")
    expect(
        "basic" not in recorded or is_basic == recorded["basic"],
        "HTTP Basic is used where it is not documented, or the other way round",
    )


def _recorded_method(entry: Entry, recorded: dict) -> str:
    """The entry's way to prove the client that the recorded request shows."""
    names = set(recorded["parameters"].values())
    if recorded.get("basic") and "client_secret_basic" in entry.methods:
        return "client_secret_basic"
    if "client_assertion" in recorded["parameters"]:
        return next(method for method in entry.methods if method.endswith("_jwt"))
    if "<client_secret>" in names and "client_secret_post" in entry.methods:
        return "client_secret_post"
    return entry.methods[0]


def _kept(entry: Entry) -> list[str]:
    return [*entry.kept_in_answers, *entry.fact("callback.keeps", ())]


def _fill(text: str, values: dict[str, str]) -> str:
    for name, value in values.items():
        text = text.replace(f"<{name}>", value)
    return text


def _parameters(request: HttpRequest, encoding: str, fixed: list[tuple[str, str]]) -> dict[str, str]:
    if encoding == "json":
        expect("json" in request.headers.get("Content-Type", ""), "the body must be JSON")
        return json.loads(request.body or b"{}")
    if encoding == "form":
        expect(not request.query, "the parameters belong into the body")
        return dict(parse_qsl(request.body.decode(), keep_blank_values=True))
    expect(not request.body, "the parameters belong into the query")
    query = [*parse_qsl(urlsplit(request.url).query, keep_blank_values=True), *request.query]
    return dict(pair for pair in query if pair not in fixed)


def _build(
    ready: ReadyClient, operation: str, entry: Entry, scopes: tuple[str, ...], parameters: dict[str, str]
) -> HttpRequest | None:
    shapes = ready.provider.requests
    now = FakeClock().now()
    kept = {name: f"kept-{name}" for name in _kept(entry)}
    context = GrantContext(
        grant=Grant.AUTHORIZATION_CODE, granted_at=now, parameters=parameters, redirect_uri=REDIRECT_URI
    )
    token_set = TokenSet(
        access_token=VALUES["access_token"],
        refresh_token=VALUES["refresh_token"] if entry.gives_refresh_tokens else None,
        issued_at=now,
        expires_at=now + timedelta(hours=1),
        scope=" ".join(SCOPES),
        extra=kept,
        context=context,
    )

    def proof(shape) -> str | None:
        return "header.claims.signature" if signs(ready, shape) else None

    challenge = (
        new_challenge(VERIFIER, ready.provider.challenge_method) if sends_challenge(ready.provider) else None
    )
    match operation:
        case "code_exchange":
            return token_request.build_code_exchange(
                ready,
                code=VALUES["code"],
                redirect_uri=REDIRECT_URI,
                verifier=None if challenge is None else VERIFIER,
                state=VALUES["state"],
                values={**kept, **parameters, "scope": " ".join(SCOPES), "random": "random-1"},
                assertion=proof(shapes.code_exchange),
            )
        case "following_exchange":
            return token_request.build_following_exchange(ready, 0, token_set)
        case "refresh":
            return token_request.build_refresh(
                ready, token_set, assertion=proof(shapes.refresh), randomness_token="random-1"
            )
        case "client_credentials":
            return token_request.build_client_credentials(
                ready, scopes, assertion=proof(shapes.client_credentials)
            )
        case "user_token":
            return token_request.build_user_token(
                ready, VALUES["user_token"], scopes, assertion=proof(shapes.user_token)
            )
        case "session_login":
            return token_request.build_session_login(
                ready, {name: VALUES[name] for name in ("username", "password")}
            )
        case "token_exchange":
            return token_request.build_token_exchange(
                ready,
                subject_token=VALUES["subject_token"],
                subject_token_type=SUBJECT_TOKEN_TYPE,
                scopes=scopes,
                assertion=proof(shapes.token_exchange),
            )
        case "device_code":
            return token_request.build_device_code(
                ready, VALUES["device_code"], assertion=proof(shapes.device_code)
            )
        case "jwt_bearer":
            return token_request.build_jwt_bearer(
                ready, scopes, grant_assertion="header.claims.signature", assertion=proof(shapes.jwt_bearer)
            )
        case "revocation":
            return token_request.build_revocation(ready, token_set, assertion=proof(shapes.revocation))
    browsed = {
        "redirect_uri": REDIRECT_URI,
        "state": VALUES["state"],
        "challenge": challenge,
        "scopes": SCOPES,
        "parameters": {},
    }
    if shapes.authorization is None:
        return HttpRequest(method="GET", url=build_authorization_url(ready, **browsed))
    return build_authorization_request(ready, **browsed, user_token=VALUES["user_token"])
