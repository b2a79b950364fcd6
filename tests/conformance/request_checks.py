"""Whether a request is exactly one of those that the entry describes: place, parameters, headers and client, nothing missing and nothing more."""

import re
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.conformance.calls import FORM_TYPE, JSON_TYPE, Call, UnreadableCallError
from tests.conformance.entry_document import RequestFacts
from tests.conformance.simulated_client import SimulatedClient
from tests.conformance.template_values import fill, is_filled

ANY = object()
"""A parameter's value that only the server's memory can judge."""
USUAL_HEADERS = frozenset({"host", "accept", "accept-encoding", "user-agent", "connection", "content-length"})
PATH_TOKENS = ("refresh_token", "access_token")
_SEGMENT = re.compile(r"\{(\w+)\}")


@dataclass(kw_only=True)
class Finding:
    """What a request turned out to be: `own` are the operation's own parameters by their standard names."""

    operation: str
    step: int = 0
    problems: list[str] = field(default_factory=list)
    own: dict[str, str] = field(default_factory=dict)
    weight: int = 0
    """How far off it is, so that the nearest operation's problems are told."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What a request must carry: `own` and `optional` by standard names, values exact or ANY."""

    own: dict[str, object] = field(default_factory=dict)
    optional: dict[str, object] = field(default_factory=dict)
    authorization: dict[str, str] = field(default_factory=dict)
    """What the Authorization header may carry: the credential's name -> its value."""
    step: int = 0


def check_request(
    call: Call,
    facts: RequestFacts,
    wanted: Wanted,
    client: SimulatedClient,
    values: dict[str, str],
    now: float,
) -> Finding:
    """Compare *call* with the operation that *facts* describe, placeholders filled by *values*."""
    finding = Finding(operation=facts.operation, step=wanted.step)
    values = {**values, "client_id": client.client_id}
    _check_place(call, facts, values, finding)
    if finding.weight:
        return finding
    try:
        pairs = call.parameters(facts.encoding)
    except UnreadableCallError as error:
        finding.problems.append(str(error))
        finding.weight += 50
        return finding
    if facts.encoding == "query":
        fixed = parse_qsl(urlsplit(facts.url or "").query, keep_blank_values=True)
        pairs = [pair for pair in pairs if pair not in fixed]
    parameters = dict(pairs)
    if len(parameters) < len(pairs):
        finding.problems.append("a parameter is there twice")
    problems, names = client.check(call, facts, parameters, values, now)
    finding.problems += problems
    _check_parameters(parameters, names, facts, wanted, values, finding)
    _check_headers(call, facts, wanted, client, values, finding)
    finding.weight = len(finding.problems)
    return finding


def _check_place(call: Call, facts: RequestFacts, values: dict[str, str], finding: Finding) -> None:
    parts = urlsplit(
        fill(facts.url or "", {name: value for name, value in values.items() if name not in PATH_TOKENS})
    )
    if call.host != parts.netloc:
        finding.problems.append(f"the host is {call.host}, and it must be {parts.netloc}")
        finding.weight += 1000
    segments, wanted = call.path.split("/"), parts.path.split("/")
    matches = len(segments) == len(wanted)
    for segment, pattern in zip(segments, wanted, strict=False):
        held = _SEGMENT.fullmatch(pattern)
        if held and held[1] in PATH_TOKENS:
            finding.own[held[1]] = unquote(segment)
        elif unquote(segment) != unquote(pattern):
            matches = False
    if not matches:
        finding.problems.append(f"the path is {call.path}, and it must be {parts.path}")
        finding.weight += 500
    if call.method != facts.method:
        finding.problems.append(f"the method is {call.method}, and it must be {facts.method}")
        finding.weight += 100
    if facts.encoding != "query" and call.query != parse_qsl(parts.query, keep_blank_values=True):
        finding.problems.append("the query is not the endpoint's own")
        finding.weight += 50


def _check_parameters(
    parameters: dict[str, str],
    of_client: set[str],
    facts: RequestFacts,
    wanted: Wanted,
    values: dict[str, str],
    finding: Finding,
) -> None:
    own = dict(wanted.own)
    if facts.grant_type is not None:
        own["grant_type"] = facts.grant_type
    expected: dict[str, tuple[str, object]] = {}
    for name, text in facts.parameters.items():
        if text == "{random}":
            expected[name] = ("", ANY)
        elif is_filled(fill(text, values)):
            expected[name] = ("", fill(text, values))
    for standard, value in own.items():
        wire = facts.token if standard == "token" else facts.wire(standard)
        if wire and standard not in facts.omits:
            expected[wire] = (standard, value)
    optional = {
        facts.wire(standard): (standard, value)
        for standard, value in wanted.optional.items()
        if standard not in facts.omits
    }
    for name, (standard, value) in expected.items():
        if name in of_client:
            continue
        if name not in parameters:
            finding.problems.append(f"the parameter {name} is missing")
        elif not _is_right(parameters[name], value):
            finding.problems.append(f"the parameter {name} is wrong")
        elif standard:
            finding.own[standard] = parameters[name]
    for name in sorted(parameters.keys() - expected.keys() - of_client):
        if name not in optional:
            finding.problems.append(f"the parameter {name} does not belong here")
        elif not _is_right(parameters[name], optional[name][1]):
            finding.problems.append(f"the parameter {name} is wrong")
        else:
            finding.own[optional[name][0]] = parameters[name]


def _is_right(found: str, wanted: object) -> bool:
    if wanted is ANY:
        return bool(found)
    if isinstance(wanted, (set, frozenset)):
        return found in wanted
    return found == wanted


def _check_headers(
    call: Call,
    facts: RequestFacts,
    wanted: Wanted,
    client: SimulatedClient,
    values: dict[str, str],
    finding: Finding,
) -> None:
    known = set(USUAL_HEADERS)
    for name, text in facts.headers.items():
        if not is_filled(fill(text, values)):
            continue
        known.add(name.lower())
        if call.headers.get(name.lower()) != fill(text, values):
            state = "wrong" if name.lower() in call.headers else "missing"
            finding.problems.append(f"the header {name} is {state}")
    if "content-type" not in known:
        known.add("content-type")
        right = {"form": FORM_TYPE, "json": JSON_TYPE}.get(facts.encoding)
        found = call.headers.get("content-type", "").partition(";")[0].strip().lower()
        if call.body and found != right:
            finding.problems.append(f"the body is {found or 'of no type'}, and it must be {right or 'empty'}")
    if not call.headers.get("user-agent"):
        finding.problems.append("the header User-Agent is missing")
    if facts.authorization_header:
        known.add("authorization")
        scheme, credential = facts.authorization_header["scheme"], facts.authorization_header["credential"]
        found_scheme, _, found = call.headers.get("authorization", "").partition(" ")
        right_value = client.secret if credential == "client_secret" else wanted.authorization.get(credential)
        if found_scheme != scheme or not found or (right_value is not None and found != right_value):
            finding.problems.append(f"the Authorization header must carry {scheme} and the {credential}")
        finding.own[credential] = found
    elif client.carries_authorization(facts):
        known.add("authorization")
    finding.problems += [
        f"the header {name} does not belong here" for name in sorted(call.headers.keys() - known)
    ]
