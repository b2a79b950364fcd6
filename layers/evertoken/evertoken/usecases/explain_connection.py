"""Say in a sentence why a connection is as it is, and what to do about it: from its ledger alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from evertoken.domain.connection import ConnectionStatus
from evertoken.domain.instants import to_iso
from evertoken.domain.ledger import LedgerEntry, LedgerType
from evertoken.domain.outcome import FailureKind
from evertoken.usecases.end_without_request import EXPIRED
from evertoken.usecases.record_failure import LOST_RESPONSE

ENTRIES_CONSIDERED = 50
"""How far back the beginning of a state is looked for."""
_CONNECT_AGAIN = (
    "Let the user connect again: POST /v1/connections for the same user and account keeps this id."
)
_BY_ITSELF = "Nothing: it is tried again by itself, and the access token is served until it expires."
_CORRECT_REGISTRATION = "An operator has to correct the client registration: PUT /v1/registrations/{id}. The connection then goes on by itself."


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Why a connection is as it is: a sentence, its word, since when, and what to do. `since` is None when nothing is written down any more."""

    summary: str
    cause: str
    since: datetime | None
    mend: str


_OF_STATE = {
    "healthy": ("The connection works.", "Nothing."),
    "quiet": (
        "Nothing happened for as long as the ledger goes back.",
        "Nothing. GET /v1/connections/{id} shows what it is now.",
    ),
    "on_hold": (
        "The connection is on hold: readers see no token and nothing is refreshed.",
        'Lift the hold: PATCH /v1/connections/{id} with {"on_hold": false}.',
    ),
    "disconnected": (
        "The connection was disconnected on request.",
        f"{_CONNECT_AGAIN} A day after the disconnect the id is given up and a new one is given.",
    ),
    "retired": (
        "The connection was disconnected, and a day later its id was given up.",
        "Let the user connect again: POST /v1/connections gives a new id.",
    ),
    "attempt_unresolved": (
        "A refresh began and nobody knows how it ended: its process died, or the provider's answer was lost. Another one is under way.",
        "Nothing: how it ends stands here within a minute.",
    ),
    "consent_ending": (
        "The connection works, but the consent behind it ends at {end} and no refresh can put that off.",
        f"{_CONNECT_AGAIN} Done before the end, there is no gap.",
    ),
}
_OF_CODE = {
    "no_refresh_token": (
        "The provider gave nothing to renew this access token with: it works until it expires.",
        f"{_CONNECT_AGAIN} Where the provider has offline access, ask for it in the registration's scopes or parameters.",
    ),
    "client_changed": (
        "The grant belongs to another client than the one that the registration holds now; nothing was sent.",
        "An operator puts the old client back into the registration (PUT /v1/registrations/{id}), or the user connects again.",
    ),
    "parameters_changed": (
        "What the grant was given for does not fit the provider's entry any more; nothing was sent.",
        "An operator corrects the provider's entry or the registration's parameters, or the user connects again.",
    ),
    "request_incomplete": (
        "The provider's entry asks for something in the request that this grant never kept; nothing was sent.",
        "An operator corrects the provider's entry, or the user connects again.",
    ),
}
_OF_CAUSE = {
    FailureKind.NOT_SENT.value: (
        "The last request did not reach the provider; nothing was spent.",
        _BY_ITSELF,
    ),
    FailureKind.THROTTLED.value: (
        "The provider asks us to send fewer requests; nothing was spent.",
        f"{_BY_ITSELF} If it goes on, ask the provider for a higher limit or refresh less often.",
    ),
    FailureKind.OUTCOME_UNKNOWN.value: (
        "The provider did not answer the last refresh, so nobody knows whether it spent the refresh token.",
        "Nothing: it is tried again when that is safe, and the access token is served until it expires.",
    ),
    FailureKind.GRANT_DEAD.value: (
        "The provider says that the grant is over: the user or an administrator took it back, or it has ended.",
        _CONNECT_AGAIN,
    ),
    FailureKind.CLIENT_MISCONFIGURED.value: (
        "The provider refuses our client, not this grant: its secret, its key or its settings there are wrong.",
        _CORRECT_REGISTRATION,
    ),
    FailureKind.PROVIDER_DOWN.value: (
        "The provider is in trouble and refused to process the refresh; nothing was spent.",
        _BY_ITSELF,
    ),
    FailureKind.USER_ACTION_REQUIRED.value: (
        "The provider waits for its user to do something there, such as to agree to new terms.",
        "Let the user log in at the provider and do what it asks. Then it goes on by itself, within an hour.",
    ),
    FailureKind.REJECTED.value: (
        "The provider refused the grant after a request that it never answered; the refusal waits to be confirmed.",
        "Nothing: the next try, in about a minute, decides.",
    ),
    LOST_RESPONSE: (
        "The provider spent the refresh token in a request whose answer never reached us, and refuses it now: the grant is lost.",
        f"{_CONNECT_AGAIN} If this happens more than once a day at one provider, look for time-outs there.",
    ),
    EXPIRED: (
        "The access token expired before it was renewed, and this provider renews no expired token.",
        _CONNECT_AGAIN,
    ),
}
_ENDED_CODES = {
    "no_refresh_token": (
        "The access token has expired, and the provider had given nothing to renew it with.",
        _OF_CODE["no_refresh_token"][1],
    ),
}


def explain_connection(newest_first: Sequence[LedgerEntry]) -> Explanation:
    """Return why the connection is as the newest of its entries says, since when it is so, and what to do."""
    if not newest_first:
        summary, mend = _OF_STATE["quiet"]
        return Explanation(summary=summary, cause="quiet", since=None, mend=mend)
    newest = newest_first[0]
    cause = _cause_of(newest)
    since = newest.at
    for entry in newest_first:
        if _cause_of(entry) != cause or entry.epoch != newest.epoch:
            break
        since = entry.at
    summary, mend = _words_of(newest, cause)
    return Explanation(summary=summary, cause=cause, since=since, mend=mend)


def _cause_of(entry: LedgerEntry) -> str:
    match entry.status:
        case ConnectionStatus.DISCONNECTED | ConnectionStatus.RETIRED:
            return entry.status.value
    if entry.on_hold:
        return "on_hold"
    if entry.failure is not None:
        return entry.failure.cause
    if entry.type is LedgerType.ATTEMPT_UNRESOLVED:
        return entry.type.value
    is_ending = entry.consent_ends_at is not None and entry.consent_noticed_at is not None
    return LedgerType.CONSENT_ENDING.value if is_ending else "healthy"


def _words_of(entry: LedgerEntry, cause: str) -> tuple[str, str]:
    if cause in _OF_STATE:
        summary, mend = _OF_STATE[cause]
        ends_at = entry.consent_ends_at
        return summary.format(end="an unknown time" if ends_at is None else to_iso(ends_at)), mend
    code = "" if entry.failure is None else entry.failure.code
    is_over = entry.status is ConnectionStatus.REAUTHORIZATION_REQUIRED
    words = (_ENDED_CODES.get(code) if is_over else None) or _OF_CODE.get(code) or _OF_CAUSE.get(cause)
    if words is None:
        return f"The last refresh failed: {cause}.", _CONNECT_AGAIN if is_over else _BY_ITSELF
    return words
