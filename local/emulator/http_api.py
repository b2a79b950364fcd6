"""HTTP APIs as AWS runs them: ``cookies`` in events of payload format 2.0, and signatures that are verified where a route asks for them.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html (read 2026-11-21): cookies
are a list of their own and are left out of the headers.
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-access-control-iam.html (read 2026-11-21): a request of a route with
``AWS_IAM`` is signed with Signature Version 4, and who signs needs ``execute-api:Invoke`` on the route; all others are answered 403.
"""

from __future__ import annotations

import json
from typing import Any

from local.emulator.patching import get_module, replace, require

SERVICE = "execute-api"
Response = tuple[int, dict[str, str], bytes]


def move_cookies(event: Any) -> Any:
    """Return the event with its cookie header turned into ``cookies``; anything but a 2.0 event comes back as it is."""
    if not isinstance(event, dict) or event.get("version") != "2.0" or "cookies" in event:
        return event
    headers = {
        name: value for name, value in (event.get("headers") or {}).items() if name.lower() != "cookie"
    }
    raw = next(
        (value for name, value in (event.get("headers") or {}).items() if name.lower() == "cookie"), ""
    )
    cookies = [cookie.strip() for cookie in raw.split(";") if cookie.strip()]
    return {**event, "headers": headers, "cookies": cookies} if cookies else event


def _with_cookies(original: Any) -> Any:
    def execute(record: Any, event: Any, *arguments: Any, **named: Any) -> Any:
        return original(record, move_cookies(event), *arguments, **named)

    return execute


def _demand_signatures(original: Any) -> Any:
    """Have routes with AWS_IAM refuse what the emulator lets through: no signature, the account's own keys, which it does not verify, another service's."""
    gateway, evaluator = get_module("services.apigateway"), get_module("core.iam_evaluator")
    sigv4 = get_module("core.sigv4")
    require(gateway, "route_authorization_type", "find_api_scope")
    require(evaluator, "_is_root_key", "_verified_key")
    require(sigv4, "parse_header_signature")

    def enforce_execute_api(
        api_id: str, stage: str, method: str, path: str, headers: Any, query: Any, **named: Any
    ) -> Any:
        if gateway.route_authorization_type(api_id, stage, method, path) != "AWS_IAM":
            return original(api_id, stage, method, path, headers, query, **named)
        signature = sigv4.parse_header_signature(headers)
        is_signed = headers.get("authorization", "").startswith("AWS4-HMAC-SHA256 ") and not isinstance(
            signature, tuple
        )
        if (
            not is_signed
            or signature.service != SERVICE
            or signature.region != gateway.find_api_scope(api_id)[1]
            or evaluator._is_root_key(signature.access_key_id)  # noqa: SLF001 - the emulator has no public way to it
            or original(api_id, stage, method, path, headers, query, **named)
            # Nobody but the emulator's own check says that the signature is good.
            or evaluator._verified_key.get() != signature.access_key_id  # noqa: SLF001 - as above
        ):
            return _forbidden()
        return None

    return enforce_execute_api


def _forbidden() -> Response:
    return 403, {"Content-Type": "application/json"}, json.dumps({"message": "Forbidden"}).encode()


def apply() -> None:
    """Change the event on its way from the gateway to the function, and who gets that far."""
    replace(get_module("services.lambda_svc"), "_execute_function_with_config_scope", _with_cookies)
    replace(get_module("app"), "_enforce_execute_api", _demand_signatures)
