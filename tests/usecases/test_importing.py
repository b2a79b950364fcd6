"""Import: what is refused, what is assumed, what is due when, and how the first publication makes its secret."""

import threading
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest

from evertoken.domain.connection import ConnectionStatus, PublicationMode, RefreshPolicy
from evertoken.domain.errors import InvalidInputError, PublisherUnavailableError, StoreUnavailableError
from evertoken.domain.grant import Grant
from evertoken.domain.hint import Hint
from evertoken.domain.import_row import ImportRow, ImportStatus
from evertoken.domain.origin import Trigger
from evertoken.domain.publication import NO_SECRET_YET
from evertoken.usecases.attend_connection import attend_connection
from evertoken.usecases.disconnect_connection import disconnect_connection
from evertoken.usecases.hold_connection import hold_connection
from evertoken.usecases.import_connections import (
    PUBLICATIONS_PER_SECOND,
    ImportDependencies,
    import_connections,
)
from evertoken.usecases.publish_connection import PublishDependencies, PublishResult, publish_connection
from evertoken.usecases.refresh_attempt import RefreshDependencies, RefreshReason, RefreshResultKind
from evertoken.usecases.refresh_connection import refresh_connection
from evertoken.usecases.scan_due import TICK_SECONDS
from tests.fakes.queue import FakeRescueSink
from tests.simulation.numbered import CALLED, Killed, Numbered, disturb
from tests.usecases.connecting_world import DOCUMENT, World

SHOPS = {
    **DOCUMENT,
    "parameters": {"shop": {"description": "the shop's name", "example": "acme"}},
    "endpoints": {
        "authorization": "https://{shop}.as.example/authorize",
        "token": "https://{shop}.as.example/token",
    },
}


class ImportWorld(World):
    """The use cases of connecting, with imports and refreshes."""

    def __init__(self, *args, **registration):
        super().__init__(*args, **registration)
        parts = self.establishing
        self.importing = ImportDependencies(
            registrations=self.registrations,
            directory=self.directory,
            store=self.store,
            sealer=self.sealer,
            clock=self.clock,
            randomness=parts.randomness,
            minimum_published_lifetime_seconds=900,
            consent_notice_days=14,
        )
        self.refreshing = RefreshDependencies(
            store=self.store,
            directory=self.directory,
            sealer=self.sealer,
            transport=self.transport,
            signer=self.signer,
            publisher=self.publisher,
            rescue=FakeRescueSink(self.clock),
            clock=self.clock,
            randomness=parts.randomness,
            timing=parts.timing,
        )

    def row(self, **changes):
        given = {"provider_id": "fake", "user_id": "ann", "access_token": "a-1", "refresh_token": "r-1"}
        return ImportRow(**{**given, **changes})

    def bring(self, *rows, tenant_id="acme", seconds=25.0, deps=None):
        return import_connections(
            deps or self.importing, tenant_id, rows, invocation=self.invocation(seconds)
        )

    def bring_one(self, **changes):
        """Import one row that must come in, and return its connection."""
        (result,) = self.bring(self.row(**changes))
        assert result.status is ImportStatus.IMPORTED, result
        return self.connection(result)

    def refused(self, **changes):
        """Import one row that must not come in, and return what is said of it."""
        (result,) = self.bring(self.row(**changes))
        assert (result.status, result.code) == (ImportStatus.FAILED, "BAD_REQUEST"), result
        assert self.store.writes == 0
        return result.message

    def connection(self, result):
        return next(row for row in self.store.history if row.connection_id == result.connection_id)

    def later(self, seconds):
        return self.clock.now() + timedelta(seconds=seconds)


@pytest.fixture
def world():
    return ImportWorld()


def test_an_imported_connection_is_active_sealed_and_owes_its_first_publication(world):
    row = world.bring_one(
        expires_at=world.later(3000), account="acc", name="n", display_name="d", scope="read"
    )
    assert (row.status, row.epoch, row.generation) == (ConnectionStatus.ACTIVE, 1, 1)
    assert (row.account, row.name, row.display_name, row.scope) == ("acc", "n", "d", "read")
    assert (row.publication_number, row.published_number) == (1, NO_SECRET_YET)
    assert row.origin.trigger is Trigger.IMPORT
    assert row.due_at == world.clock.now()
    assert row.refresh_at > world.clock.now()
    stored = world.stored(row)
    assert (stored.access_token, stored.refresh_token) == ("a-1", "r-1")
    assert (stored.context.grant, stored.context.granted_at) == (Grant.AUTHORIZATION_CODE, None)
    assert world.publisher.writes == 0, "the publication follows, an import does not wait for it"


def test_an_import_is_repeated_without_harm_and_never_overwrites(world):
    first = world.bring_one(expires_in_seconds=3000)
    (again,) = world.bring(world.row(access_token="a-2", refresh_token="r-2", expires_in_seconds=3600))
    assert (again.status, again.connection_id) == (ImportStatus.EXISTS, first.connection_id)
    assert world.store.get(first.key) == first
    assert world.store.writes == 1


def test_of_several_rows_of_one_account_the_first_comes_in_however_slowly_it_is_written(world):
    writes = []
    second_tried = threading.Event()

    def slow_first(port, method, effect):
        writes.append(method)
        if len(writes) > 1:
            second_tried.set()
            return effect()
        second_tried.wait(0.3)
        return effect()

    deps = replace(world.importing, store=Numbered("store", world.store, slow_first))
    rows = [world.row(access_token=token, expires_in_seconds=3000) for token in ("a-1", "a-2", "a-3")]
    results = world.bring(*rows, deps=deps)
    assert [one.status.value for one in results] == ["imported", "exists", "exists"]
    assert len({one.connection_id for one in results}) == 1
    assert world.stored(world.connection(results[0])).access_token == "a-1"


def test_an_account_that_was_connected_before_is_left_as_it_is(world):
    connected = world.connect().connection
    (result,) = world.bring(world.row())
    assert (result.status, result.connection_id) == (ImportStatus.EXISTS, connected.connection_id)


def test_a_connect_after_an_import_finds_the_imported_connection(world):
    row = world.bring_one(expires_in_seconds=3000)
    connected = world.connect().connection
    assert (connected.connection_id, connected.epoch) == (row.connection_id, 2)
    assert world.publisher.read(row.key)["access_token"] == "canary-access"


def test_a_bad_row_is_told_by_its_position_and_the_good_ones_live(world):
    results = world.bring(
        world.row(user_id="u-0"),
        InvalidInputError("scope: wrong."),
        world.row(user_id="u-2", access_token=None, refresh_token=None),
        world.row(user_id="u-3", provider_id="nowhere"),
        world.row(user_id="u-4", registration_id="fake-acme"),
        world.row(user_id="u-5", registration_id="another"),
    )
    assert [result.position for result in results] == list(range(6))
    assert [result.status.value for result in results] == [
        "imported",
        "failed",
        "failed",
        "failed",
        "imported",
        "failed",
    ]
    assert [result.code for result in results] == [
        None,
        "BAD_REQUEST",
        "BAD_REQUEST",
        "UNKNOWN_PROVIDER",
        None,
        "UNKNOWN_REGISTRATION",
    ]
    assert results[1].message == "scope: wrong."


def test_a_tenant_that_the_registration_does_not_name_imports_nothing(world):
    (result,) = world.bring(world.row(registration_id="fake-acme"), tenant_id="other")
    assert result.code == "UNKNOWN_REGISTRATION"
    assert world.store.writes == 0


def test_a_registration_is_made_ready_once_for_all_its_rows(world):
    calls = []

    def count(port, method, effect):
        calls.append(f"{port}.{method}")
        return effect()

    deps = replace(
        world.importing,
        directory=Numbered("directory", world.directory, count),
        store=Numbered("store", world.store, count),
        sealer=Numbered("sealer", world.sealer, count),
    )
    world.bring(*(world.row(user_id=f"u-{number}") for number in range(50)), deps=deps)
    assert calls.count("directory.get_ready") == 1
    assert calls.count("sealer.make_ready") == 1
    assert [call for call in calls if call.startswith("store.")] == ["store.import_connection"] * 50


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"access_token": None, "refresh_token": None}, "access_token, refresh_token:"),
        ({"refresh_token": None, "expires_in_seconds": 0}, "refresh_token: it is missing"),
        ({"expires_in_seconds": 60, "expires_at": "in an hour"}, "expires_at, expires_in:"),
        ({"issued_at": "in an hour"}, "issued_at: it is in the future"),
        ({"issued_at": "now", "expires_at": "an hour ago"}, "issued_at: it is later than expires_at"),
        ({"refresh_token_expires_at": "an hour ago"}, "refresh_token_expires_at:"),
        ({"parameters": {"colour": "red"}}, "parameters:"),
        (
            {"publication": PublicationMode.SECRETS_MANAGER, "issued_at": "now", "expires_in_seconds": 300},
            "publication: this token lives 300 s",
        ),
    ],
)
def test_a_row_that_cannot_be_is_refused_with_its_field_and_no_token(world, changes, field):
    instants = {"now": world.later(0), "in an hour": world.later(3600), "an hour ago": world.later(-3600)}
    given = {
        name: instants.get(value, value) if isinstance(value, str) else value
        for name, value in changes.items()
    }
    message = world.refused(**given)
    assert message.startswith(field)
    assert "a-1" not in message
    assert "r-1" not in message


def test_a_provider_that_renews_no_expired_token_gets_none():
    world = ImportWorld({**DOCUMENT, "refresh": {"after_expiry": False}})
    assert "renews no expired one" in world.refused(expires_at=world.later(-60))


def test_a_consent_whose_begin_is_told_is_forecast():
    world = ImportWorld({**DOCUMENT, "lifetimes": {"grant_seconds": 30 * 86_400}})
    row = world.bring_one(expires_in_seconds=3000, granted_at=world.later(-10 * 86_400))
    assert row.consent_ends_at == row.refresh_token_expires_at == world.later(20 * 86_400)
    assert row.consent_notice_at == world.later(6 * 86_400)
    assert world.bring_one(user_id="bob", expires_in_seconds=3000).consent_ends_at is None


def test_tokens_of_the_client_itself_are_not_imported():
    world = ImportWorld({**DOCUMENT, "grants": ["client_credentials"]})
    assert "nothing has to be imported" in world.refused()


@pytest.mark.parametrize("access_token", ["a-1", None])
def test_what_is_expired_and_can_be_refreshed_is_due_at_once_and_never_published(world, access_token):
    row = world.bring_one(access_token=access_token, expires_at=world.later(-60) if access_token else None)
    assert row.due_at == world.clock.now()
    assert row.refresh_at <= world.clock.now()
    assert row.lives_for(world.clock.now()) <= 0
    assert row.publication_number == 0, "readers of the secret see that there is none"
    result = refresh_connection(
        world.refreshing, row.key, reason=RefreshReason.READ, invocation=world.invocation()
    )
    assert result.kind is RefreshResultKind.REFRESHED
    assert world.publisher.read(row.key)["access_token"] == "canary-access"
    assert world.store.get(row.key).published_number == 1


def test_a_token_whose_end_nobody_knows_is_renewed_at_once(world):
    row = world.bring_one()
    assert row.refresh_at == world.clock.now()
    assert row.expires_at == world.later(3600), "it is served meanwhile, as the entry says that tokens live"
    unrenewable = world.bring_one(user_id="bob", refresh_token=None)
    assert unrenewable.refresh_at == unrenewable.expires_at


def test_a_token_that_is_nearly_over_is_not_taken_for_one_that_lives_shortly(world):
    row = world.bring_one(expires_in_seconds=300)
    assert row.policy is RefreshPolicy.SCHEDULED
    assert row.publication is PublicationMode.SECRETS_MANAGER
    assert row.refresh_at < world.clock.now()


@pytest.mark.parametrize("left", [None, -60, 300])
def test_where_the_entry_knows_no_life_what_is_left_of_a_token_is_not_taken_for_one(left):
    """Some providers' tokens end only where their client chose so (GitHub, Slack): the entry says never, the row knows better."""
    world = ImportWorld({**DOCUMENT, "lifetimes": {"access_token_seconds": "never"}})
    given = {"access_token": None} if left is None else {"expires_at": world.later(left)}
    row = world.bring_one(**given)
    assert (row.policy, row.publication) == (RefreshPolicy.SCHEDULED, PublicationMode.SECRETS_MANAGER)
    assert row.due_at == world.clock.now()
    assert row.refresh_at is not None
    asked = world.bring_one(user_id="bob", publication=PublicationMode.SECRETS_MANAGER, **given)
    assert asked.publication is PublicationMode.SECRETS_MANAGER


def test_a_token_that_lives_shortly_is_lazy_and_served_by_the_api_alone(world):
    row = world.bring_one(issued_at=world.clock.now(), expires_in_seconds=300)
    assert (row.policy, row.publication) == (RefreshPolicy.LAZY, PublicationMode.API_ONLY)
    assert (row.publication_number, row.published_number) == (0, 0)
    assert row.due_at == row.refresh_at


def test_a_connection_of_the_api_alone_owes_nothing_and_is_due_by_its_plan(world):
    row = world.bring_one(publication=PublicationMode.API_ONLY, expires_in_seconds=3600)
    assert not row.owes_publication
    assert row.due_at == row.refresh_at


def test_template_parameters_must_be_whole_and_are_kept(world):
    world = ImportWorld(SHOPS)
    assert world.refused().startswith("parameters.shop")
    row = world.bring_one(parameters={"shop": "one"})
    assert world.stored(row).context.parameters == {"shop": "one"}
    refresh_connection(
        world.refreshing, row.key, reason=RefreshReason.REJECTED, invocation=world.invocation()
    )


def test_scopes_that_the_registration_asks_for_and_the_row_lacks_are_missing():
    world = ImportWorld(scopes=("read", "write"))
    assert world.bring_one(scope="read").missing_scope == "write"
    assert world.bring_one(user_id="bob", scope=None).missing_scope == ""


def test_first_publications_are_due_at_their_pace(world):
    rows = [world.row(user_id=f"u-{number}") for number in range(4 * PUBLICATIONS_PER_SECOND)]
    rows.insert(1, InvalidInputError("no row takes no place"))
    results = world.bring(*rows)
    due = [world.connection(one).due_at for one in results if one.connection_id]
    assert due == sorted(due)
    assert due[:PUBLICATIONS_PER_SECOND] == [world.clock.now()] * PUBLICATIONS_PER_SECOND
    # Whenever the scanner comes within its minute, it sees these before they are due, and delays each hint to its own instant.
    for second in range(3):
        begin = TICK_SECONDS + second
        within = [at for at in due if world.later(begin) <= at < world.later(begin + 1)]
        assert len(within) == PUBLICATIONS_PER_SECOND
    assert due[-1] < world.later(TICK_SECONDS + 3)


def test_a_row_that_was_not_acknowledged_is_written_again_and_recognises_itself(world):
    disturbed = []

    def lose_first(port, method, effect):
        fault = None if disturbed else CALLED[-1]
        disturbed.append(method)
        return disturb(fault, port, effect)

    deps = replace(world.importing, store=Numbered("store", world.store, lose_first))
    (result,) = world.bring(world.row(), deps=deps)
    assert result.status is ImportStatus.IMPORTED
    assert disturbed == ["import_connection"] * 2


def test_a_store_that_is_down_is_told_row_by_row_and_asked_a_few_times(world):
    asked = []

    def refuse(port, method, effect):
        asked.append(method)
        raise StoreUnavailableError("down")

    deps = replace(world.importing, store=Numbered("store", world.store, refuse))
    results = world.bring(world.row(), deps=deps)
    assert [(one.status.value, one.code) for one in results] == [("failed", "STORE_UNAVAILABLE")]
    assert len(asked) == 3


def test_no_row_is_begun_that_the_platform_would_cut_off(world):
    (result,) = world.bring(world.row(), seconds=5.0)
    assert result.code == "STORE_UNAVAILABLE"
    assert world.store.writes == 0


# the first publication


def publishing(world, gate=None):
    store, publisher = world.store, world.publisher
    if gate is not None:
        store, publisher = Numbered("store", store, gate), Numbered("publisher", publisher, gate)
    return PublishDependencies(store=store, publisher=publisher, sealer=world.sealer, clock=world.clock)


def publish(world, row, gate=None):
    return publish_connection(publishing(world, gate), row)


def test_the_first_publication_makes_the_empty_secret_and_then_puts(world):
    calls = []

    def note(port, method, effect):
        calls.append(method)
        return effect()

    row = world.bring_one(expires_in_seconds=3000)
    assert publish(world, row, note) is PublishResult.PUBLISHED
    assert calls == ["create_empty", "put", "acknowledge_publication"]
    assert world.publisher.read(row.key)["access_token"] == "a-1"
    now = world.store.get(row.key)
    assert (now.published_number, now.due_at) == (1, now.refresh_at)
    assert publish(world, now, note) is PublishResult.NOTHING_OWED


def test_a_connection_without_a_live_token_gets_the_empty_secret_alone(world):
    row = world.bring_one(access_token=None)
    assert publish(world, row) is PublishResult.PUBLISHED
    assert world.publisher.secrets[row.key].shown == [0]
    assert world.store.get(row.key).published_number == 0


def test_a_row_without_an_access_token_shows_readers_none_whatever_happens_before_its_first_refresh(world):
    row = world.bring_one(access_token=None)
    for on_hold in (True, False):
        hold_connection(world.refreshing, row.key, on_hold=on_hold, invocation=world.invocation())
    assert not world.store.get(row.key).owes_publication
    assert world.publisher.read(row.key)["access_token"] is None


def test_a_hold_or_a_disconnect_before_the_first_publication_withdraws_what_was_never_shown(world):
    for user_id, end in (("ann", hold), ("bob", disconnect)):
        row = world.bring_one(user_id=user_id, expires_in_seconds=3000)
        end(world, row)
        shown = [version.content for version in world.publisher.secrets[row.key].versions.values()]
        assert not any("a-1" in content for content in shown)
        assert not world.store.get(row.key).owes_publication


def hold(world, row):
    hold_connection(world.refreshing, row.key, on_hold=True, invocation=world.invocation())


def disconnect(world, row):
    disconnect_connection(world.refreshing, row.key, invocation=world.invocation())


CALLS = 3
"""create_empty, put, acknowledge_publication: the test before says so."""
MEANWHILE = {
    "nothing": lambda world, row: None,
    "another publisher": publish,
    "a hold": hold,
    "a disconnect": disconnect,
    "a refresh": lambda world, row: refresh_connection(
        world.refreshing, row.key, reason=RefreshReason.REJECTED, invocation=world.invocation()
    ),
}


@pytest.mark.parametrize("meanwhile", MEANWHILE)
@pytest.mark.parametrize("fault", [None, *CALLED])
@pytest.mark.parametrize("position", range(CALLS))
@pytest.mark.parametrize("is_late", [False, True])
def test_publishers_that_race_or_die_anywhere_end_with_what_the_row_says(
    world, position, fault, meanwhile, is_late
):
    """A put before its secret would be refused for good by the fake, as by Secrets Manager, and fail this test."""
    row = world.bring_one(expires_in_seconds=3000)
    world.clock.advance(60)
    made = []

    def gate(port, method, effect):
        made.append(method)
        if len(made) - 1 != position:
            return effect()
        MEANWHILE[meanwhile](world, row)

        def effect_after_everything_else():
            world.publisher.delay_next()
            return effect()

        delayed = is_late and port == "publisher"
        return disturb(fault, port, effect_after_everything_else if delayed else effect)

    with suppress(Killed, PublisherUnavailableError, StoreUnavailableError):
        publish(world, row, gate)
    assert "put" not in made or made.index("create_empty") < made.index("put")
    for _ in range(3):
        now = world.store.get(row.key)
        if now.owes_publication:
            publish(world, now)
    while world.publisher.under_way:
        world.publisher.land()
    now = world.store.get(row.key)
    assert now.published_number == now.publication_number
    shown = world.publisher.read(row.key)
    expected = None if now.is_withdrawn else world.stored(now).access_token
    assert shown["access_token"] == expected
    assert world.publisher.number_shown(row.key) == now.publication_number


def test_a_publisher_that_forgets_the_secret_is_refused(world):
    row = world.bring_one(expires_in_seconds=3000)
    with pytest.raises(RuntimeError, match="ResourceNotFoundException"):
        publish(world, replace(row, published_number=0))


@pytest.mark.parametrize("fault", [CALLED[0], CALLED[1], CALLED[-1]])
@pytest.mark.parametrize("position", range(6))
def test_a_refresh_of_an_unpublished_row_may_die_anywhere_and_the_worker_ends_it(world, position, fault):
    row = world.bring_one(expires_at=world.later(-60))
    made = []

    def gate(port, method, effect):
        made.append(method)
        return disturb(fault if len(made) - 1 == position else None, port, effect)

    ports = {name: Numbered(name, getattr(world.refreshing, name), gate) for name in ("store", "publisher")}
    with suppress(Killed, PublisherUnavailableError, StoreUnavailableError):
        refresh_connection(
            replace(world.refreshing, **ports),
            row.key,
            reason=RefreshReason.READ,
            invocation=world.invocation(),
        )
    assert len(made) > position
    for _ in range(3):
        world.clock.advance(90)
        now = world.store.get(row.key)
        if now.due_at is not None and now.due_at <= world.clock.now():
            hint = Hint(
                key=now.key,
                epoch=now.epoch,
                generation=now.generation,
                provider_id=now.provider_id,
                registration_id=now.registration_id,
                key_id=now.sealed.key_id,
            )
            attend_connection(world.refreshing, hint, invocation=world.invocation())
    now = world.store.get(row.key)
    assert not now.owes_publication
    shown = world.publisher.read(row.key)
    assert shown["access_token"] == (world.stored(now).access_token if now.generation > 1 else None), (
        "never a token that is over"
    )
    assert world.publisher.secrets[row.key].shown[0] == 0
