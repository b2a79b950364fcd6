"""The deployed stack as its users see it; the session has one for all, and a quiet one for those who take things away."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.stack import LocalStack
from tests.e2e.installation import Installation, open_installation
from tests.support.stack import AwsClients, aws, built_functions, stack

__all__ = ["aws", "built_functions", "stack"]


@pytest.fixture(scope="session")
def installation(stack: LocalStack, aws: AwsClients) -> Iterator[Installation]:
    """The shared stack, with an operator's access token."""
    opened = open_installation(stack, aws)
    yield opened
    opened.close()
