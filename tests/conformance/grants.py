"""The grants of the simulated server: which tokens live, and what a use of a refresh token does to the others."""

import base64
import json
from dataclasses import dataclass, field

from tests.conformance.entry_document import RUNS_AGAIN, Entry

FOREVER = float("inf")
SHORT_STEP_SECONDS = 3600
"""How long the token lives that a following exchange spends."""


@dataclass
class AccessToken:
    text: str
    issued_at: float
    expires_at: float
    is_ended: bool = False


@dataclass
class RefreshToken:
    text: str
    expires_at: float
    spent_at: float | None = None
    is_ended: bool = False
    is_shown: bool = False
    """An answer has held it."""


@dataclass
class Grant:
    """One resource owner's consent: everything that was issued under it, newest last."""

    number: int
    kind: str
    scopes: tuple[str, ...]
    granted_at: float
    values: dict[str, str] = field(default_factory=dict)
    """What fills the placeholders of its requests."""
    kept: dict[str, str] = field(default_factory=dict)
    """What answers and callbacks said that has to be kept, as they said it."""
    redirect_uri: str = ""
    subject: str = ""
    is_dead: bool = False
    is_known_dead: bool = False
    """The client was told."""
    access: list[AccessToken] = field(default_factory=list)
    refresh: list[RefreshToken] = field(default_factory=list)
    answers: int = 0

    def end(self) -> None:
        self.is_dead = True
        for token in (*self.access, *self.refresh):
            token.is_ended = True


class GrantRefusedError(Exception):
    """The credential is no good; the message says why, for the test's eyes."""


class Grants:
    """Issues and spends tokens as the entry says that its provider does."""

    def __init__(self, entry: Entry) -> None:
        self.entry = entry
        self.prefix = ""
        """What every code and token begins with."""
        self.all: list[Grant] = []
        self.issued: dict[str, tuple[Grant, AccessToken | RefreshToken]] = {}
        self.violations: list[str] = []
        kind = entry.fact("rotation.kind") if entry.is_verified("rotation") else None
        self.rotation = kind or "strict_kill"
        self.new_token = entry.fact("rotation.new_token")
        self.lifetime = entry.fact("lifetimes.access_token_seconds", 3600)

    def begin(self, kind: str, scopes: tuple[str, ...], now: float) -> Grant:
        number = len(self.all) + 1
        # Who runs the same grant again is the same account.
        subject = f"subject-{kind if kind in RUNS_AGAIN else number}"
        grant = Grant(number=number, kind=kind, scopes=scopes, granted_at=now, subject=subject)
        self.all.append(grant)
        return grant

    @property
    def latest(self) -> Grant | None:
        return self.all[-1] if self.all else None

    def issue(
        self, grant: Grant, now: float, *, with_refresh_token: bool, is_step: bool = False
    ) -> AccessToken:
        """A new access token, and a refresh token where one is issued."""
        lifetime = SHORT_STEP_SECONDS if is_step else self.lifetime
        expires_at = FOREVER if lifetime == "never" else now + lifetime
        name = f"{self.prefix}access-{grant.number}-{len(grant.access) + 1}"
        text = _jwt(name, expires_at) if self._is_jwt else name
        token = AccessToken(text=text, issued_at=now, expires_at=expires_at)
        grant.access.append(token)
        self.issued[token.text] = (grant, token)
        if with_refresh_token:
            self._issue_refresh_token(grant, now)
        return token

    def find(self, text: str) -> Grant | None:
        """The grant that a token was issued under."""
        found = self.issued.get(text)
        return found[0] if found else None

    def spend(self, text: str, now: float) -> Grant:
        """Use a refresh token, or an access token where that is the credential. Raises GrantRefusedError."""
        grant, token = self.issued.get(text, (None, None))
        if grant is None or token is None:
            raise GrantRefusedError("the token was never issued")
        limit = self.entry.fact("lifetimes.grant_seconds")
        if limit is not None and now >= grant.granted_at + limit:
            grant.end()
        if grant.is_dead:
            if grant.is_known_dead:
                self.violations.append("a refresh although the client was told that the grant is over")
            grant.is_known_dead = True
            raise GrantRefusedError("the grant is over")
        self._check_age(token if isinstance(token, AccessToken) else grant.access[-1], now)
        if isinstance(token, AccessToken):
            if token.is_ended or (
                now >= token.expires_at and not self.entry.fact("refresh.after_expiry", True)
            ):
                self.violations.append("a refresh with an access token that is expired or ended")
                raise GrantRefusedError("the access token is expired or ended")
            return grant
        self._spend_refresh_token(grant, token, now)
        return grant

    def renew(self, grant: Grant, now: float) -> AccessToken:
        """The new token set of a refresh that was granted."""
        if self.entry.fact("rotation.kills_access_token") is True:
            for token in grant.access:
                token.is_ended = True
        rotates = self.rotation != "static" and self.new_token != "never"
        if self.new_token == "sometimes":
            rotates = rotates and grant.answers % 2 == 1
        rotates = rotates and bool(grant.refresh)
        token = self.issue(grant, now, with_refresh_token=rotates)
        if grant.refresh:
            if rotates:
                self._retire(grant, now)
            elif self.entry.fact("lifetimes.use_extends_refresh_token"):
                grant.refresh[-1].expires_at = self._refresh_token_end(now)
        return token

    def _spend_refresh_token(self, grant: Grant, token: RefreshToken, now: float) -> None:
        if now >= token.expires_at:
            self.violations.append("a refresh with a refresh token that is expired")
            raise GrantRefusedError("the refresh token is expired")
        if token is grant.refresh[-1]:
            if self.entry.fact("rotation.grace_ends_on_use"):
                for older in grant.refresh[:-1]:
                    older.is_ended = True
            return
        grace = self.entry.fact("rotation.grace_seconds", 0) if self.rotation == "grace" else 0
        if not token.is_ended and token.spent_at is not None and now <= token.spent_at + grace:
            return
        self.violations.append("a refresh token that was used before")
        if self.rotation == "strict_kill":
            grant.end()
        raise GrantRefusedError("the refresh token was used before")

    def _retire(self, grant: Grant, now: float) -> None:
        for token in grant.refresh[:-1]:
            if token.spent_at is None:
                token.spent_at = now

    def _check_age(self, renewed: AccessToken, now: float) -> None:
        """*renewed* is the access token that is sent, else the newest of the grant whose refresh token is."""
        minimum = self.entry.fact("refresh.minimum_age_seconds", 0)
        if now < renewed.issued_at + minimum:
            self.violations.append(
                f"a refresh of a token of {now - renewed.issued_at:.0f} s, and it must be {minimum} s old"
            )
            raise GrantRefusedError("the access token is too young")
        maximum = self.entry.fact("refresh.maximum_age_seconds")
        if maximum is not None and now > renewed.issued_at + maximum:
            self.violations.append(
                f"a refresh of a token of {now - renewed.issued_at:.0f} s, and {maximum} s should be its oldest"
            )
        window = self.entry.fact("refresh.window_seconds")
        if window is not None and now < renewed.expires_at - window:
            self.violations.append(
                f"a refresh {renewed.expires_at - now:.0f} s before the end, and the window is {window} s"
            )
            raise GrantRefusedError("it is too early")

    def _issue_refresh_token(self, grant: Grant, now: float) -> None:
        token = RefreshToken(
            text=f"{self.prefix}refresh-{grant.number}-{len(grant.refresh) + 1}",
            expires_at=self._refresh_token_end(now),
        )
        if grant.refresh and not self.entry.fact("lifetimes.use_extends_refresh_token"):
            token.expires_at = min(token.expires_at, self._inherited_end(grant, now))
        grant.refresh.append(token)
        self.issued[token.text] = (grant, token)

    def _inherited_end(self, grant: Grant, now: float) -> float:
        """A rotated token has a life of its own; only the grant's absolute end is inherited."""
        limit = self.entry.fact("lifetimes.grant_seconds")
        return self._refresh_token_end(now) if limit is None else grant.granted_at + limit

    def _refresh_token_end(self, now: float) -> float:
        return now + self.entry.fact("lifetimes.refresh_token_seconds", FOREVER)

    @property
    def _is_jwt(self) -> bool:
        return self.entry.fact("answer.expires_in.kind") == "jwt_exp"


def _jwt(name: str, expires_at: float) -> str:
    def part(document: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(document).encode()).rstrip(b"=").decode()

    return f"{part({'alg': 'none'})}.{part({'jti': name, 'exp': int(min(expires_at, 2**40))})}.signature"
