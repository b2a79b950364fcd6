"""Requests and answers as vendors document them: our request, our reading and the simulation are each held against them."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from evertoken.catalogue.loader import get_shipped_provider
from evertoken.domain.http import HttpAnswer
from evertoken.domain.outcome import Failure, Issued
from evertoken.domain.request_shape import Operation
from evertoken.protocol.revocation_answer import RevocationStatus, parse_revocation_answer
from evertoken.protocol.token_answer import parse_token_answer
from tests.conformance.answers import Tokens, token_answer
from tests.conformance.entry_document import Entry, read_entry
from tests.conformance.error_answers import first_match
from tests.conformance.expectation import expect
from tests.conformance.grants import FOREVER
from tests.conformance.json_pointer import find
from tests.conformance.recorded_request import check_recorded_request
from tests.conformance.recording_form import check_form

DIRECTORY = Path(__file__).with_name("recordings")
SENT_AT = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
VARIANTS = 12


@dataclass(frozen=True)
class Recording:
    """One recorded request, answer, or both."""

    provider_id: str
    parameters: dict[str, str]
    number: int
    content: dict[str, Any] = field(repr=False)

    @property
    def operation(self) -> str:
        return self.content["operation"]

    @cached_property
    def entry(self) -> Entry:
        return read_entry(self.provider_id)

    @property
    def name(self) -> str:
        means = self.content.get("means", {}).get("outcome", "request")
        return f"{self.provider_id}-{self.number}-{self.operation}-{means}"


def load_recordings(provider_id: str = "*") -> list[Recording]:
    """Those of one provider or, by default, of all."""
    found = []
    for path in sorted(DIRECTORY.glob(f"{provider_id}.json")):
        document = json.loads(path.read_text(encoding="utf-8"))
        assert document["provider"] == path.stem, f"{path.name} names another provider"
        for number, content in enumerate(document["recordings"]):
            check_form(content, f"{path.name}, recording {number}")
            found.append(Recording(path.stem, document.get("parameters", {}), number, content))
    return found


def check_recording(recording: Recording) -> None:
    """Hold everything against it that it says something about. Raises NotConformingError."""
    if "request" in recording.content:
        check_recorded_request(
            recording.entry, recording.operation, recording.parameters, recording.content["request"]
        )
    if "answer" in recording.content:
        check_reading(recording)
        if recording.content["means"]["outcome"] == "issued" and recording.operation != "revocation":
            check_shape(recording)
        elif recording.operation != "revocation":
            check_rules(recording)


def answer_of(recording: Recording) -> HttpAnswer:
    recorded = recording.content["answer"]
    text = recorded["text"] if "text" in recorded else json.dumps(recorded["body"])
    headers = {name.lower(): value for name, value in recorded.get("headers", {}).items()}
    return HttpAnswer(status=recorded["status"], headers=headers, body=text.encode())


def check_reading(recording: Recording) -> None:
    """What we make of the answer is what the vendor's page says that it means."""
    means = recording.content["means"]
    if recording.operation == "revocation":
        done = parse_revocation_answer(answer_of(recording), SENT_AT).status is not RevocationStatus.RETRY
        expect(
            done == (means["outcome"] in ("issued", "revoked", "rejected")),
            "the answer to the revocation was misread",
        )
        return
    provider = get_shipped_provider(recording.provider_id).filled(
        recording.parameters, by_operator=True, whole=False
    )
    outcome = parse_token_answer(
        provider, Operation(recording.operation), answer_of(recording), sent_at=SENT_AT, requested_scopes=()
    )
    found = outcome.kind if isinstance(outcome, Failure) else "issued"
    why = f" ({outcome.code})" if isinstance(outcome, Failure) else ""
    expect(found == means["outcome"], f"it means {means['outcome']}, and it was taken for {found}{why}")
    read = _of_failure(outcome) if isinstance(outcome, Failure) else _of_token_set(outcome)
    for name, wanted in means.items():
        if name == "extra":
            kept = outcome.token_set.extra if isinstance(outcome, Issued) else {}
            for member, value in wanted.items():
                expect(kept.get(member) == value, f"{member} is {value!r}, and {kept.get(member)!r} was kept")
        elif name != "outcome":
            expect(read[name] == wanted, f"{name} is {wanted!r}, and {read[name]!r} was read")


def _of_failure(failure: Failure) -> dict[str, object]:
    return {
        "code": failure.code,
        "retry_after_seconds": failure.retry_after_seconds,
        "trace_id": failure.trace_id,
    }


def _of_token_set(issued: Issued) -> dict[str, object]:
    token_set = issued.token_set

    def seconds(moment: datetime | None) -> int | None:
        return None if moment is None else round((moment - SENT_AT).total_seconds())

    return {
        "access_token": token_set.access_token,
        "expires_in_seconds": seconds(token_set.expires_at),
        "refresh_token": token_set.refresh_token,
        "refresh_token_expires_in_seconds": seconds(token_set.refresh_token_expires_at),
        "scope": token_set.scope,
    }


def check_rules(recording: Recording) -> None:
    """The entry's rules, read by the simulation, understand the refusal as the vendor does."""
    body = body_of(recording)
    status = recording.content["answer"]["status"]
    index = first_match(recording.entry, recording.operation, status, body)
    if index is None:
        return
    said = recording.entry.document["errors"][index]["class"]
    outcome = recording.content["means"]["outcome"]
    softened = (
        {"rejected", "client_misconfigured"}
        if said == "grant_dead" and recording.operation != "refresh"
        else set()
    )
    expect(outcome in {said, *softened}, f"errors[{index}] makes it {said}, and it means {outcome}")


def body_of(recording: Recording) -> Any:
    """The recorded body as members: JSON, JSONP or a form."""
    recorded = recording.content["answer"]
    if "body" in recorded:
        return recorded["body"]
    text = recorded["text"].strip()
    wrapped = re.fullmatch(r"\w+\s*\(\s*(.*?)\s*\)\s*;?", text, re.DOTALL)
    try:
        return json.loads(wrapped[1] if wrapped else text)
    except ValueError:
        return dict(parse_qsl(text))


def check_shape(recording: Recording) -> None:
    """Some admitted variant of the simulation's answer has the recorded one's members in the recorded places, of the recorded types."""
    means, recorded = recording.content["means"], body_of(recording)
    lifetime, refresh_lifetime = (
        means.get("expires_in_seconds"),
        means.get("refresh_token_expires_in_seconds"),
    )
    now = SENT_AT.timestamp()
    closest: list[str] | None = None
    for number in range(VARIANTS):
        tokens = Tokens(
            number=number,
            access_token="access",
            access_expires_at=FOREVER if lifetime is None else now + lifetime,
            refresh_token="refresh" if means.get("refresh_token") else None,
            refresh_expires_at=FOREVER if refresh_lifetime is None else now + refresh_lifetime,
            scopes=("read", "write"),
            subject="subject",
            kept={},
        )
        problems = _misplaced(_members_of(token_answer(recording.entry, tokens, now)), recorded)
        closest = problems if closest is None or len(problems) < len(closest) else closest
    expect(not closest, f"the simulation answers otherwise: {'; '.join(closest or [])}")


def _members_of(reply: Any) -> Any:
    text = reply.body.decode()
    wrapped = re.fullmatch(r"\w+\s*\(\s*(.*?)\s*\)\s*;?\s*", text, re.DOTALL)
    try:
        return json.loads(wrapped[1] if wrapped else text)
    except ValueError:
        return dict(parse_qsl(text))


def _misplaced(simulated: Any, recorded: Any) -> list[str]:
    places = dict(_leaves(recorded))
    problems = []
    for pointer, value in _leaves(simulated):
        there = find(recorded, pointer)
        name = pointer.rpartition("/")[2]
        if there is not None:
            if type(there) is not type(value):
                problems.append(
                    f"{pointer} is recorded as {type(there).__name__}, not {type(value).__name__}"
                )
        elif any(other.rpartition("/")[2] == name for other in places):
            problems.append(f"{name} is recorded elsewhere than {pointer}")
        elif value == "access":
            problems.append(f"no access token is recorded at {pointer}")
    return problems


def _leaves(document: Any, pointer: str = "") -> Iterator[tuple[str, Any]]:
    """Every member; a list of texts is one."""
    if isinstance(document, dict):
        for name, value in document.items():
            yield from _leaves(value, f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}")
    elif isinstance(document, list) and any(isinstance(one, (dict, list)) for one in document):
        for index, value in enumerate(document):
            yield from _leaves(value, f"{pointer}/{index}")
    else:
        yield pointer, document
