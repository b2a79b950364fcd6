"""What whoever connects should know of a provider before it surprises them."""

from __future__ import annotations

from evertoken.domain.provider import Provider
from evertoken.domain.provider_shapes import Stage
from evertoken.domain.renewal import Renewal, choose_renewal
from evertoken.domain.token_set import TokenSet


def find_notices(provider: Provider, token_set: TokenSet) -> tuple[str, ...]:
    """Return the notices for a connection at *provider* that holds *token_set*; none is about a fault."""
    notices = []
    lifecycle, sharing = provider.lifecycle, provider.sharing
    if lifecycle.stage is Stage.RETIRING:
        when = "on a day that is not known" if lifecycle.ends_on is None else f"on {lifecycle.ends_on}"
        then = "" if lifecycle.successor is None else f" Its successor is {lifecycle.successor}."
        notices.append(f"This provider ends {when}.{then}")
    if sharing.limit is not None:
        notices.append(
            f"This provider lets {sharing.limit} grants of one user live side by side; a further one ends the oldest."
        )
    if sharing.refresh_ends_others:
        notices.append("At this provider a refresh of one of a user's grants ends the others.")
    if token_set.expires_at is not None and choose_renewal(provider, token_set) is Renewal.NONE:
        notices.append("The provider gave nothing to renew this token with: when it expires, connect again.")
    return tuple(notices)
