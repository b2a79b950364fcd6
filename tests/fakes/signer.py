"""A signer whose signatures are words: what was signed can be read back."""

import base64
import json
from dataclasses import dataclass, field

from evertoken.domain.assertion import UnsignedAssertion
from evertoken.domain.errors import SignerUnavailableError
from evertoken.domain.ready_client import ReadyClient


@dataclass
class FakeAssertionSigner:
    """`AssertionSigner`: `signed` lists what was signed, in order; `failures` is how many of the next calls fail."""

    signed: list[UnsignedAssertion] = field(default_factory=list)
    failures: int = 0

    def sign(self, ready: ReadyClient, unsigned: UnsignedAssertion) -> str:
        if self.failures:
            self.failures -= 1
            raise SignerUnavailableError("The signer is told to fail.")
        self.signed.append(unsigned)
        return f"{_encode(unsigned.header)}.{_encode(unsigned.claims)}.{ready.registration.registration_id}"


def _encode(document):
    return base64.urlsafe_b64encode(json.dumps(dict(document)).encode()).rstrip(b"=").decode()
