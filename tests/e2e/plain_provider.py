"""Documents of simulated providers that say no more than they must, and what every story does with a token of theirs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from tests.e2e.http_api import document
from tests.e2e.installation import Team
from tests.e2e.patience import wait_until
from tests.e2e.simulated_site import ORIGIN, SimulatedSite

TOKEN_SECONDS = 6
"""By hand such a token is refreshed when it is a quarter of this old."""


def provider_of(grant: str, method: str = "none", **sections: Any) -> dict[str, Any]:
    """A document of one grant that says no more than it must."""
    return {
        "grants": [grant, "refresh_token"],
        "endpoints": {"token": f"{ORIGIN}/token", "revocation": f"{ORIGIN}/revoke"},
        "client_authentication": {"methods": [method]},
        "rotation": {"kind": "strict", "new_token": "always"},
        "lifetimes": {"access_token_seconds": TOKEN_SECONDS},
        **sections,
    }


def refresh_by_hand(team: Team, connection_id: str) -> dict[str, Any]:
    """Ask until the token is old enough; returns the connection."""
    answer = wait_until(
        "a token old enough to be refreshed by hand",
        lambda: (found := document(team.refresh(connection_id)))["outcome"] == "refreshed" and found,
        seconds=30,
    )
    connection: dict[str, Any] = answer["connection"]
    return connection


def read(site: SimulatedSite, team: Team, connection_id: str, **query: Any) -> dict[str, Any]:
    """The token as a reader has it, and what it is worth at that moment."""
    token = team.read_patiently(connection_id, **query)
    lives = datetime.fromisoformat(token["expires_at"]) > datetime.now(UTC)
    return {**token, "is_valid": lives and site.accepts(token["access_token"])}
