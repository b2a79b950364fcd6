"""What botocore's errors mean for a reader of secrets, and what mends each."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from evertoken.client.errors import (
    ClockSkewError,
    ConfigurationError,
    CredentialsError,
    EvertokenClientError,
    ForbiddenError,
    NotFoundError,
    RateLimitedError,
    RequestRefusedError,
    TemporarilyUnavailableError,
    TransportError,
)
from evertoken.client.http_date import parse_http_date

_BAD_CREDENTIALS = frozenset(
    {
        "ExpiredTokenException",
        "ExpiredToken",
        "IncompleteSignature",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "MissingAuthenticationToken",
        "UnrecognizedClientException",
    }
)
_THROTTLED = frozenset({"ThrottlingException", "Throttling", "TooManyRequestsException"})
_GONE = frozenset({"ResourceNotFoundException", "InvalidRequestException"})
_FORBIDDEN = frozenset({"AccessDeniedException", "AccessDenied", "DecryptionFailure"})
_SERVER_ERROR = 500


def translate(error: Exception, name: str) -> Exception:
    """Return the client library's error for *error*, or *error* itself where it is not botocore's.

    *name* is the secret's. botocore's messages hold no value of a secret.
    """
    from botocore import exceptions as aws

    if isinstance(error, aws.ClientError):
        return _refusal(error.response, name)
    if isinstance(error, aws.NoCredentialsError | aws.PartialCredentialsError | aws.CredentialRetrievalError):
        return CredentialsError(
            "No AWS credentials were found. In Lambda give the function a role; elsewhere set AWS_PROFILE or sign in (aws sso login)."
        )
    if isinstance(error, aws.NoRegionError):
        return ConfigurationError("No AWS region is set. Set AWS_REGION to the region of the stack.")
    if isinstance(error, aws.HTTPClientError | aws.ConnectionError):
        return TransportError(
            f"Secrets Manager did not answer ({type(error).__name__}) when {name} was read. Check the network: in a VPC without a NAT the function "
            "needs an interface endpoint for secretsmanager."
        )
    if isinstance(error, aws.BotoCoreError):
        return ConfigurationError(
            f"botocore could not read {name} ({type(error).__name__}). Check the AWS configuration."
        )
    return error


def _refusal(response: Mapping[str, Any], name: str) -> EvertokenClientError:
    code = str(response.get("Error", {}).get("Code", ""))
    message = str(response.get("Error", {}).get("Message", ""))
    metadata = response.get("ResponseMetadata", {})
    request_id = str(metadata.get("RequestId", ""))
    # "Signature expired: 20261121T140000Z is now earlier than …" (IAM User Guide, Troubleshoot Signature Version 4, read 2026-11-21).
    if code in ("RequestExpired", "RequestTimeTooSkewed") or message.startswith("Signature "):
        here = datetime.now(UTC).isoformat(timespec="seconds")
        there = parse_http_date(metadata.get("HTTPHeaders", {}).get("date"))
        told = "another time" if there is None else there.isoformat(timespec="seconds")
        return ClockSkewError(
            f"AWS refuses the signature because of its time: this machine's clock says {here}, Secrets Manager's {told}. Set this machine's clock (NTP).",
            correlation_id=request_id,
        )
    if code in _GONE:
        return NotFoundError(
            f"There is no secret {name} to read ({code}). Check the connection id, secret_prefix, account and region; "
            "a connection that is api_only has none: give the reader the API (api=).",
            correlation_id=request_id,
        )
    if code in _FORBIDDEN:
        return ForbiddenError(
            f"This role may not read {name} ({code}). Attach the stack's reader policy (its Output) to the role; "
            "where a customer key encrypts the secret, kms:Decrypt too.",
            correlation_id=request_id,
        )
    if code in _BAD_CREDENTIALS:
        return CredentialsError(
            f"AWS does not accept the credentials ({code}). Renew them (aws sso login), or check the role.",
            correlation_id=request_id,
        )
    if code in _THROTTLED:
        return RateLimitedError(
            f"Secrets Manager throttles this account's reads ({code}). Keep one reader for each process, and try again.",
            correlation_id=request_id,
        )
    if metadata.get("HTTPStatusCode", 0) >= _SERVER_ERROR:
        return TemporarilyUnavailableError(
            f"Secrets Manager failed ({code}). Try again.", correlation_id=request_id
        )
    return RequestRefusedError(
        f"Secrets Manager refuses to read {name} ({code}). Check secret_prefix and the connection id.",
        correlation_id=request_id,
    )
