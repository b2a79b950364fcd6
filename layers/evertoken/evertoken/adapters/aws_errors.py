"""Which AWS errors are worth another try: an allow-list, because a mistake that is taken for a hiccup hides lost tokens."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as AwsConnectionError

from evertoken.domain.errors import EvertokenError

RETRYABLE_CODES = frozenset(
    {
        "InternalServerError",
        "InternalServiceError",
        "InternalFailure",
        "KMSInternalException",
        "DependencyTimeoutException",
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "ServiceUnavailable",
        "ServiceUnavailableException",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TransactionInProgressException",
    }
)


def error_code(error: ClientError) -> str:
    """Return the AWS error code of *error*."""
    return str(error.response.get("Error", {}).get("Code", ""))


@contextmanager
def unavailable_as(error_type: type[EvertokenError], message: str) -> Iterator[None]:
    """Turn the retryable AWS errors and broken connections of the block into *error_type*; let every other error through."""
    try:
        yield
    except ClientError as error:
        if error_code(error) in RETRYABLE_CODES:
            raise error_type(message) from error
        raise
    except (AwsConnectionError, HTTPClientError) as error:
        raise error_type(message) from error
