"""What programs rely on changes on purpose only: names, parameters, defaults and types stand in public_api.txt."""

from __future__ import annotations

from tests.client.public_api import FILE, describe

REMEDY = (
    "The public API is another than tests/client/public_api.txt says. If that is meant, write it down in CHANGELOG.md and run: "
    "PYTHONPATH=layers/evertoken .venv/bin/python -m tests.client.public_api"
)


def test_the_public_api_is_what_was_promised():
    promised, offered = FILE.read_text(encoding="utf-8").splitlines(), describe().splitlines()
    gone = sorted(set(promised) - set(offered))
    new = sorted(set(offered) - set(promised))
    assert (gone, new) == ([], []), REMEDY


def test_the_promise_covers_every_kind_of_name():
    text = FILE.read_text(encoding="utf-8")
    for line in (
        "evertoken.client.TokenReader.get(connection_id: str, *, min_ttl_seconds: int = 0) -> Token",
        "evertoken.client.SessionTokens.get_valid_token() -> str",
        "evertoken.client.Token hides access_token, extra",
        "evertoken.client.RateLimitedError is TemporarilyUnavailableError",
        "evertoken.client.resources.Jobs.get(job_id: str) -> ApiCall[JobProgress]",
    ):
        assert f"{line}\n" in text
    assert " object at 0x" not in text
    assert " at 0x" not in text
