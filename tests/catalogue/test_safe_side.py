"""What is only remembered cannot make the protocol bolder: it counts as unknown, or only shortens."""

import pytest

from evertoken.catalogue.loader import parse_provider
from evertoken.domain.provider import Rotation, RotationClass
from tests.catalogue.sections import CORE, SOURCE, change

UNVERIFIED = {**SOURCE, "confidence": "unverified"}
SECONDARY = {**SOURCE, "confidence": "secondary"}


def parse(section, value, source, **changes):
    sourced = value if source is None else {**value, "source": source}
    return parse_provider({**change(CORE, section, sourced), **changes}, provider_id="own")


@pytest.mark.parametrize("kind", ["static", "grace", "strict"])
def test_an_unverified_rotation_is_unknown_and_its_grace_is_not_used(kind):
    rotation = {"kind": kind, "new_token": "always", **({"grace_seconds": 60} if kind == "grace" else {})}
    provider = parse("rotation", {**rotation, "kills_access_token": True}, UNVERIFIED)
    assert provider.rotation == Rotation()
    assert not provider.rotation.may_repeat_at_once
    assert provider.refresh_kills_access_token
    for believed in (SOURCE, SECONDARY, None):
        assert parse("rotation", rotation, believed).rotation.kind == kind


@pytest.mark.parametrize(
    ("said", "seconds", "is_assumed"),
    [
        (600, 600, False),
        (3600, 3600, False),
        (3601, 3600, True),
        (86_400, 3600, True),
        ("unknown", 3600, True),
    ],
)
def test_an_unverified_life_only_shortens(said, seconds, is_assumed):
    provider = parse("lifetimes", {"access_token_seconds": said}, UNVERIFIED)
    assert (provider.access_token_lifetime_seconds, provider.access_token_lifetime_is_assumed) == (
        seconds,
        is_assumed,
    )


def test_a_verified_life_is_what_it_says():
    assert (
        parse("lifetimes", {"access_token_seconds": 86_400}, SOURCE).access_token_lifetime_seconds == 86_400
    )


def test_unverified_never_counts_only_where_there_is_no_refresh_token():
    never = {"access_token_seconds": "never"}
    refreshed = parse("lifetimes", never, UNVERIFIED)
    assert (refreshed.access_token_lifetime_seconds, refreshed.access_token_lifetime_is_assumed) == (
        3600,
        True,
    )
    for changes in ({"grants": ["authorization_code"]}, {"refresh": {"credential": "none"}}):
        lasting = parse("lifetimes", never, UNVERIFIED, **changes)
        assert (lasting.access_token_lifetime_seconds, lasting.access_token_lifetime_is_assumed) == (
            None,
            False,
        )
    assert parse("lifetimes", never, SECONDARY).access_token_lifetime_seconds is None


def test_an_unverified_extension_by_use_is_not_relied_upon_and_an_end_is():
    said = {"refresh_token_seconds": 86_400, "use_extends_refresh_token": True, "grant_seconds": 864_000}
    remembered, known = (parse("lifetimes", said, source) for source in (UNVERIFIED, SOURCE))
    assert (remembered.use_extends_refresh_token, known.use_extends_refresh_token) == (False, True)
    for provider in (remembered, known):
        assert (provider.refresh_token_lifetime_seconds, provider.grant_lifetime_seconds) == (86_400, 864_000)


def test_that_a_revocation_spares_other_connections_is_believed_only_from_a_page():
    assert parse("revocation", {"ends_grant": False}, UNVERIFIED).revocation_ends_grant
    assert not parse("revocation", {"ends_grant": False}, SECONDARY).revocation_ends_grant


def test_nothing_is_known_where_nothing_is_said():
    provider = parse_provider(CORE, provider_id="own")
    assert provider.rotation.kind is RotationClass.UNKNOWN
    assert provider.access_token_lifetime_is_assumed
    assert provider.revocation_ends_grant
    assert not provider.use_extends_refresh_token
