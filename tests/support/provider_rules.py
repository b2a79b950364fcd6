"""The scripted provider's rules without input or output; its HTTP face and its twin share them."""

import base64
import hashlib
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlencode

from tests.support.provider_grants import GrantBook, OAuthRefusedError
from tests.support.provider_ledger import ProviderLedger, RequestRecord
from tests.support.provider_profile import ProviderProfile
from tests.support.provider_requests import Call, ProtocolViolationError, Reply, parse_credentials, parse_form

_JSON = {"Content-Type": "application/json", "Cache-Control": "no-store"}


class ProviderRules:
    """One authorization server: call `begin`, `process` and `end` for each request. Thread-safe.

    `clock` gives seconds; `prefix` begins every token, so that a scan for leaked tokens has something to look
    for.
    """

    def __init__(
        self, profile: ProviderProfile, *, issuer: str, clock: Callable[[], float], prefix: str
    ) -> None:
        self.profile = profile
        self.issuer = issuer
        self.ledger = ProviderLedger()
        self._clock = clock
        self._grants = GrantBook(self.ledger, clock=clock, prefix=prefix)
        self._secrets = dict(profile.clients)
        self._lock = threading.Lock()

    def change_profile(self, **changes: Any) -> None:
        """Behave otherwise from now on; the grants stay."""
        with self._lock:
            self.profile = replace(self.profile, **changes)

    def change_secret(self, client_id: str, secret: str) -> None:
        """The client's secret is another one from now on, as after a rotation at the provider."""
        with self._lock:
            self._secrets[client_id] = secret

    def connect(self, *, client_id: str = "", subject: str = "user-1", scope: str = "read") -> dict[str, Any]:
        """A token set of a new grant, without a browser."""
        with self._lock:
            client_id = client_id or next(iter(self._secrets))
            code = self._grants.add_code(
                client_id=client_id, subject=subject, scope=scope, challenge="", redirect_uri=""
            )
            record = self._append("setup")
            record.outcome = "ok"
            return self._grants.redeem(code, "", self.profile, record)

    def end_grant(self, token: str) -> None:
        """The user withdraws the consent at the provider: every token of the grant is dead."""
        with self._lock:
            self._grants.kill(self.ledger.get_token(token).family, "ended_by_user")

    def kill_access_token(self, access_token: str) -> None:
        """This access token alone is dead before its time."""
        with self._lock:
            self.ledger.get_token(access_token).revoked_because = "killed"

    def accepts(self, access_token: str) -> bool:
        """Whether the resource would take this access token now; leaves no trace in the ledger."""
        with self._lock:
            return self._grants.is_live(access_token, "access")

    def is_refreshable(self, refresh_token: str) -> bool:
        """Whether a refresh with this token would succeed now; changes nothing."""
        with self._lock:
            return self._grants.is_refreshable(refresh_token, self.profile)

    def begin(self, call: Call) -> RequestRecord:
        """Enter a request into the ledger as in flight."""
        with self._lock:
            record = self._append(call.endpoint)
            fields = dict(parse_qsl((call.body or call.query.encode()).decode("utf-8", "replace")))
            record.grant_type = fields.get("grant_type", "")
            record.presented = fields.get("refresh_token") or fields.get("code") or fields.get("token") or ""
            if call.endpoint == "resource":
                record.presented = call.headers.get("authorization", "").partition(" ")[2]
            return record

    def process(self, call: Call, record: RequestRecord) -> Reply:
        """Decide and commit; what is returned may still be lost on its way."""
        with self._lock:
            try:
                reply = self._handlers[call.endpoint](self, call, record)
            except ProtocolViolationError as violation:
                record.outcome, record.violation = "violation", str(violation)
                return _json_reply(400, {"error": "invalid_request", "error_description": str(violation)})
            except OAuthRefusedError as refusal:
                record.outcome = refusal.code
                headers = {"WWW-Authenticate": 'Basic realm="provider"'} if refusal.status == 401 else {}
                return _json_reply(refusal.status, {"error": refusal.code}, headers)
            return reply

    def end(self, record: RequestRecord) -> None:
        """The answer has left, or never will."""
        with self._lock:
            record.ended_at = self._clock()

    def _append(self, endpoint: str) -> RequestRecord:
        record = RequestRecord(
            number=len(self.ledger.requests) + 1, endpoint=endpoint, started_at=self._clock()
        )
        self.ledger.requests.append(record)
        return record

    def _token(self, call: Call, record: RequestRecord) -> Reply:
        form = self._authenticate(call, record)
        match form.get("grant_type"):
            case "authorization_code":
                answer = self._redeem(form, record)
            case "refresh_token":
                answer = self._grants.refresh(form.get("refresh_token", ""), self.profile, record)
            case "client_credentials":
                answer = self._grants.issue_to_client(form.get("scope", ""), self.profile, record)
            case _:
                raise OAuthRefusedError("unsupported_grant_type")
        record.outcome = "ok"
        return _json_reply(200, answer)

    def _redeem(self, form: Mapping[str, str], record: RequestRecord) -> dict[str, Any]:
        code = self.ledger.tokens.get(form.get("code", ""))
        if code is not None and code.redirect_uri != form.get("redirect_uri", ""):
            raise OAuthRefusedError("invalid_grant")
        verifier = form.get("code_verifier", "")
        digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        return self._grants.redeem(form.get("code", ""), digest if verifier else "", self.profile, record)

    def _revoke(self, call: Call, record: RequestRecord) -> Reply:
        form = self._authenticate(call, record)
        self._grants.revoke(form.get("token", ""), record.client_id)
        record.outcome = "ok"
        return Reply(200, {"Content-Length": "0"}, b"")

    def _authorize(self, call: Call, record: RequestRecord) -> Reply:
        """Consents at once: the answer is the redirect that a browser would get after all pages."""
        query = dict(parse_qsl(call.query, keep_blank_values=True))
        redirect_uri, record.client_id = query.get("redirect_uri", ""), query.get("client_id", "")
        if record.client_id not in self._secrets or redirect_uri not in self.profile.redirect_uris:
            record.outcome = "invalid_request"
            return _json_reply(400, {"error": "invalid_request"})
        answer = {"state": query["state"]} if "state" in query else {}
        challenge = query.get("code_challenge", "")
        if self.profile.pkce_required and (not challenge or query.get("code_challenge_method") != "S256"):
            record.outcome = answer["error"] = "invalid_request"
        else:
            record.outcome = "ok"
            answer["code"] = self._grants.add_code(
                client_id=record.client_id, subject=query.get("login_hint", "user-1"),
                scope=query.get("scope", ""), challenge=challenge, redirect_uri=redirect_uri,
            )  # fmt: skip
        if self.profile.sends_issuer:
            answer["iss"] = self.issuer
        return Reply(302, {"Location": f"{redirect_uri}?{urlencode(answer)}", "Content-Length": "0"}, b"")

    def _resource(self, call: Call, record: RequestRecord) -> Reply:
        if not self._grants.is_live(record.presented, "access"):
            record.outcome = "invalid_token"
            challenge = {"WWW-Authenticate": 'Bearer error="invalid_token"'}
            return _json_reply(401, {"error": "invalid_token"}, challenge)
        record.outcome = "ok"
        return _json_reply(200, {"sub": self.ledger.get_token(record.presented).subject})

    def _metadata(self, call: Call, record: RequestRecord) -> Reply:
        record.outcome = "ok"
        names = {
            "authorization": "authorize",
            "token": "token",
            "revocation": "revoke",
            "userinfo": "resource",
        }
        document: dict[str, Any] = {
            f"{name}_endpoint": f"{self.issuer}/{path}" for name, path in names.items()
        }
        document |= {
            "issuer": self.issuer,
            "response_types_supported": ["code"],
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": self.profile.sends_issuer,
        }
        return _json_reply(200, document)

    def _authenticate(self, call: Call, record: RequestRecord) -> dict[str, str]:
        form = parse_form(call)
        credentials = parse_credentials(call, form)
        record.client_id = credentials.client_id
        accepted = self.profile.client_authentication
        if accepted not in ("any", credentials.method) or credentials.method == "none":
            raise OAuthRefusedError("invalid_client", status=401)
        if self._secrets.get(credentials.client_id) != credentials.secret:
            raise OAuthRefusedError("invalid_client", status=401)
        return form

    _handlers: Mapping[str, Callable[["ProviderRules", Call, RequestRecord], Reply]] = {
        "token": _token,
        "revoke": _revoke,
        "authorize": _authorize,
        "resource": _resource,
        "metadata": _metadata,
    }


def _json_reply(status: int, answer: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Reply:
    body = json.dumps(answer).encode()
    return Reply(status, {**_JSON, "Content-Length": str(len(body)), **(headers or {})}, body)
