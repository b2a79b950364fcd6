"""One AWS account for a file of contracts, emptied for each test."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from tests.support.aws_account import AwsAccount, empty_account, open_aws_account


@pytest.fixture(scope="module")
def aws_account() -> Iterator[AwsAccount]:
    with open_aws_account() as account:
        yield account


@pytest.fixture(scope="module")
def dynamodb_of_file(aws_account: AwsAccount) -> Any:
    return boto3.client("dynamodb")


@pytest.fixture
def dynamodb(dynamodb_of_file: Any) -> Any:
    """A client of the empty table."""
    empty_account()
    return dynamodb_of_file
