"""Nothing in the code knows a provider by its name, and the catalogue is small enough to be shipped."""

import ast
import re
from pathlib import Path

import pytest

import evertoken
from evertoken.catalogue.loader import get_shipped_provider, list_shipped_ids

ROOT = Path(__file__).parents[2]
CATALOGUE = Path(evertoken.__file__).parent / "catalogue"
CODE = sorted(path for folder in ("layers", "functions") for path in (ROOT / folder).rglob("*.py"))
ORDINARY_WORDS = {
    "box", "clear", "deputy", "discord", "etsy", "front", "harvest", "indeed", "kick", "kit", "lark", "line", "linear", "make", "meetup", "monday",
    "notion", "polar", "ramp", "sage", "sentry", "slack", "square", "strava", "threads", "wave", "zoom",
}  # fmt: skip
"""Words that English and the code need; of these, no text of the code may consist."""
NAMES = {
    word.casefold()
    for provider_id in list_shipped_ids()
    for word in (provider_id, get_shipped_provider(provider_id).name)
    if len(word) > 1  # a letter is a coordinate, or anything else
}


def texts_of(source):
    """Return every text in the code that is not a docstring."""
    nodes = list(ast.walk(ast.parse(source)))
    prose = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    return {
        node.value.casefold()
        for node in nodes
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose
    }


def words_of(text):
    return " " + " ".join(re.findall(r"[a-z0-9]+", text.casefold())) + " "


def find_names(source):
    """Return the providers that *source* names: as words anywhere, or, where that is an ordinary word, as a whole text."""
    words, texts = words_of(source), texts_of(source)
    return {name for name in NAMES if (name in texts if name in ORDINARY_WORDS else words_of(name) in words)}


@pytest.mark.parametrize("path", CODE, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_providers_name_is_in_the_code(path):
    assert find_names(path.read_text()) == set()


@pytest.mark.parametrize(
    "source",
    [
        'if provider_id == "google": pass',
        "# as Google has it",
        "def refresh_github(): ...",
        'URL = "https://graph.facebook.com/token"',
        'if provider_id == "slack": pass',
        'KINDS = {"line": 1}',
    ],
)
def test_a_providers_name_would_be_found(source):
    assert find_names(source)


def test_an_ordinary_word_is_no_name():
    assert find_names('"""A line before x."""\nx = line = 1  # make the line\nprint("the line x")') == set()


def test_the_catalogue_is_under_two_megabytes():
    files = [CATALOGUE / "schema.json", *(CATALOGUE / "providers").glob("*.json")]
    assert sum(path.stat().st_size for path in files) < 2_000_000
