"""The fake and DynamoDB live the same random lives."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.connection_life import live
from tests.contract.store_under_test import moto_account

__all__ = ["moto_account"]
LIVES = 5


@pytest.mark.parametrize("seed", range(LIVES))
def test_the_fake_and_dynamodb_live_the_same_life(seed: int, moto_account: Any) -> None:
    live(seed, moto_account)
