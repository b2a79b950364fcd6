"""Issues, rotates and kills the scripted provider's tokens; each step is entered into the ledger."""

from collections.abc import Callable
from typing import Any

from tests.support.provider_ledger import IssuedToken, ProviderLedger, RequestRecord, TokenKind
from tests.support.provider_profile import ProviderProfile

CODE_SECONDS = 60


class OAuthRefusedError(Exception):
    """An error answer of RFC 6749 section 5.2."""

    def __init__(self, code: str, *, status: int = 400) -> None:
        super().__init__(code)
        self.code = code
        self.status = status


class GrantBook:
    """The grants of one provider. Names of tokens count upwards, so the same run gives the same tokens."""

    def __init__(self, ledger: ProviderLedger, *, clock: Callable[[], float], prefix: str) -> None:
        self._ledger = ledger
        self._clock = clock
        self._prefix = prefix
        self._families: dict[str, list[IssuedToken]] = {}

    def add_code(self, *, client_id: str, subject: str, scope: str, challenge: str, redirect_uri: str) -> str:
        """A code of a new grant, good for 60 seconds and one use."""
        family = f"grant-{len(self._families) + 1}"
        self._families[family] = []
        code = self._issue(
            "code", client_id=client_id, subject=subject, scope=scope, family=family, parent=None,
            request=len(self._ledger.requests), lifetime_seconds=CODE_SECONDS,
        )  # fmt: skip
        code.challenge, code.redirect_uri = challenge, redirect_uri
        return code.value

    def redeem(
        self, value: str, challenge: str, profile: ProviderProfile, record: RequestRecord
    ) -> dict[str, Any]:
        """The first token set of a grant; a code used twice kills what it bought (RFC 6749 section 4.1.2)."""
        code = self._get_live(value, "code", record)
        if code.uses:
            self.kill(code.family, "code_reused")
            raise OAuthRefusedError("invalid_grant")
        if code.challenge != challenge:
            raise OAuthRefusedError("invalid_grant")
        self._use(code)
        refresh = self._descend(code, "refresh", record, None)
        return self._answer(code, refresh.value, profile, record)

    def refresh(self, value: str, profile: ProviderProfile, record: RequestRecord) -> dict[str, Any]:
        """The next token set, as the rotation class has it."""
        token = self._get_live(value, "refresh", record)
        if not self._may_refresh(token, profile):
            kills = profile.rotation.kind == "strict_kill"
            if kills or (profile.rotation.kind == "grace" and profile.late_reuse_kills):
                self.kill(token.family, "refresh_token_reused")
            raise OAuthRefusedError("invalid_grant")
        self._use(token)
        if profile.refresh_kills_access_tokens:
            for other in self._families[token.family]:
                if other.kind == "access" and not other.revoked_because:
                    other.revoked_because = "replaced"
        if profile.rotation.kind == "static":
            return self._answer(token, value if profile.repeats_refresh_token else None, profile, record)
        return self._answer(token, self._descend(token, "refresh", record, None).value, profile, record)

    def issue_to_client(self, scope: str, profile: ProviderProfile, record: RequestRecord) -> dict[str, Any]:
        """An access token of the client itself (RFC 6749 section 4.4); no refresh token."""
        family = f"grant-{len(self._families) + 1}"
        self._families[family] = []
        access = self._issue(
            "access", client_id=record.client_id, subject=record.client_id, scope=scope, family=family,
            parent=None, request=record.number, lifetime_seconds=profile.access_token_seconds,
        )  # fmt: skip
        return _build_answer(access, None, profile)

    def revoke(self, value: str, client_id: str) -> None:
        """RFC 7009: a refresh token takes the grant with it; an unknown or foreign token changes nothing."""
        token = self._ledger.tokens.get(value)
        if token is None or token.client_id != client_id:
            return
        if token.kind == "refresh":
            self.kill(token.family, "revoked_by_client")
        token.revoked_because = token.revoked_because or "revoked_by_client"

    def kill(self, family: str, reason: str) -> None:
        """End every token of a grant; the first reason stays."""
        for token in self._families[family]:
            token.revoked_because = token.revoked_because or reason

    def is_live(self, value: str, kind: TokenKind) -> bool:
        token = self._ledger.tokens.get(value)
        if token is None or token.kind != kind or token.revoked_because:
            return False
        return token.expires_at is None or self._clock() < token.expires_at

    def is_refreshable(self, value: str, profile: ProviderProfile) -> bool:
        return self.is_live(value, "refresh") and self._may_refresh(self._ledger.tokens[value], profile)

    def _may_refresh(self, token: IssuedToken, profile: ProviderProfile) -> bool:
        rotation = profile.rotation
        if rotation.kind == "static" or token.first_used_at is None:
            return True
        if rotation.kind != "grace":
            return False
        return (
            self._clock() - token.first_used_at < rotation.grace_seconds and token.uses <= rotation.grace_uses
        )

    def _get_live(self, value: str, kind: TokenKind, record: RequestRecord) -> IssuedToken:
        if not self.is_live(value, kind):
            raise OAuthRefusedError("invalid_grant")
        token = self._ledger.tokens[value]
        if record.client_id and token.client_id != record.client_id:
            raise OAuthRefusedError("invalid_grant")
        return token

    def _use(self, token: IssuedToken) -> None:
        token.uses += 1
        if token.first_used_at is None:
            token.first_used_at = self._clock()

    def _answer(
        self, parent: IssuedToken, refresh_token: str | None, profile: ProviderProfile, record: RequestRecord
    ) -> dict[str, Any]:
        access = self._descend(parent, "access", record, profile.access_token_seconds)
        return _build_answer(access, refresh_token, profile)

    def _descend(
        self, parent: IssuedToken, kind: TokenKind, record: RequestRecord, lifetime_seconds: float | None
    ) -> IssuedToken:
        return self._issue( kind, client_id=parent.client_id, subject=parent.subject,
    scope=parent.scope, family=parent.family, parent=parent.value, request=record.number,
    lifetime_seconds=lifetime_seconds )  # fmt: skip

    def _issue(
        self, kind: TokenKind, *, client_id: str, subject: str, scope: str, family: str, parent: str | None,
        request: int, lifetime_seconds: float | None,
    ) -> IssuedToken:  # fmt: skip
        now = self._clock()
        token = IssuedToken(
            value=f"{self._prefix}-{kind}-{len(self._ledger.tokens) + 1}",
            kind=kind,
            client_id=client_id,
            subject=subject,
            family=family,
            scope=scope,
            parent=parent,
            request=request,
            issued_at=now,
            expires_at=None if lifetime_seconds is None else now + lifetime_seconds,
        )
        self._ledger.tokens[token.value] = token
        self._families[family].append(token)
        return token


def _build_answer(access: IssuedToken, refresh_token: str | None, profile: ProviderProfile) -> dict[str, Any]:
    answer: dict[str, Any] = {"access_token": access.value, "token_type": "Bearer"}
    expires_in = profile.access_token_seconds if profile.expires_in == "as issued" else profile.expires_in
    if expires_in is not None:
        answer["expires_in"] = expires_in
    if refresh_token is not None:
        answer["refresh_token"] = refresh_token
    if access.scope:
        answer["scope"] = access.scope
    return answer | dict(profile.extra)
