"""The authorization server that an entry describes: it understands nothing else, and remembers why it refused."""

from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from tests.conformance.answers import add_success_marks, encode
from tests.conformance.authorization_page import AuthorizationPage
from tests.conformance.calls import Call, Reply, json_reply
from tests.conformance.device_codes import DeviceCodes
from tests.conformance.entry_document import Entry
from tests.conformance.error_answers import dead_grant_answer, throttled_answer
from tests.conformance.grants import Grant, GrantRefusedError, Grants
from tests.conformance.issuing import Issuing
from tests.conformance.json_pointer import put
from tests.conformance.request_checks import Finding, check_request
from tests.conformance.request_limits import NO_TOKENS, Seen, broken_limit
from tests.conformance.requested_scopes import SCOPES, RequestedScopes
from tests.conformance.simulated_client import SimulatedClient
from tests.conformance.template_values import TemplateValues, fill
from tests.conformance.wanted_parameters import wanted_of

SUBJECT = "ann@example.test"


@dataclass
class AuthorizationServer:
    """*clock* returns virtual seconds since 1970. `planted` answers an operation in the server's stead until it is taken out.

    `refusals` are requests that the entry does not describe, `violations` requests that are right but break a rule.
    """

    entry: Entry
    client: SimulatedClient
    values: TemplateValues
    clock: Callable[[], float]
    redirect_uri: str
    refusals: list[str] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)
    planted: dict[str, Callable[[float], Reply]] = field(default_factory=dict)
    answers_to_lose: int = 0
    """So many refreshes are granted, and the client gets a page of somebody's proxy in their answers' place."""

    def __post_init__(self) -> None:
        self.grants = Grants(self.entry)
        self.devices = DeviceCodes(self.clock)
        self.scopes = RequestedScopes(self.entry)
        self.issuing = Issuing(self.entry, self.values, self.clock, self.grants)
        self.page = AuthorizationPage(
            self.entry, self.client, self.values, self.clock, self.redirect_uri, self.grants
        )

    @property
    def violations(self) -> list[str]:
        return self.grants.violations

    def authorize(self, url: str, *, denies: bool = False) -> str:
        """What a browser brings back from *url*: the query of the redirect. From a wrong URL it brings nothing."""
        finding = self.page.check(url)
        if self._refuse(finding):
            return ""
        return self.page.come_back(finding.own["state"], finding.own.get("code_challenge"), denies=denies)

    def answer(self, call: Call) -> Reply:
        """Answer a request that is one of the entry's; refuse every other with its reasons."""
        grant = self._grant_of(self._find_credential(call))
        finding = self.understand(call)
        if self._refuse(finding):
            return json_reply({"error": "invalid_request", "error_description": self.refusals[-1]}, 400)
        self.client.accept_assertions()
        self.seen.append(Seen(finding.operation, self.clock(), grant))
        if finding.operation not in NO_TOKENS and self._is_over_limit(grant):
            return throttled_answer(self.entry, finding.operation).reply_at(self.clock())
        planted = self.planted.get(finding.operation)
        if planted is not None:
            return planted(self.clock())
        perform: Callable[[Finding], Reply] = getattr(self, f"_{finding.operation}", self._begin)
        reply = perform(finding)
        if finding.operation == "refresh" and self.answers_to_lose:
            self.answers_to_lose -= 1
            if grant is not None and grant.refresh:
                grant.refresh[-1].is_shown = False
            return Reply(status=200, headers={"content-type": "text/html"}, body=b"<html>Welcome!</html>")
        return reply

    # Understanding a request

    def understand(self, call: Call) -> Finding:
        """The operation that *call* is nearest to, and what is wrong with it; nothing is changed by asking."""
        credential = self._find_credential(call)
        candidates = self._candidates(self._grant_of(credential))
        return min((self._check(call, *one, credential) for one in candidates), key=lambda one: one.weight)

    def _candidates(self, grant: Grant | None) -> list[tuple[str, int]]:
        steps = self.entry.following_exchanges
        found: list[tuple[str, int]] = [
            (operation, step)
            for operation in self.entry.operations
            for step in range(steps if operation == "following_exchange" else 1)
        ]
        if grant is not None and steps:
            # Where a following exchange looks like a refresh, how far the grant is tells them apart.
            passed = "refresh" if len(grant.access) <= steps else "following_exchange"
            found = [one for one in found if one[0] != passed]
        if "device_code" in self.entry.operations:
            found.append(("device_authorization", 0))
        if self.entry.takes_revocations:
            found.append(("revocation", 0))
        if self.entry.fact("requests.authorization"):
            found.append(("authorization", 0))
        return found

    def _find_credential(self, call: Call) -> str | None:
        """The code or token that a request carries, wherever it stands."""
        texts = [unquote(part) for part in call.path.split("/")]
        texts += [value for _, value in call.query]
        texts.append(call.headers.get("authorization", "").partition(" ")[2])
        for encoding in ("form", "json"):
            try:
                texts += [value for _, value in call.parameters(encoding)]
            except ValueError:
                continue
        return next((text for text in texts if text in self.page.codes or text in self.grants.issued), None)

    def _grant_of(self, credential: str | None) -> Grant | None:
        if credential is None:
            return None
        code = self.page.codes.get(credential)
        return code.grant if code else self.grants.find(credential)

    def _check(self, call: Call, operation: str, step: int, credential: str | None) -> Finding:
        grant, code = self._grant_of(credential), self.page.codes.get(credential or "")
        if operation == "revocation":
            grant = grant or self.grants.latest  # some are told by a member that was kept, not by a token
        values = {**self.values.at_start, "scope": self.scopes.joined}
        if operation == "authorization":
            values["redirect_uri"] = self.redirect_uri
        if grant is not None:
            values |= {**grant.values, "scope": self.scopes.separator.join(grant.scopes)}
            values |= {"redirect_uri": grant.redirect_uri} if grant.redirect_uri else {}
        if operation == "code_exchange" and code is not None:
            values["state"] = code.state
        facts = self.entry.request(operation, step)
        wanted = wanted_of(facts, step, self.scopes, self.redirect_uri, grant, code)
        return check_request(call, facts, wanted, self.client, values, self.clock())

    def _refuse(self, finding: Finding) -> bool:
        if finding.problems:
            self.refusals.append(f"{finding.operation}: {'; '.join(finding.problems)}.")
        return bool(finding.problems)

    def _is_over_limit(self, grant: Grant | None) -> bool:
        broken = broken_limit(self.entry, self.seen, grant, self.clock())
        if broken:
            self.violations.append(broken)
        return bool(broken)

    # Operations

    def _code_exchange(self, finding: Finding) -> Reply:
        code = self.page.codes.get(finding.own["code"])
        if code is None or code.is_used or self.clock() >= code.expires_at:
            if code is not None:
                code.grant.end()
            return self._refuse_grant(finding, "a code that is unknown, used or expired")
        code.is_used = True
        if not code.is_proved_by(finding.own.get("code_verifier", "")):
            return self._refuse_grant(finding, "a verifier that is not the challenge's")
        return self.issuing.issue(
            code.grant, "authorization_code", is_step=bool(self.entry.following_exchanges)
        )

    def _following_exchange(self, finding: Finding) -> Reply:
        token = _token_of(finding)
        grant = self.grants.find(token)
        if grant is None or token != grant.access[-1].text or self.clock() >= grant.access[-1].expires_at:
            return self._refuse_grant(finding, "a token that is not the last one")
        is_step = finding.step + 1 < self.entry.following_exchanges
        return self.issuing.issue(grant, "authorization_code", is_step=is_step)

    def _refresh(self, finding: Finding) -> Reply:
        try:
            grant = self.grants.spend(_token_of(finding), self.clock())
        except GrantRefusedError:
            return dead_grant_answer(self.entry, "refresh").reply_at(self.clock())
        return self.issuing.answer(grant, self.grants.renew(grant, self.clock()))

    def _begin(self, finding: Finding) -> Reply:
        """A grant that needs no more than its request."""
        grant = self.grants.begin(finding.operation, SCOPES, self.clock())
        grant.values = dict(self.values.at_start)
        return self.issuing.issue(grant, finding.operation)

    def _jwt_bearer(self, finding: Finding) -> Reply:
        problems = self.client.check_assertion(
            finding.own["assertion"],
            self.values.at_start,
            self.clock(),
            operation="jwt_bearer",
            subject=SUBJECT,
            scope=self.scopes.joined,
        )
        finding.problems += problems
        if self._refuse(finding):
            return json_reply({"error": "invalid_grant"}, 400)
        self.client.accept_assertions()
        return self._begin(finding)

    def _device_authorization(self, finding: Finding) -> Reply:
        del finding
        host = urlsplit(fill(self.entry.fact("endpoints.token"), self.values.at_start)).netloc
        paths = self.entry.fact("answer.token_paths", [""])
        body = put({}, "" if "" in paths else paths[0], self.devices.begin(f"https://{host}/device"))
        return encode(self.entry, add_success_marks(self.entry, body))

    def _device_code(self, finding: Finding) -> Reply:
        problem = self.devices.poll(finding.own["device_code"])
        if problem == "slow_down":
            self.violations.append("a device code was asked for too soon")
        return self._begin(finding) if problem is None else json_reply({"error": problem}, 400)

    def _authorization(self, finding: Finding) -> Reply:
        """The authorization URL that is only given out on request: the user has consented already."""
        query = self.page.come_back(finding.own["state"], finding.own.get("code_challenge"))
        path = self.entry.fact("requests.authorization.url_path", "")
        return encode(
            self.entry, add_success_marks(self.entry, put({}, path, f"{self.redirect_uri}?{query}"))
        )

    def _revocation(self, finding: Finding) -> Reply:
        token = _token_of(finding)
        grant = self.grants.find(token) if token else self.grants.latest
        if grant is None:
            finding.problems.append("the token was never issued")
        elif token:
            self._check_revoked(finding, grant, token)
        if not self._refuse(finding) and grant is not None:
            if token and not self.entry.fact("revocation.ends_grant", True):
                self.grants.issued[token][1].is_ended = True
            else:
                grant.end()
        return Reply(status=200, headers={"content-type": "application/json"})

    def _check_revoked(self, finding: Finding, grant: Grant, token: str) -> None:
        refresh_token = grant.refresh[-1].text if grant.refresh else None
        wanted = self.entry.fact("revocation.token")
        right = {
            "access_token": {grant.access[-1].text},
            "refresh_token": {refresh_token or grant.access[-1].text},
            None: {grant.access[-1].text, refresh_token},
        }
        if token not in right[wanted]:
            finding.problems.append(f"the token is not the grant's current {wanted or 'one'}")
        hint = finding.own.get("token_type_hint")
        if hint and (hint == "refresh_token") != (token == refresh_token):
            finding.problems.append("token_type_hint is wrong")

    def _refuse_grant(self, finding: Finding, why: str) -> Reply:
        self.violations.append(f"{finding.operation}: {why}")
        return dead_grant_answer(self.entry, finding.operation).reply_at(self.clock())


def _token_of(finding: Finding) -> str:
    own = finding.own
    return own.get("token") or own.get("refresh_token") or own.get("access_token") or ""
