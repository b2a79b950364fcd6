"""A document of every field of the vocabulary, section by section: each is good beside `CORE`."""

import copy

SOURCE = {
    "url": "https://docs.example.com/oauth#tokens",
    "checked_on": "2026-11-21",
    "confidence": "verified",
}
ASSERTION = {
    "algorithms": ["ES256", "RS256"],
    "audience": "https://login.example.com",
    "lifetime_seconds": 300,
    "claims": {"iss": "{client_id}", "https://example.com/team": "blue"},
    "omits": ["jti"],
}
REQUEST = {
    "url": "https://api.example.com/{client_id}/{refresh_token}",
    "method": "GET",
    "encoding": "query",
    "client": "secret_as_username",
    "client_authentication": "client_secret_post",
    "authorization_header": {"scheme": "Client", "credential": "client_secret"},
    "grant_type": "example_refresh",
    "token_parameter": "access_token",
    "names": {"client_id": "client_key"},
    "omits": ["redirect_uri", "scope"],
    "parameters": {"expiring": "1", "nonce": "{random}"},
    "headers": {"User-Agent": "aws:{client_id}:v1"},
}
CORE = {
    "schema_version": 1,
    "id": "own",
    "name": "Our login",
    "documentation": "https://docs.example.com/oauth#start",
    "issuer": "https://login.example.com",
    "iss_parameter": "always",
    "grants": ["authorization_code", "refresh_token", "device_code"],
    "endpoints": {
        "authorization": "https://login.example.com/authorize",
        "token": "https://login.example.com/token",
        "revocation": "https://login.example.com/{client_id}/revoke",
        "device_authorization": "https://login.example.com/device",
        "source": SOURCE,
    },
}
SECTIONS = {
    "lifecycle": {
        "stage": "retiring",
        "ends_on": "2027-04-01",
        "successor": "other",
        "note": "New clients are not admitted.",
        "source": SOURCE,
    },
    "client_authentication": {
        "methods": ["private_key_jwt", "client_secret_basic"],
        "form_encodes_basic": False,
        "assertion": ASSERTION,
        "source": SOURCE,
    },
    "pkce": {"support": "required", "method": "plain", "source": SOURCE},
    "rotation": {
        "kind": "grace",
        "grace_seconds": 1800,
        "grace_ends_on_use": True,
        "new_token": "always",
        "kills_access_token": True,
        "source": SOURCE,
    },
    "refresh": {
        "credential": "access_token",
        "minimum_age_seconds": 86_400,
        "maximum_age_seconds": 604_800,
        "window_seconds": 30,
        "after_expiry": False,
        "source": SOURCE,
    },
    "lifetimes": {
        "access_token_seconds": 7200,
        "refresh_token_seconds": 15_552_000,
        "use_extends_refresh_token": True,
        "grant_seconds": 31_536_000,
        "source": SOURCE,
    },
    "limits": [
        {"requests": 10, "seconds": 600, "per": "grant", "source": SOURCE},
        {"requests": 1, "seconds": 1, "per": "client"},
    ],
    "sharing": {"limit": 20, "refresh_ends_others": True, "source": SOURCE},
    "revocation": {"ends_grant": False, "token": "access_token", "source": SOURCE},
    "authorization": {
        "scope_separator": ",",
        "always_scopes": ["openid"],
        "names": {"client_id": "client_key", "scope": "user_scope"},
        "omits": ["response_type"],
        "parameters": {"access_type": "offline", "nonce": "{random}"},
        "accepts": ["login_hint"],
        "source": SOURCE,
    },
    "callback": {
        "code_parameter": "auth_code",
        "code_suffixes": ["#_"],
        "keeps": ["realmId"],
        "source": SOURCE,
    },
    "requests": {
        "names": {"client_secret": "secret"},
        "headers": {"X-Version": "3"},
        "parameters": {"format": "json"},
        "authorization": {
            "url": "https://api.example.com/authorize",
            "url_path": "/data/redirect_url",
            "encoding": "json",
            "authorization_header": {"scheme": "Bearer", "credential": "user_token"},
        },
        "code_exchange": {"client": "id_only", "grant_type": None},
        "following_exchanges": [{"grant_type": "example_exchange", "token_parameter": ""}],
        "refresh": REQUEST,
        "client_credentials": {},
        "user_token": {},
        "session_login": {"names": {"username": "identifier"}},
        "token_exchange": {},
        "device_authorization": {"client": "id_only"},
        "device_code": {},
        "jwt_bearer": {"assertion": ASSERTION, "client": "authenticated"},
        "revocation": {"method": "DELETE"},
        "source": SOURCE,
    },
    "answer": {
        "token_paths": ["", "/data/0"],
        "members": {"access_token": ["accessToken"], "expires_in": ["expireIn", "expires"]},
        "headers": {"access_token": "X-Security-Token"},
        "keeps": ["instance_url", "/team/id"],
        "form_encoded": True,
        "jsonp": True,
        "scope_separator": "|",
        "token_types": ["user access token"],
        "authorization_scheme": "OAuth",
        "expires_in": {"kind": "epoch_milliseconds", "zero_is_never": True},
        "refresh_token_expires_in": {"kind": "iso_8601", "zero_is_never": False},
        "retry_after": {"header": "X-RateLimit-Reset", "path": "/retry_after", "kind": "epoch_seconds"},
        "trace": {"header": "intuit_tid", "path": "/error/trace_id"},
        "source": SOURCE,
    },
    "errors": [
        {
            "class": "grant_dead",
            "operations": ["refresh"],
            "statuses": [200, 400],
            "path": "/error/code",
            "in": [190, "dead", False],
            "code": "bad_token",
            "comment": "Documented with status 200.",
            "source": SOURCE,
        },
        {"class": "throttled", "path": "/error/message", "contains": "Slow down"},
        {"class": "rejected", "path": "/code", "is_not": 0},
        {"class": "user_action_required", "path": "/ok", "equals": False},
        {"class": "provider_down", "statuses": [520]},
    ],
    "account": {"from": "answer", "member": "/user/id", "source": SOURCE},
}
PARAMETERS = {
    "region": {
        "description": "Where the account is.",
        "choices": ["com", "com.au"],
        "default": "com",
        "example": "com.au",
        "from_callback": "region",
    },
    "instance": {
        "description": "The instance's host.",
        "suffixes": [".my.example.com"],
        "choices": ["login.example.com"],
        "from_answer": "instance_url",
    },
    "host": {"description": "The server's host.", "operator_host": True, "default": "git.example.com"},
    "tenant": {"description": "The tenant.", "default": "common"},
}
WHOLE = copy.deepcopy({**CORE, **SECTIONS})


def change(document, path, value):
    """Return *document* with *value* at the dotted *path*; `...` removes what is there."""
    changed = copy.deepcopy(document)
    *way, last = path.split(".")
    place = changed
    for part in way:
        place = place.setdefault(part, {})
    if value is ...:
        place.pop(last, None)
    else:
        place[last] = value
    return changed
