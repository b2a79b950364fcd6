"""The routes of sessions: a tenant's backend opens, reads, changes and ends them; their own tokens refresh, look at and end them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from evertoken.control_ports import AuditTrail, SessionChange
from evertoken.domain.access_token import SESSIONS_READ, SESSIONS_WRITE
from evertoken.domain.authorization import Caller
from evertoken.domain.errors import AuthenticationError, EvertokenError, NotFoundError
from evertoken.domain.session import SessionToken
from evertoken.entrypoints.api import Request, RequestTelemetry, Route
from evertoken.entrypoints.audit_log import target_of, write_audit
from evertoken.entrypoints.bearer import require_scope, tenant_of
from evertoken.entrypoints.body_model import parse_model
from evertoken.entrypoints.http_answer import Answer, error_answer
from evertoken.entrypoints.json_body import get_json_object
from evertoken.entrypoints.session_bodies import ChangeSessionBody, OpenBody, SessionListParameters
from evertoken.entrypoints.session_callers import SessionCallers
from evertoken.entrypoints.session_view import view_session, view_state, view_token
from evertoken.usecases.change_session import change_session
from evertoken.usecases.end_session import end_own_session, end_session
from evertoken.usecases.issue_session_token import SessionDependencies
from evertoken.usecases.list_sessions import ListSessionsDependencies, list_sessions
from evertoken.usecases.open_session import open_session
from evertoken.usecases.read_session import NO_SUCH_SESSION, get_own_session, get_session
from evertoken.usecases.refresh_session_token import SessionReused, refresh_session_token

_SESSION_ID = re.compile(r"ses_[a-z2-7]{26}")


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRouteDependencies:
    """What the routes need."""

    sessions: SessionDependencies
    listing: ListSessionsDependencies
    callers: SessionCallers
    audit: AuditTrail


def session_routes(deps: SessionRouteDependencies, telemetry: RequestTelemetry) -> tuple[Route, ...]:
    """Return the routes of sessions, seed 2's paths among them. Those without a scope take a session's own token and verify by themselves."""
    routes = _Routes(deps, telemetry)
    one = "/v1/sessions/{session_id}"
    return (
        Route(key="POST /v1/sessions", handle=routes.open, scope=SESSIONS_WRITE, action="session.open"),
        Route(key="GET /v1/sessions", handle=routes.list, scope=SESSIONS_READ),
        Route(key=f"GET {one}", handle=routes.read),
        Route(key=f"PATCH {one}", handle=routes.change, scope=SESSIONS_WRITE, action="session.change"),
        Route(key=f"DELETE {one}", handle=routes.end),
        Route(key="POST /v1/auth/refresh-token", handle=routes.refresh),
        Route(key="POST /api/video/auth/refresh-token", handle=routes.refresh),
        Route(key="GET /api/video/sessions/{session_id}", handle=routes.read_own),
    )


class _Routes:
    def __init__(self, deps: SessionRouteDependencies, telemetry: RequestTelemetry) -> None:
        self._deps = deps
        self._telemetry = telemetry

    def open(self, request: Request) -> Answer:
        tenant_id, body = request.tenant_id, parse_model(OpenBody, get_json_object(request.event))
        opened = open_session(
            self._deps.sessions,
            tenant_id=tenant_id,
            user_id=body.user_id,
            role=body.role,
            profile=body.profile.profile(),
            issuer=request.base_url,
        )
        view = view_session(opened.session, self._deps.sessions.clock.now())
        return Answer(
            status=201,
            body={"session": view, **view_token(opened)},
            logged={"session": opened.session.session_id},
        )

    def list(self, request: Request) -> Answer:
        tenant_id, parameters = request.tenant_id, parse_model(SessionListParameters, request.query())
        page = list_sessions(
            self._deps.listing,
            tenant_id,
            user_id=parameters.user_id,
            limit=parameters.limit,
            cursor=parameters.cursor,
        )
        now = self._deps.sessions.clock.now()
        return Answer(
            body={"sessions": [view_session(one, now) for one in page.sessions], "cursor": page.cursor}
        )

    def read(self, request: Request) -> Answer:
        session_id = request.path["session_id"]
        match self._deps.callers.get_token_or_client(request, is_lenient=True):
            case Caller() as caller:
                require_scope(caller, SESSIONS_READ)
                session = get_session(self._deps.sessions, tenant_of(caller), _parse_id(session_id))
                body = view_session(session, self._deps.sessions.clock.now())
                return Answer(body=body, logged=_logged(caller, session_id))
            case SessionToken() as token:
                return self._read_own(token, session_id)

    def read_own(self, request: Request) -> Answer:
        token = self._deps.callers.get_token(request, is_lenient=True)
        return self._read_own(token, request.path["session_id"])

    def _read_own(self, token: SessionToken, session_id: str) -> Answer:
        session = get_own_session(self._deps.sessions, token, session_id)
        body = view_state(session, self._deps.sessions.clock.now())
        return Answer(body=body, logged=_logged(token, session_id))

    def change(self, request: Request) -> Answer:
        tenant_id, session_id = request.tenant_id, _parse_id(request.path["session_id"])
        body = parse_model(ChangeSessionBody, get_json_object(request.event))
        profile = None if body.profile is None else body.profile.profile()
        wanted = SessionChange(role=body.role, profile=profile)
        changed = change_session(self._deps.sessions, tenant_id, session_id, wanted)
        return Answer(body=view_session(changed, self._deps.sessions.clock.now()))

    def end(self, request: Request) -> Answer:
        caller = self._deps.callers.get_token_or_client(request)
        try:
            answer = self._end(caller, request.path["session_id"])
        except EvertokenError as error:
            refusal = error_answer(error, request.event.correlation_id)
            self._audit(request, refusal, caller, action="session.end")
            raise
        self._audit(request, answer, caller, action="session.end")
        return answer

    def _end(self, caller: Caller | SessionToken, session_id: str) -> Answer:
        match caller:
            case Caller():
                require_scope(caller, SESSIONS_WRITE)
                end_session(self._deps.sessions, tenant_of(caller), _parse_id(session_id))
            case SessionToken():
                end_own_session(self._deps.sessions, caller, session_id)
        return Answer(status=204, logged=_logged(caller, session_id))

    def refresh(self, request: Request) -> Answer:
        token = self._deps.callers.get_token(request, is_lenient=True)
        refreshed = refresh_session_token(self._deps.sessions, token, issuer=request.base_url)
        if isinstance(refreshed, SessionReused):
            self._tell_reuse(request, token)
            raise AuthenticationError
        return Answer(
            body=view_token(refreshed),
            headers={"Pragma": "no-cache"},
            logged=_logged(token, token.session_id),
        )

    def _tell_reuse(self, request: Request, token: SessionToken) -> None:
        """Tell that a session was ended because one of its tokens came back: what is answered is like every other refusal."""
        self._telemetry.count("SessionReuseDetected", 1)
        event = request.event
        fields = {"correlation_id": event.correlation_id, "source_ip": event.source_ip}
        self._telemetry.logger.info(
            "session_reuse_detected", extra={**_logged(token, token.session_id), **fields}
        )
        refusal = error_answer(AuthenticationError(), event.correlation_id)
        self._audit(request, refusal, token, action="session.reuse_detected", target=token.session_id)

    def _audit(
        self,
        request: Request,
        answer: Answer,
        caller: Caller | SessionToken,
        *,
        action: str,
        target: str = "",
    ) -> None:
        """Keep what was done on a route that the API does not audit itself, because it does not know who calls."""
        if isinstance(caller, SessionToken):
            actor = f"user:{caller.user_id}"
            caller = Caller(
                client_id=actor,
                tenant_id=caller.tenant_id,
                scopes=frozenset(),
                issued_at=caller.authenticated_at,
            )
        write_audit(
            self._deps.audit,
            self._telemetry,
            request.event,
            answer,
            action=action,
            caller=caller,
            target=target or target_of(answer, request.path),
            now=self._deps.sessions.clock.now(),
        )


def _parse_id(session_id: str) -> str:
    """Return an id that could be one; any other is nobody's, and no key of the table. Raises NotFoundError."""
    if _SESSION_ID.fullmatch(session_id) is None:
        raise NotFoundError(NO_SUCH_SESSION)
    return session_id


def _logged(caller: Caller | SessionToken, session_id: str) -> dict[str, str]:
    """Return who called, as log lines have it: a user's name is not among it."""
    if isinstance(caller, SessionToken):
        return {"tenant": caller.tenant_id, "session": session_id}
    return {"tenant": tenant_of(caller), "client": caller.client_id, "session": session_id}
