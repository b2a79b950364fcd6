"""Who may sign with an operator's keys in KMS, by what the parameter AssertionKeyArns says."""

from __future__ import annotations

import pytest

from tests.support.rendered_roles import TEMPLATE, statements_of

KEYS = [f"arn:aws:kms:us-east-1:000000000000:key/{number}" for number in (1, 2)]
ROLES = sorted(name for name, item in TEMPLATE["Resources"].items() if item["Type"] == "AWS::IAM::Role")
SENDERS = ["ConnectionsApiRole", "RefresherRole", "TokenReaderRole"]
"""Those of the functions that send requests to providers."""


def find_signing(role: str, **parameters: str) -> list[dict[str, object]]:
    return [one for one in statements_of(role, **parameters) if one["Sid"] == "SignAssertions"]


@pytest.mark.parametrize("role", SENDERS)
def test_who_sends_requests_to_providers_may_sign_with_the_named_keys_and_no_others(role: str) -> None:
    assert find_signing(role, AssertionKeyArns=",".join(KEYS)) == [
        {"Sid": "SignAssertions", "Effect": "Allow", "Action": "kms:Sign", "Resource": KEYS}
    ]


@pytest.mark.parametrize("role", ROLES)
def test_without_named_keys_nobody_may_sign_assertions_and_nothing_else_changes(role: str) -> None:
    without, default = statements_of(role, AssertionKeyArns=""), statements_of(role)

    assert find_signing(role, AssertionKeyArns="") == []
    assert without == default
    assert without == [
        one for one in statements_of(role, AssertionKeyArns=",".join(KEYS)) if one["Sid"] != "SignAssertions"
    ]


def test_nobody_else_may_sign_with_the_named_keys() -> None:
    assert [role for role in ROLES if find_signing(role, AssertionKeyArns=",".join(KEYS))] == SENDERS
