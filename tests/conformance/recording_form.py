"""What a recording may say."""

from datetime import datetime
from typing import Any

from evertoken.domain.outcome import FailureKind
from evertoken.domain.request_shape import Operation

OPERATIONS = {*map(str, Operation), "revocation", "authorization_url"}
OUTCOMES = {"issued", "revoked", *map(str, FailureKind)}
SHAPE = {
    "source": {"url", "checked_on", "confidence"},
    "request": {"method", "url", "encoding", "parameters", "headers", "basic"},
    "answer": {"status", "headers", "body", "text"},
    "means": {
        "outcome",
        *("access_token", "expires_in_seconds", "refresh_token", "refresh_token_expires_in_seconds", "scope", "extra"),
        *("code", "retry_after_seconds", "trace_id"),
    },
}  # fmt: skip
"""What a recording may say: of a misspelt member nothing would be checked."""


def check_form(content: dict[str, Any], where: str) -> None:
    """A recording has its page and its day, and nothing in it goes unread. Raises AssertionError."""
    assert content["operation"] in OPERATIONS, f"{where}: there is no operation {content['operation']}"
    unread = content.keys() - SHAPE.keys() - {"operation"}
    for part, members in SHAPE.items():
        unread |= {f"{part}.{name}" for name in content.get(part, {}).keys() - members}
    assert not unread, f"{where}: nothing reads {sorted(unread)}"
    assert {"request", "answer"} & content.keys(), f"{where}: it holds neither a request nor an answer"
    assert ("answer" in content) == ("means" in content), f"{where}: an answer and what it means go together"
    if "means" in content:
        assert content["means"]["outcome"] in OUTCOMES, f"{where}: there is no such outcome"
    source = content["source"]
    assert source["url"].startswith("https://"), f"{where}: it has no page"
    assert datetime.fromisoformat(source["checked_on"]), f"{where}: it has no day"
