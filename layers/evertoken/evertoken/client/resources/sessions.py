"""Sessions of users: opened by the tenant's backend, refreshed with the session's own token (docs/sessions.md)."""

from __future__ import annotations

from typing import Any

from evertoken.client.api_call import ApiCall, Authority, Repeat, given, query_of, segment
from evertoken.client.api_decoding import answers_with, answers_with_nothing
from evertoken.client.api_route import Awaiting, Blocking, Routes, paged, route
from evertoken.client.paging import Pages
from evertoken.client.results import (
    OpenedSession,
    SessionList,
    SessionRecord,
    SessionState,
    SessionTokenAnswer,
)

_ALL = "/v1/sessions"
_VIDEO = "/api/video"
"""The same two routes at the paths that services of video calls use."""


class SessionRoutes(Routes):
    """What the backend does, and what a session's own token does; the latter takes *session_token* and not the client's credential.

    A program that only refreshes its session and watches it uses SessionTokens.
    """

    @route
    def open(
        self, user_id: str, *, role: str, email: str | None = None, name: str | None = None
    ) -> ApiCall[OpenedSession]:
        """Open a session for a user whom your backend has logged in. Never sent again: it would be a second session."""
        profile = given(email=email, name=name)
        return ApiCall(
            name="sessions.open",
            method="POST",
            path=_ALL,
            body=given(user_id=user_id, role=role, profile=profile or None),
            decode=answers_with(OpenedSession),
            repeat=Repeat.NEVER,
        )

    @route
    def list(
        self, *, user_id: str | None = None, limit: int | None = None, cursor: str | None = None
    ) -> ApiCall[SessionList]:
        """Return a page of sessions."""
        return _list(user_id=user_id, limit=limit, cursor=cursor)

    @paged
    def iterate(
        self, *, user_id: str | None = None, limit: int | None = None
    ) -> Pages[SessionList, SessionRecord]:
        """Go through all sessions; *limit* is of a page."""
        return Pages(
            call=lambda cursor: _list(user_id=user_id, limit=limit, cursor=cursor),
            items=lambda page: page.sessions,
            cursor=lambda page: page.cursor,
        )

    @route
    def get(self, session_id: str) -> ApiCall[SessionRecord]:
        """Return a session as its tenant sees it."""
        return _one("get", "GET", session_id, answers_with(SessionRecord))

    @route
    def change(
        self,
        session_id: str,
        *,
        role: str | None = None,
        email: str | None = None,
        name: str | None = None,
    ) -> ApiCall[SessionRecord]:
        """Change the role, or replace the profile as a whole. Sent again when the service says so."""
        return ApiCall(
            name="sessions.change",
            method="PATCH",
            path=f"{_ALL}/{segment(session_id)}",
            body=given(role=role, profile=given(email=email, name=name) or None),
            decode=answers_with(SessionRecord),
            repeat=Repeat.IF_TOLD,
        )

    @route
    def end(self, session_id: str, *, session_token: str | None = None) -> ApiCall[None]:
        """End a session for all its tokens: as the backend, or with its own token."""
        return _one("end", "DELETE", session_id, answers_with_nothing, session_token)

    @route
    def get_state(self, session_id: str, *, session_token: str) -> ApiCall[SessionState]:
        """Return what a session's own token may see of it."""
        return _one("get_state", "GET", session_id, answers_with(SessionState), session_token)

    @route
    def refresh_token(self, *, session_token: str) -> ApiCall[SessionTokenAnswer]:
        """Return the session's next token. Sent again when the service says so: within 15 seconds the answer is the same successor."""
        return _refresh("refresh_token", "/v1/auth/refresh-token", session_token)

    @route
    def get_video_state(self, session_id: str, *, session_token: str) -> ApiCall[SessionState]:
        """Return what `get_state` returns, at the path that services of video calls use."""
        path = f"{_VIDEO}/sessions/{segment(session_id)}"
        return _own("get_video_state", "GET", path, answers_with(SessionState), session_token)

    @route
    def refresh_video_token(self, *, session_token: str) -> ApiCall[SessionTokenAnswer]:
        """Return what `refresh_token` returns, at the path that services of video calls use."""
        return _refresh("refresh_video_token", f"{_VIDEO}/auth/refresh-token", session_token)


class Sessions(SessionRoutes, Blocking):
    """Sessions, blocking."""


class AsyncSessions(SessionRoutes, Awaiting):
    """Sessions, awaited."""


def _list(**query: Any) -> ApiCall[SessionList]:
    return ApiCall(
        name="sessions.list",
        method="GET",
        path=_ALL,
        query=query_of(**query),
        decode=answers_with(SessionList),
        repeat=Repeat.ALWAYS,
    )


def _one(
    name: str, method: str, session_id: str, decode: Any, session_token: str | None = None
) -> ApiCall[Any]:
    return _own(name, method, f"{_ALL}/{segment(session_id)}", decode, session_token)


def _own(name: str, method: str, path: str, decode: Any, session_token: str | None) -> ApiCall[Any]:
    return ApiCall(
        name=f"sessions.{name}",
        method=method,
        path=path,
        decode=decode,
        repeat=Repeat.ALWAYS,
        authority=Authority.CLIENT if session_token is None else Authority.GIVEN,
        bearer=session_token or "",
    )


def _refresh(name: str, path: str, session_token: str) -> ApiCall[SessionTokenAnswer]:
    return ApiCall(
        name=f"sessions.{name}",
        method="POST",
        path=path,
        decode=answers_with(SessionTokenAnswer),
        repeat=Repeat.IF_TOLD,
        authority=Authority.GIVEN,
        bearer=session_token,
    )
