"""An access token of our own API, signed with a key that this process made, and the event that carries it."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from bench.refreshing import ENVIRON
from bench.sample import TENANT
from evertoken.adapters.kms_token_keys import key_name
from evertoken.domain.access_token import AUDIENCE
from local.stack import ROOT


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A signing key as KMS would hold it."""

    private: EllipticCurvePrivateKey = field(
        default_factory=lambda: generate_private_key(SECP256R1()), repr=False
    )

    @property
    def public_der(self) -> bytes:
        """The public half, as KMS's GetPublicKey answers."""
        return self.private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    def sign(self) -> str:
        """Return an access token of a tenant's client that may read tokens."""
        now = int(time.time())
        claims = {
            "iss": ENVIRON["PUBLIC_BASE_URL"],
            "aud": AUDIENCE,
            "sub": "cli_bench",
            "tenant": TENANT,
            "scope": "tokens:read",
            "jti": "one",
            "iat": now,
            "exp": now + int(ENVIRON["ACCESS_TOKEN_LIFETIME_SECONDS"]),
        }
        headers = {"typ": "at+jwt", "kid": key_name(ENVIRON["SIGNING_KEY_IDS"])}
        return jwt.encode(claims, self.private, algorithm="ES256", headers=headers)


def read_event(connection_id: str, access_token: str) -> dict[str, Any]:
    """Return the gateway's event of one read, made of the repository's own sample."""
    event: dict[str, Any] = json.loads((ROOT / "events" / "token_reader.json").read_text(encoding="utf-8"))
    event["rawPath"] = f"/v1/connections/{connection_id}/token"
    event["pathParameters"] = {"connection_id": connection_id}
    event["headers"]["authorization"] = f"Bearer {access_token}"
    return event
