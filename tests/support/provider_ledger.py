"""What the scripted provider issued and was asked, with parent links: the oracle of the reliability tests.

Values of tokens are kept, because tests compare them; no `repr` shows one.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

TokenKind = Literal["code", "access", "refresh"]


@dataclass(slots=True, kw_only=True)
class IssuedToken:
    """One token or code; `parent` is the value that bought it, in the request numbered `request`."""

    value: str = field(repr=False)
    kind: TokenKind
    client_id: str
    subject: str
    family: str
    scope: str
    parent: str | None = field(repr=False)
    request: int
    issued_at: float
    expires_at: float | None
    first_used_at: float | None = None
    uses: int = 0
    revoked_because: str = ""
    challenge: str = field(default="", repr=False)
    redirect_uri: str = ""


@dataclass(slots=True, kw_only=True)
class RequestRecord:
    """One request; `outcome` is "ok", an OAuth error code, "not_processed" or "violation".

    `fault` names the scripted fault that met it. Between `started_at` and `ended_at` it was in flight; an
    answer that is still withheld has no end.
    """

    number: int
    endpoint: str
    started_at: float
    ended_at: float | None = None
    client_id: str = ""
    grant_type: str = ""
    presented: str = field(default="", repr=False)
    outcome: str = "not_processed"
    fault: str = ""
    violation: str = ""


class ProviderLedger:
    """Every token ever issued and every request ever seen, in order."""

    def __init__(self) -> None:
        self.tokens: dict[str, IssuedToken] = {}
        self.requests: list[RequestRecord] = []

    @property
    def violations(self) -> list[str]:
        """What clients did that the specifications forbid; an honest client leaves this empty."""
        return [record.violation for record in self.requests if record.violation]

    def get_token(self, value: str) -> IssuedToken:
        """The token with this value.

        Raises:
            KeyError: it was never issued here.
        """
        return self.tokens[value]

    def find_requests(
        self, endpoint: str = "token", *, outcome: str | None = None, presented: str | None = None
    ) -> list[RequestRecord]:
        """Requests at an endpoint, optionally those with one outcome or that presented one token."""
        return [
            record
            for record in self.requests
            if record.endpoint == endpoint
            and outcome in (None, record.outcome)
            and presented in (None, record.presented)
        ]

    def find_children(self, value: str, kind: TokenKind | None = None) -> list[IssuedToken]:
        """What this code or refresh token bought, oldest first."""
        return [
            token for token in self.tokens.values() if token.parent == value and kind in (None, token.kind)
        ]

    def find_ancestors(self, value: str) -> list[IssuedToken]:
        """The chain of refresh tokens above this token, nearest first, ending with the code."""
        return list(self._walk_up(value))

    def is_child_set(self, replaced_refresh_token: str, access_token: str, refresh_token: str) -> bool:
        """Whether both tokens are what one request got for `replaced_refresh_token`.

        A refresh token that stayed the same counts as its own child, as static providers have it.
        """
        access = self.tokens.get(access_token)
        if access is None or access.kind != "access" or access.parent != replaced_refresh_token:
            return False
        if refresh_token == replaced_refresh_token:
            return not any(
                child.request == access.request for child in self.find_children(refresh_token, "refresh")
            )
        refresh = self.tokens.get(refresh_token)
        return (
            refresh is not None
            and refresh.parent == replaced_refresh_token
            and refresh.request == access.request
        )

    def count_overlaps(self, presented: str) -> int:
        """How many requests with this token began while another one with it was in flight."""
        records = sorted(self.find_requests(presented=presented), key=lambda record: record.started_at)
        overlaps, busy_until = 0, float("-inf")
        for record in records:
            overlaps += record.started_at < busy_until
            busy_until = max(busy_until, float("inf") if record.ended_at is None else record.ended_at)
        return overlaps

    def _walk_up(self, value: str) -> Iterator[IssuedToken]:
        parent = self.tokens[value].parent
        while parent is not None:
            token = self.tokens[parent]
            yield token
            parent = token.parent
