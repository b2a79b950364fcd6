"""Documents point at what exists."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("bench/*.md")])
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)(?:#([^)]+))?\)")
PATH = re.compile(
    r"`((?:layers|functions|tests|local|bench|docs|tools|requirements|events)/[A-Za-z0-9_./-]+)`"
)


def anchors(document: Path) -> set[str]:
    """Return the anchors that a Markdown page offers, as its renderers make them of headings."""
    headings = re.findall(r"^#+ +(.+)$", document.read_text(), flags=re.MULTILINE)
    return {re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_between_documents_leads_somewhere(document: Path) -> None:
    for target, anchor in LINK.findall(document.read_text()):
        path = (document.parent / target).resolve()
        assert path.exists(), target
        assert not anchor or anchor in anchors(path), f"{target}#{anchor}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_file_that_a_document_names_exists(document: Path) -> None:
    for path in PATH.findall(document.read_text()):
        assert (ROOT / path).exists(), path


def test_every_route_of_the_template_is_documented() -> None:
    template = (ROOT / "template.yaml").read_text()
    routes = re.findall(r"Method: (\w+), Path: (\"[^\"]+\"|[^\"}]+)", template)
    assert len(routes) > 25
    documented = (ROOT / "docs" / "api.md").read_text()
    for method, path in routes:
        route = f"{method} {path}".replace('"', "").strip()
        assert f"`{route}`" in documented, route
