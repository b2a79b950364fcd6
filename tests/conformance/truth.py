"""Whether our row holds what the simulated server issued, and promises nothing that it did not."""

from datetime import UTC, datetime

from evertoken.domain.connection import Connection, ConnectionStatus
from tests.conformance.expectation import expect
from tests.conformance.grants import FOREVER, Grant
from tests.conformance.json_pointer import kept_name
from tests.conformance.world import World

TOLERANCE_SECONDS = 2.0
CONSENT_SECONDS = 60.0
"""How much later than the consent the code was redeemed in these runs: a grant's absolute end counts from the consent, which we do not see."""
ASSUMED_SECONDS = 3600


def check_row(world: World, row: Connection, grant: Grant) -> None:
    """Compare *row* with *grant*, member by member."""
    entry, server = world.server.entry, world.server
    token_set = world.service.token_set(row)
    newest = grant.access[-1]
    expect(row.status is ConnectionStatus.ACTIVE, f"the connection is {row.status}")
    expect(token_set.access_token == newest.text, "the access token is not the one that was issued last")
    refresh = grant.refresh[-1] if grant.refresh else None
    expect(
        token_set.refresh_token == (refresh.text if refresh else None),
        "the refresh token is not the grant's newest",
    )
    _check_expiry(world, token_set.expires_at, newest.expires_at)
    if refresh is not None:
        _check_refresh_expiry(world, row.refresh_token_expires_at, refresh.expires_at, grant)
    granted = set(row.scope.split())
    expect(
        granted == set(grant.scopes),
        f"the scope is {row.scope!r}, and {' '.join(grant.scopes)!r} was granted",
    )
    for name in entry.kept_in_answers:
        expect(
            token_set.extra.get(name) == grant.kept.get(name),
            f"{name} of the answer was not kept as it was said",
        )
    if grant.kind == "authorization_code":
        for name in entry.fact("callback.keeps", ()):
            expect(token_set.extra.get(name) == grant.kept.get(name), f"{name} of the callback was not kept")
    wanted = _account_of(world, grant)
    expect(
        wanted is None or row.account == wanted,
        f"the account is {row.account!r}, and the entry says {wanted!r}",
    )
    scheme = entry.fact("answer.authorization_scheme", "Bearer")
    expect(
        token_set.token_type == scheme, f"calls would be authorized by {token_set.token_type}, not {scheme}"
    )
    expect(not server.refusals, "the server refused a request")
    expect(not server.violations, f"the provider's rules were broken: {server.violations[:1]}")


def _check_expiry(world: World, found: datetime | None, issued: float) -> None:
    entry = world.server.entry
    if issued == FOREVER:
        says_so = entry.fact("answer.expires_in.zero_is_never") and world.server.issuing.says_expiry
        if says_so or entry.is_verified("lifetimes"):
            expect(found is None, "an access token that does not expire is said to")
        return
    truth = datetime.fromtimestamp(issued, UTC)
    expect(found is not None, "an access token that expires is said not to")
    assert found is not None
    off = (found - truth).total_seconds()
    expect(off <= TOLERANCE_SECONDS, f"the access token is said to live {off:.0f} s longer than it does")
    is_told = world.server.issuing.says_expiry or entry.fact("answer.expires_in.kind") == "jwt_exp"
    expect(
        not is_told or off >= -TOLERANCE_SECONDS,
        f"the access token is said to live {-off:.0f} s less than the answer says",
    )


def _check_refresh_expiry(world: World, found: datetime | None, issued: float, grant: Grant) -> None:
    limit = world.server.entry.fact("lifetimes.grant_seconds")
    ends = min(issued, FOREVER if limit is None else grant.granted_at + limit)
    if found is not None:
        off = found.timestamp() - ends
        expect(
            off <= (TOLERANCE_SECONDS if limit is None else CONSENT_SECONDS),
            f"the refresh token is said to live {off:.0f} s longer than it does",
        )
    expect(ends == FOREVER or found is not None, "a refresh token that expires is said not to")


def _account_of(world: World, grant: Grant) -> str | None:
    entry = world.server.entry
    member = entry.fact("account.member", "")
    match entry.fact("account.from"):
        case "id_token":
            return grant.subject
        case "answer":
            return grant.kept.get(kept_name(member))
        case "callback":
            return grant.subject if grant.kind == "authorization_code" else None
        case "parameter":
            return grant.values.get(member)
    return None
