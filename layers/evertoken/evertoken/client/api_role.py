"""The IAM role that a program runs as, as its credential: the API exchanges a signed request for a bearer (docs/identity.md).

botocore signs; it is loaded when the first bearer is needed. It is in every Lambda runtime, elsewhere in the extra `aws`.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Generator, Mapping
from typing import Any
from urllib.parse import urlsplit

from evertoken.client.api_credentials import BearerCache
from evertoken.client.api_exchange import ApiAnswer, ApiRequest
from evertoken.client.api_steps import Command, sign_steps
from evertoken.client.errors import ConfigurationError, CredentialsError

_GATEWAY = re.compile(r"[a-z0-9]+\.execute-api\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(?:\.cn)?")


class RoleCredentials(BearerCache):
    """The IAM role that an operator bound to an API client; nothing secret is kept but the bearer.

    A role that lacks execute-api:Invoke, or is bound to no client, is a ForbiddenError.
    """

    can_renew = True

    def _ask(self) -> Generator[Command, Any, ApiAnswer]:
        request = yield from sign_steps(ApiRequest(method="POST", path="/v1/auth/role-token", content=b""))
        answer: ApiAnswer = yield request
        return answer


class RoleSigner:
    """Signs requests to API Gateway with the credentials of the environment (SigV4); safe under threads.

    *region* is that of the API: of its address, else of AWS_REGION or AWS_DEFAULT_REGION.
    """

    def __init__(self, base_url: str, *, region: str = "") -> None:
        self._base_url = base_url
        self._region = region
        self._session: Any = None
        self._lock = threading.Lock()

    def sign(self, request: ApiRequest) -> Mapping[str, str]:
        """Return the headers that sign *request*; may ask AWS for credentials. Raises: ConfigurationError, CredentialsError."""
        try:
            from botocore.auth import SigV4Auth
            from botocore.awsrequest import AWSRequest
            from botocore.exceptions import BotoCoreError
        except ImportError as error:
            raise ConfigurationError(
                'To ask as an IAM role, botocore is needed. Install evertoken with its extra "aws", or give client_id and client_secret.'
            ) from error
        region = self._get_region()
        try:
            credentials = self._credentials()
            frozen = None if credentials is None else credentials.get_frozen_credentials()
        except BotoCoreError as error:
            raise _no_role() from error
        if frozen is None:
            raise _no_role()
        signed = AWSRequest(
            method=request.method, url=self._base_url + request.path, data=request.content or b""
        )
        SigV4Auth(frozen, "execute-api", region).add_auth(signed)
        return {name: value for name, value in signed.headers.items() if name.lower() != "content-length"}

    def _credentials(self) -> Any:
        import botocore.session

        with self._lock:
            self._session = self._session or botocore.session.get_session()
            return self._session.get_credentials()

    def _get_region(self) -> str:
        found = _GATEWAY.fullmatch(urlsplit(self._base_url).hostname or "")
        region = (
            self._region
            or (found["region"] if found else "")
            or os.environ.get("AWS_REGION", "")
            or os.environ.get("AWS_DEFAULT_REGION", "")
        )
        if not region:
            raise ConfigurationError(
                "The API's region is in neither its address nor AWS_REGION. Set AWS_REGION to the region of the installation."
            )
        return region


def _no_role() -> CredentialsError:
    return CredentialsError(
        "There are no AWS credentials to ask with as an IAM role. Run where a role is attached, or set AWS_PROFILE, or give client_id and client_secret."
    )
