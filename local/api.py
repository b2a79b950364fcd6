"""The product's own API, as the local tools use it: a few lines over HTTP, nothing that a tenant could not do."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from typing import Any, Self

import boto3
import httpx

from local.stack import LocalStack


class ApiError(Exception):
    """The API refused; the message holds its code and its own words."""

    def __init__(self, status: int, error: dict[str, Any]) -> None:
        super().__init__(f"{status} {error.get('code')}: {error.get('message')}")
        self.status = status
        self.code = str(error.get("code", ""))


@dataclass(frozen=True, slots=True)
class Api:
    """Calls with one bearer token."""

    base_url: str
    token: str = field(default="", repr=False)
    timeout_seconds: float = 30.0

    @classmethod
    def of_client(cls, base_url: str, client_id: str, client_secret: str) -> Self:
        """Return the API as this client sees it. Raises ApiError."""
        return cls(base_url, get_access_token(base_url, client_id, client_secret))

    def call(
        self, method: str, path: str, body: dict[str, Any] | None = None, **query: str
    ) -> dict[str, Any]:
        """Send one request and return the answer's document. Raises ApiError."""
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        response = httpx.request(
            method,
            self.base_url + path,
            params=query,
            json=body,
            headers=headers,
            timeout=self.timeout_seconds,
            trust_env=False,
        )
        return _document(response)


def get_access_token(base_url: str, client_id: str, client_secret: str) -> str:
    """Exchange client credentials for an access token. Raises ApiError."""
    response = httpx.post(
        f"{base_url}/v1/auth/token",
        data={"grant_type": "client_credentials"},
        headers={
            "Authorization": "Basic " + base64.b64encode(f"{client_id}:{client_secret}".encode()).decode()
        },
        timeout=30,
        trust_env=False,
    )
    return str(_document(response)["access_token"])


def read_operator_credential(stack: LocalStack, secret_name: str) -> tuple[str, str]:
    """Return the operator client's id and secret, as an operator of the account reads them."""
    client = boto3.client("secretsmanager", endpoint_url=stack.endpoint, **_credentials(stack))
    content = json.loads(client.get_secret_value(SecretId=secret_name)["SecretString"])
    return content["client_id"], content["client_secret"]


def _credentials(stack: LocalStack) -> dict[str, Any]:
    environment = stack.build_aws_environment()
    return {
        "aws_access_key_id": environment["AWS_ACCESS_KEY_ID"],
        "aws_secret_access_key": environment["AWS_SECRET_ACCESS_KEY"],
        "region_name": environment["AWS_REGION"],
    }


def _document(response: httpx.Response) -> dict[str, Any]:
    try:
        document: dict[str, Any] = response.json() if response.content else {}
    except ValueError:
        document = {}
    if response.status_code >= 400:
        raise ApiError(response.status_code, document.get("error", {}))
    return document
