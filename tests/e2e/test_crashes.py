"""SIGKILL of the refresher, the built one, before and after each numbered port call; the provider's own ledger is the judge.

The clocks of these refreshers and scanners are ahead, so that tokens of an hour are due now and a lease can end without anybody waiting
a minute for it. For the deployed functions beside them nothing is due.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, get_type_hints

import pytest

from evertoken.usecases.refresh_attempt import RefreshDependencies
from tests.e2e.hints import build_hint, build_sqs_event
from tests.e2e.http_api import document
from tests.e2e.installation import Installation, Team, new_name
from tests.e2e.scripted_site import ScriptedSite, open_site
from tests.support.lambda_function import BuiltFunction
from tests.support.lambda_sandbox import LambdaSandbox
from tests.support.provider_profile import STATIC, STRICT, ProviderProfile
from tests.support.stack import load_functions_of

pytestmark = pytest.mark.usefixtures("stories")

KILL_SWITCH = Path(__file__).with_name("kill_switch")
HOUR = 3600
DUE_SECONDS = 3000
"""So far ahead, a token of an hour is due, and lives."""
REPAIRS = (DUE_SECONDS + 65, 3500, 3570, 3640)
"""The clocks of the repair runs: the lease has ended; the token is about to expire; twice more for what waits a minute."""
WINDOW = ("transport send after", "sealer seal before", "sealer seal after", "store commit_token_set before")
"""Where a provider that rotates has committed and we have not: the stated window."""
KINDS = {"static": STATIC, "strict": STRICT}


@dataclass(slots=True, kw_only=True)
class Victim:
    """A connection whose refresher was killed at one point."""

    kind: str
    point: str
    view: dict[str, Any]
    first_token: str
    shown: list[int] = field(default_factory=list)

    @property
    def is_in_window(self) -> bool:
        return self.kind == "strict" and self.point in WINDOW


class Workshop:
    """Built functions of the stack, started with a clock and a kill switch."""

    def __init__(self, installation: Installation, directory: Path) -> None:
        self.installation = installation
        self.directory = directory
        self.functions = load_functions_of(installation.stack, installation.aws)
        sqs = installation.aws.client("sqs")
        self.hint_queue_url = sqs.create_queue(QueueName=new_name("hints"))["QueueUrl"]

    def build(
        self, name: str, *, ahead: int, log: Path | None = None, kill_at: str = "", **more: str
    ) -> BuiltFunction:
        function = self.functions[name]
        path = f"{KILL_SWITCH}:{function.code}:{function.layer / 'python'}"
        switches = {"TEST_CLOCK_AHEAD": str(ahead), "TEST_KILL_AT": kill_at, "PYTHONPATH": path}
        if log is not None:
            switches["TEST_CALL_LOG"] = str(log)
        return replace(function, environment={**function.environment, **switches, **more})

    def refresh(
        self, bodies: list[str], *, ahead: int, kill_at: str = "", log: Path | None = None
    ) -> str | None:
        """Hand a batch of hints to a refresher of its own; returns how it died, or None."""
        function = self.build("refresher", ahead=ahead, kill_at=kill_at, log=log)
        with LambdaSandbox(function) as sandbox:
            done = sandbox.invoke(build_sqs_event(self.installation, bodies))
        if done.error_type is None:
            assert done.payload == {"batchItemFailures": []}, done.log
        return done.error_type

    def scan(self, *, ahead: int) -> list[str]:
        """Run the built scanner and return the hints that it sent; they go to a queue that nobody serves."""
        root = self.installation.stack.build_aws_environment() | {"AWS_SESSION_TOKEN": ""}
        function = self.build("scanner", ahead=ahead, HINT_QUEUE_URL=self.hint_queue_url, **root)
        with LambdaSandbox(function) as sandbox:
            done = sandbox.invoke({})
        assert done.error_type is None, done.log
        return self._receive(done.payload["hints"])

    def _receive(self, count: int) -> list[str]:
        client, bodies = self.installation.aws.client("sqs"), []
        while len(bodies) < count:
            # Hints for later are delayed; nobody here waits for them.
            page = client.receive_message(QueueUrl=self.hint_queue_url, MaxNumberOfMessages=10).get(
                "Messages", []
            )
            if not page:
                break
            bodies += [message["Body"] for message in page]
            entries = [{"Id": str(i), "ReceiptHandle": m["ReceiptHandle"]} for i, m in enumerate(page)]
            client.delete_message_batch(QueueUrl=self.hint_queue_url, Entries=entries)
        return bodies


@pytest.fixture(scope="module")
def team(installation: Installation) -> Team:
    return installation.team(new_name("crash"))


@pytest.fixture(scope="module")
def sites(installation: Installation, team: Team) -> Iterator[dict[str, ScriptedSite]]:
    with (
        open_site(
            installation, team.tenant_id, rotation="static", profile=ProviderProfile(rotation=STATIC)
        ) as static,
        open_site(
            installation, team.tenant_id, rotation="strict", profile=ProviderProfile(rotation=STRICT)
        ) as strict,
    ):
        yield {"static": static, "strict": strict}


@pytest.fixture(scope="module")
def workshop(installation: Installation, tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    return Workshop(installation, tmp_path_factory.mktemp("crashes"))


@pytest.fixture(scope="module")
def calls(workshop: Workshop, sites: dict[str, ScriptedSite], team: Team) -> list[str]:
    """The log of a refresh that nobody disturbs."""
    connected = connect(sites["static"], team)
    log = workshop.directory / "undisturbed"
    assert workshop.refresh([build_hint(team, connected, asked=False)], ahead=DUE_SECONDS, log=log) is None
    assert team.view(connected["connection_id"])["generation"] == 2
    return log.read_text().splitlines()


def connect(site: ScriptedSite, team: Team) -> dict[str, Any]:
    return team.connect(site.provider_id, user_id=new_name("user"))


@pytest.fixture(scope="module")
def victims(workshop: Workshop, sites: dict[str, ScriptedSite], team: Team, calls: list[str]) -> list[Victim]:
    """One connection for each kind of provider and each kill; each refresher is dead when this returns."""
    plans = [(kind, call, when) for kind in KINDS for call in calls for when in ("before", "after")]

    def kill(plan: tuple[str, str, str]) -> Victim:
        kind, call, when = plan
        number, port, method = call.split()
        view = connect(sites[kind], team)
        token = document(team.read(view["connection_id"]))["access_token"]
        victim = Victim(kind=kind, point=f"{port} {method} {when}", view=view, first_token=token)
        look(workshop.installation, victim)
        hint = build_hint(team, view, asked=False)
        died = workshop.refresh([hint], ahead=DUE_SECONDS, kill_at=f"{number} {when}")
        assert died == "Runtime.ExitError", f"{victim.point}: {died}"
        look(workshop.installation, victim)
        return victim

    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(kill, plans))


@pytest.fixture(scope="module")
def repaired(workshop: Workshop, victims: list[Victim]) -> list[Victim]:
    """The victims after the service has come round a few times."""
    ours = {victim.view["connection_id"] for victim in victims}
    for ahead in REPAIRS:
        hints = [body for body in workshop.scan(ahead=ahead) if json.loads(body)["connection_id"] in ours]
        for start in range(0, len(hints), 10):
            assert workshop.refresh(hints[start : start + 10], ahead=ahead) is None
        for victim in victims:
            look(workshop.installation, victim)
    return victims


def look(installation: Installation, victim: Victim) -> None:
    """Note which generation a reader of Secrets Manager sees."""
    victim.shown.append(installation.read_secret(victim.view["secret_name"])["generation"])


def test_every_port_call_of_a_refresh_has_a_number_and_no_call_goes_past_the_ports(calls: list[str]) -> None:
    kinds = get_type_hints(RefreshDependencies)
    ports = {name: kind for name, kind in kinds.items() if getattr(kind, "_is_protocol", False)}
    assert [line for line in calls if line.startswith("-")] == []
    for position, line in enumerate(calls, start=1):
        number, port, method = line.split()
        assert int(number) == position
        assert method in {name for name, _ in inspect.getmembers(ports[port], inspect.isfunction)}
    made = [line.split(maxsplit=1)[1] for line in calls]
    assert made == [
        "directory get_ready",
        "sealer make_ready",
        "store acquire_lease",
        "sealer open",
        "transport send",
        "sealer seal",
        "store commit_token_set",
        "publisher put",
        "store acknowledge_publication",
    ]
    assert set(WINDOW) <= {f"{call} {when}" for call in made for when in ("before", "after")}


def test_after_a_kill_anywhere_the_service_mends_itself_and_only_the_stated_window_loses_a_grant(
    repaired: list[Victim], sites: dict[str, ScriptedSite], team: Team
) -> None:
    for victim in repaired:
        site, name = sites[victim.kind], f"{victim.kind}: {victim.point}"
        view = team.view(victim.view["connection_id"])
        token = document(team.read(victim.view["connection_id"]))
        assert site.provider.rules.accepts(token["access_token"]), name
        if victim.is_in_window:
            assert view["status"] == "reauthorization_required", name
            assert view["failure"]["cause"] == "lost_response", name
            assert token["access_token"] == victim.first_token, name
            continue
        assert (view["status"], view["generation"], view["failure"]) == ("active", 2, None), name
        assert site.provider.rules.is_refreshable(site.newest_refresh_token(token["access_token"]).value), (
            name
        )


def test_after_a_kill_anywhere_no_more_requests_are_sent_than_the_protocol_allows(
    repaired: list[Victim], sites: dict[str, ScriptedSite]
) -> None:
    for victim in repaired:
        site, name = sites[victim.kind], f"{victim.kind}: {victim.point}"
        posts = site.posts_of(victim.first_token)
        was_sent_and_forgotten = victim.point in WINDOW
        assert posts == (2 if was_sent_and_forgotten else 1), name
        ledger = site.provider.ledger
        for refresh_token in [token for token in ledger.tokens.values() if token.kind == "refresh"]:
            assert ledger.count_overlaps(refresh_token.value) == 0


def test_after_a_kill_anywhere_readers_of_the_secret_never_see_an_older_generation_again(
    repaired: list[Victim], team: Team, installation: Installation
) -> None:
    for victim in repaired:
        name = f"{victim.kind}: {victim.point}"
        assert victim.shown == sorted(victim.shown), name
        token = document(team.read(victim.view["connection_id"]))
        published = installation.read_secret(victim.view["secret_name"])
        assert published["access_token"] == token["access_token"], name
        assert victim.shown[-1] == token["generation"], name
