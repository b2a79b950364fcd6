"""HTTP API events carry ``cookies``, as payload format 2.0 says.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html (read 2026-11-21): cookies
are a list of their own and are left out of the headers.
"""

from __future__ import annotations

from typing import Any

from local.emulator.patching import get_module, replace


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


def apply() -> None:
    """Change the event on its way from the gateway to the function."""

    def with_cookies(original: Any) -> Any:
        def execute(record: Any, event: Any, *arguments: Any, **named: Any) -> Any:
            return original(record, move_cookies(event), *arguments, **named)

        return execute

    replace(get_module("services.lambda_svc"), "_execute_function_with_config_scope", with_cookies)
