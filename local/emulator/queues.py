"""Event source mappings take numbers that came through a template's parameters, which are strings."""

from __future__ import annotations

from typing import Any

from local.emulator.patching import get_module, replace


def apply() -> None:
    """Read MaximumConcurrency as a number, as CloudFormation does."""

    def with_number(original: Any) -> Any:
        def sqs_esm_concurrency(mapping: dict[str, Any], *arguments: Any, **named: Any) -> int:
            scaling = mapping.get("ScalingConfig") or {}
            if isinstance(scaling.get("MaximumConcurrency"), str):
                scaling["MaximumConcurrency"] = int(scaling["MaximumConcurrency"])
            return int(original(mapping, *arguments, **named))

        return sqs_esm_concurrency

    replace(get_module("services.lambda_svc"), "_sqs_esm_concurrency", with_number)
