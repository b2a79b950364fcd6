"""What the vocabulary can say and few entries, or none, need: an operator's document may."""

import pytest

from tests.conformance.entry_document import Entry
from tests.conformance.error_journey import run_errors
from tests.conformance.journey import run_journey
from tests.conformance.mutants import make_mutants, survives
from tests.conformance.virtual_day import run_day
from tests.conformance.world import Trial

TOKENS_IN_HEADERS = {
    "id": "tokens_in_headers",
    "name": "Tokens in headers",
    "grants": ["session_login", "refresh_token"],
    "endpoints": {
        "token": "https://login.example.com/session",
        "revocation": "https://login.example.com/session/{access_token}",
    },
    "client_authentication": {"methods": ["none"]},
    "rotation": {"kind": "strict", "new_token": "always"},
    "lifetimes": {"access_token_seconds": 60, "refresh_token_seconds": 600},
    "revocation": {"token": "access_token"},
    "requests": {
        "headers": {"X-Api-Key": "{client_id}"},
        "session_login": {"names": {"username": "identifier"}, "headers": {"Version": "2"}},
        "refresh": {
            "url": "https://login.example.com/session/renew/{refresh_token}",
            "method": "GET",
            "encoding": "query",
            "client": "absent",
            "grant_type": None,
            "token_parameter": "",
        },
        "revocation": {"method": "DELETE", "encoding": "query", "client": "absent", "token_parameter": ""},
    },
    "answer": {
        "headers": {"access_token": "x-security-token", "refresh_token": "x-renewal-token"},
        "expires_in": {"kind": "milliseconds"},
        "authorization_scheme": "Session",
        "retry_after": {"header": "x-wait-until", "kind": "epoch_milliseconds"},
        "trace": {"header": "x-request-id"},
    },
    "errors": [
        {
            "class": "user_action_required",
            "statuses": [403],
            "path": "/reason",
            "in": ["terms", "identity"],
            "code": "act_there",
        },
        {"class": "throttled", "path": "/reason", "contains": "allowance"},
        {"class": "grant_dead", "operations": ["refresh", "session_login"], "path": "/ok", "equals": False},
    ],
}
ASSERTIONS = {
    "id": "assertions",
    "name": "Assertions",
    "issuer": "https://{tenant}.example.com/issuer",
    "iss_parameter": "always",
    "grants": [
        "authorization_code",
        "refresh_token",
        "jwt_bearer",
        "client_credentials",
        "token_exchange",
        "device_code",
    ],
    "parameters": {
        "tenant": {"description": "The tenant's name.", "example": "acme"},
        "team": {"description": "The team.", "example": "T-1"},
    },
    "endpoints": {
        "authorization": "https://{tenant}.example.com/authorize",
        "token": "https://{tenant}.example.com/token",
        "revocation": "https://{tenant}.example.com/revoke",
        "device_authorization": "https://{tenant}.example.com/device",
    },
    "client_authentication": {
        "methods": ["private_key_jwt", "client_secret_basic"],
        "form_encodes_basic": True,
        "assertion": {
            "algorithms": ["ES256"],
            "audience": "issuer",
            "lifetime_seconds": 120,
            "claims": {"team": "{team}"},
            "omits": ["jti"],
        },
    },
    "pkce": {"support": "required"},
    "rotation": {"kind": "grace", "grace_seconds": 30, "grace_ends_on_use": True, "new_token": "sometimes"},
    "lifetimes": {
        "access_token_seconds": 3600,
        "refresh_token_seconds": 86400,
        "use_extends_refresh_token": True,
        "grant_seconds": 604800,
    },
    "requests": {
        "jwt_bearer": {
            "assertion": {
                "algorithms": ["ES256"],
                "audience": "token_endpoint",
                "claims": {"scope": "{scope}"},
            }
        },
        "revocation": {"omits": ["token_type_hint"]},
    },
    "answer": {"expires_in": {"kind": "jwt_exp"}},
    "account": {"from": "parameter", "member": "tenant"},
}
ADDRESS_FROM_ANSWER = {
    "id": "address_from_answer",
    "name": "Address from the answer",
    "grants": ["authorization_code", "refresh_token"],
    "parameters": {
        "api_host": {
            "description": "Where the account lives.",
            "default": "eu.example.net",
            "example": "us.example.net",
            "suffixes": [".example.net"],
            "from_answer": "api_host",
        }
    },
    "endpoints": {
        "authorization": "https://login.example.net/authorize",
        "token": "https://login.example.net/token",
        "revocation": "https://{api_host}/revoke",
    },
    "client_authentication": {
        "methods": ["signed_client_secret"],
        "assertion": {"algorithms": ["ES256"], "claims": {"iss": "team-1"}, "omits": ["jti"]},
    },
    "pkce": {"support": "required", "method": "plain"},
    "rotation": {"kind": "unknown"},
    "refresh": {"window_seconds": 300, "maximum_age_seconds": 3500},
    "lifetimes": {"access_token_seconds": 3600},
    "authorization": {"names": {"state": "echo"}, "omits": ["response_type"], "accepts": ["login_hint"]},
    "requests": {
        "refresh": {
            "url": "https://{api_host}/renew",
            "parameters": {"scope": "{scope}", "redirect_uri": "{redirect_uri}"},
        }
    },
    "answer": {
        "jsonp": True,
        "token_paths": ["/data", "/result/0"],
        "members": {"access_token": ["accessToken", "token"], "expires_in": ["ends"]},
        "keeps": ["api_host", "/owner/id"],
        "expires_in": {"kind": "iso_8601"},
        "token_types": ["user token"],
    },
    "errors": [
        {"class": "provider_down", "path": "/data/state", "equals": 7},
        {"class": "rejected", "operations": ["code_exchange"], "path": "/fault", "is_not": "none"},
    ],
    "account": {"from": "answer", "member": "/owner/id"},
}
SIGNED_BY_SECRET = {
    "id": "signed_by_secret",
    "name": "Signed by the secret",
    "grants": ["client_credentials", "user_token"],
    "endpoints": {"token": "https://token.example.org/v1"},
    "client_authentication": {"methods": ["client_secret_jwt"]},
    "rotation": {"kind": "static"},
    "lifetimes": {"access_token_seconds": 7200},
    "limits": [{"requests": 3, "seconds": 300, "per": "client"}],
    "authorization": {"scope_separator": "+"},
    "requests": {
        "names": {"grant_type": "type", "scope": "rights"},
        "user_token": {"token_parameter": "on_behalf_of"},
    },
    "answer": {"form_encoded": True, "expires_in": {"kind": "epoch_seconds"}},
}
DOCUMENTS = [TOKENS_IN_HEADERS, ASSERTIONS, ADDRESS_FROM_ANSWER, SIGNED_BY_SECRET]
EACH = pytest.mark.parametrize(
    "entry", [Entry(document) for document in DOCUMENTS], ids=lambda entry: entry.provider_id
)


@EACH
def test_it_goes_the_whole_way_over_http(entry):
    run_journey(Trial(entry))


@EACH
def test_its_errors_are_understood(entry):
    assert run_errors(Trial(entry)) >= 6


@EACH
def test_it_is_kept_fresh_for_a_day(entry):
    assert run_day(Trial(entry, over_http=False)).requests > 10


@EACH
def test_its_mutants_are_killed(entry):
    assert [mutant.name for mutant in make_mutants(entry) if survives(entry, mutant)] == []
