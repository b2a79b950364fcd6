"""What a document extends is filled in, and nothing is taken for known that only the other entry's source says."""

import json

import pytest

from evertoken.catalogue import loader
from evertoken.catalogue.document_inheritance import whole_document
from evertoken.catalogue.document_problems import DocumentProblems
from evertoken.catalogue.loader import find_extended, get_shipped_provider, load_document, parse_provider
from evertoken.domain.errors import InvalidInputError, UnknownProviderError

SOURCE = {"url": "https://docs.example.com", "checked_on": "2026-11-21", "confidence": "verified"}
SHIPPED = {
    "base": {
        "schema_version": 1,
        "id": "base",
        "name": "Base",
        "documentation": "https://base.example.com",
        "parameters": {"shop": {"description": "The shop."}, "region": {"description": "The region."}},
        "endpoints": {
            "authorization": "https://{shop}.example.com/{region}/a",
            "token": "https://{shop}.example.com/t",
            "source": SOURCE,
        },
        "rotation": {"kind": "grace", "grace_seconds": 60, "source": SOURCE},
        "errors": [{"class": "throttled", "statuses": [420]}],
    },
    "middle": {"id": "middle", "extends": "base", "pkce": {"support": "required", "source": SOURCE}},
    "far": {"id": "far", "extends": "middle", "name": "Far"},
    "farther": {"id": "farther", "extends": "far"},
    "one": {"id": "one", "extends": "two"},
    "two": {"id": "two", "extends": "one"},
    "self": {"id": "self", "extends": "self"},
    "oidc": {"id": "oidc", "name": "OpenID Connect", "pkce": {"support": "supported", "source": SOURCE}},
}


def whole(document):
    return whole_document(document, SHIPPED.get, DocumentProblems())


def test_sections_are_merged_member_by_member_and_ones_own_word_wins():
    document = whole(
        {"id": "own", "extends": "base", "endpoints": {"token": "https://x.example.com/t"}}
    ).document
    assert document["endpoints"] == {
        "authorization": "https://{shop}.example.com/{region}/a",
        "token": "https://x.example.com/t",
    }
    assert document["rotation"] == SHIPPED["base"]["rotation"]
    assert "name" not in document
    assert "documentation" not in document
    assert "schema_version" not in document
    assert "extends" not in document


def test_the_source_of_a_section_that_is_touched_is_its_own_or_none():
    touched = whole({"id": "own", "extends": "base", "rotation": {"kills_access_token": True}}).document
    assert touched["rotation"] == {"kind": "grace", "grace_seconds": 60, "kills_access_token": True}
    other = {**SOURCE, "confidence": "secondary"}
    sourced = whole(
        {"id": "own", "extends": "base", "rotation": {"grace_seconds": 30, "source": other}}
    ).document
    assert sourced["rotation"] == {"kind": "grace", "grace_seconds": 30, "source": other}


def test_of_errors_ones_own_come_first():
    own = {"class": "rejected", "statuses": [418]}
    document = whole({"id": "own", "extends": "base", "errors": [own]}).document
    assert document["errors"] == [own, *SHIPPED["base"]["errors"]]


def test_a_generic_entry_gives_no_source():
    assert whole({"id": "own", "extends": "oidc"}).document["pkce"] == {"support": "supported"}


def test_a_chain_of_three_is_followed_and_a_longer_one_refused():
    document = whole({"id": "own", "extends": "far"}).document
    assert document["pkce"]["support"] == "required"
    assert document["rotation"]["grace_seconds"] == 60
    with pytest.raises(InvalidInputError, match=r"extends must not lead back .* more than 3"):
        whole({"id": "own", "extends": "farther"})


@pytest.mark.parametrize("document", [SHIPPED["one"], SHIPPED["self"], {"id": "own", "extends": "one"}])
def test_a_circle_is_refused(document):
    with pytest.raises(InvalidInputError, match="extends must not lead back to the entry itself"):
        whole(document)


@pytest.mark.parametrize("base", ["nobody", "../schema", "", 7, None, ["base"]])
def test_what_is_not_shipped_cannot_be_extended(base):
    with pytest.raises(InvalidInputError, match="extends must be the id of a shipped entry"):
        whole({"id": "own", "extends": base})


def test_an_inherited_parameter_may_be_left_unused_and_ones_own_may_not(tmp_path, monkeypatch):
    for name, document in SHIPPED.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(document))
    monkeypatch.setattr(loader, "_DIRECTORY", tmp_path)
    caches = (loader._find_document, loader.get_shipped_provider)
    for one in caches:
        one.cache_clear()
    try:
        endpoints = {"authorization": "https://x.example.com/a", "token": "https://x.example.com/t"}
        fixed = {"extends": "base", "endpoints": endpoints}
        assert parse_provider(fixed, provider_id="own").parameters == {}
        with pytest.raises(InvalidInputError, match=r"parameters\.shop is used by no URL"):
            parse_provider({**fixed, "parameters": {"shop": {"description": "The shop."}}}, provider_id="own")
        assert parse_provider({"extends": "far"}, provider_id="own").parameters.keys() == {"shop", "region"}
        assert find_extended("far") == ("middle", "base")
        assert find_extended("own", {"extends": "far"}) == ("far", "middle", "base")
        assert find_extended("own", {"extends": "nobody"}) == ("nobody",)
        assert find_extended("own", {}) == find_extended("nobody") == ()
    finally:
        for one in caches:
            one.cache_clear()


def test_an_operators_document_can_extend_a_shipped_provider():
    document = {"name": "Our workspace", "extends": "google", "lifetimes": {"access_token_seconds": 900}}
    provider = parse_provider(document, provider_id="own")
    shipped = get_shipped_provider("google")
    assert (provider.provider_id, provider.name) == ("own", "Our workspace")
    assert (provider.token_endpoint, provider.rotation) == (shipped.token_endpoint, shipped.rotation)
    assert provider.access_token_lifetime_seconds == 900
    assert provider.sources["rotation"] == shipped.sources["rotation"]
    assert "lifetimes" not in provider.sources


def test_a_shipped_document_is_given_whole():
    document = load_document("google")
    assert "extends" not in document
    assert document["id"] == "google"
    with pytest.raises(UnknownProviderError):
        load_document("nobody")
