"""Who may call what, as the document says it (OpenAPI Specification 3.1.0, Security Scheme Object)."""

from __future__ import annotations

from typing import Any

from evertoken.domain.access_token import OPERATOR, TENANT_SCOPES

ACCESS_TOKEN = "accessToken"  # noqa: S105  # the name of a scheme
CLIENT_CREDENTIALS = "clientCredentials"
SESSION_TOKEN = "sessionToken"  # noqa: S105  # likewise
IAM_ROLE = "iamRole"

_SCOPES = ", ".join(f"`{scope}`" for scope in (*TENANT_SCOPES, OPERATOR))

SECURITY_SCHEMES: dict[str, Any] = {
    ACCESS_TOKEN: {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": f"An access token of `POST /v1/auth/token`. Each operation names the scope that it needs, of {_SCOPES}.",
    },
    CLIENT_CREDENTIALS: {
        "type": "http",
        "scheme": "basic",
        "description": "An API client's id and secret (RFC 6749 section 2.3.1); they may stand in the body instead.",
    },
    SESSION_TOKEN: {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "The token of a user's session.",
    },
    IAM_ROLE: {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": "AWS Signature Version 4 of an IAM role that an operator bound to an API client.",
    },
}
