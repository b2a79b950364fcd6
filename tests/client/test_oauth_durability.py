"""New tokens are durable before anybody gets them, and none are lost when they cannot be made so."""

import httpx
import pytest

from evertoken.client import FileTokenStorage, StorageError
from tests.client.oauth_world import KINDS, ListStorage, OAuthWorld


@pytest.fixture(params=KINDS)
def world(request):
    world = OAuthWorld(request.param)
    yield world
    world.close()


def test_tokens_are_saved_and_told_of_before_they_are_handed_out(world):
    storage, told = ListStorage(), []
    client = world.client(storage=storage, on_token_refresh=lambda tokens: told.append((tokens, held())))

    def held():
        return client.get_current_tokens()

    first = client.refresh(world.provider.rules.connect()["refresh_token"])
    second = client.refresh()
    assert storage.saved == [first, second]
    assert told == [(first, None), (second, first)]


def test_a_storage_that_fails_once_loses_nothing(world):
    storage = ListStorage()
    client, first = world.connected(storage=storage)
    storage.failures = [OSError(5, "Input/output error")]
    with pytest.raises(StorageError, match="saved again at the next call") as caught:
        client.refresh()
    assert caught.value.code == "STORAGE"
    assert client.get_current_tokens() == first, "nobody got the new tokens"
    second = client.refresh()
    assert world.count() == 2, "no second refresh: what was not saved is what comes back"
    assert storage.saved == [first, second]
    assert world.provider.rules.is_refreshable(second.refresh_token)


def test_the_next_call_for_a_token_saves_what_was_not_saved_although_nothing_is_due(world):
    storage = ListStorage()
    client, first = world.connected(storage=storage)
    storage.failures = [OSError(5, "Input/output error")]
    with pytest.raises(StorageError):
        client.refresh()
    second = client.get_token()
    assert second != first.access_token
    assert storage.saved[-1].access_token == second
    assert world.count() == 2


def test_a_callback_that_fails_once_loses_nothing(world):
    told = []

    def tell(tokens):
        told.append(tokens)
        if len(told) == 2:
            raise RuntimeError("the database is away")

    client, first = world.connected(on_token_refresh=tell)
    world.clock.move(3400)
    assert client.get_token() == first.access_token, "the old token is used while it lives"
    second = client.get_token()
    assert second != first.access_token
    assert [tokens.access_token for tokens in told] == [first.access_token, second, second]
    assert world.count() == 2
    assert world.provider.rules.is_refreshable(told[-1].refresh_token)


def test_with_a_storage_that_fails_for_ever_the_old_token_is_used_while_it_lives_and_then_the_error_says_why(
    world,
):
    storage = ListStorage()
    client, first = world.connected(storage=storage)
    storage.fails_for_ever = True
    world.clock.move(3400)
    assert [client.get_token() for _ in range(10)] == [first.access_token] * 10
    world.clock.move(300)
    for _ in range(3):
        with pytest.raises(StorageError, match=r"It raised OSError\..*mend the storage"):
            client.get_token()
    assert world.count() == 2, "no further refresh token is spent for tokens that cannot be kept"
    with pytest.raises(StorageError):
        client.close()
    storage.fails_for_ever = False
    client.close()
    assert world.provider.rules.is_refreshable(storage.saved[-1].refresh_token)


def test_what_another_process_saved_since_is_not_overwritten_by_what_was_unsaved(world):
    storage = ListStorage()
    client, _ = world.connected(storage=storage)
    storage.failures = [OSError(5, "Input/output error")]
    with pytest.raises(StorageError):
        client.refresh()
    authorized_anew = world.connected(storage=ListStorage())[1]
    storage.saved.append(authorized_anew)
    assert client.get_token() == authorized_anew.access_token
    assert storage.saved[-1] == authorized_anew


def test_closing_saves_what_could_not_be_saved(world):
    storage = ListStorage()
    client, _ = world.connected(storage=storage)
    storage.failures = [OSError(5, "Input/output error")]
    with pytest.raises(StorageError):
        client.refresh()
    client.close()
    assert world.provider.rules.is_refreshable(storage.saved[-1].refresh_token)


def test_the_tokens_of_a_code_survive_a_storage_that_fails_once(world):
    storage = ListStorage()
    client, _ = world.connected(storage=storage)
    request = client.authorization_url()
    storage.failures = [OSError(5, "Input/output error")]
    with pytest.raises(StorageError):
        client.exchange_code(callback_of(world, request))
    tokens = client.refresh()
    assert tokens.grant == "authorization_code"
    assert storage.saved[-1] == tokens
    assert len(world.provider.ledger.find_requests("token", outcome="ok")) == 2


def test_a_storage_that_cannot_be_read_is_noticed_before_a_code_is_spent(world, tmp_path):
    path = tmp_path / "tokens.json"
    path.write_text("somebody's notes")
    client = world.client(storage=FileTokenStorage(path))
    with pytest.raises(StorageError, match="not a file of tokens"):
        client.exchange_code(callback_of(world, client.authorization_url()))
    assert world.count() == 0
    assert path.read_text() == "somebody's notes"


def test_tokens_of_another_client_are_neither_sent_nor_overwritten(world):
    storage = ListStorage()
    _, first = world.connected(storage=storage)
    other = world.client(world.config(client_id="client-2"), storage=storage)
    with pytest.raises(StorageError, match="another client_id"):
        other.get_token()
    with pytest.raises(StorageError, match="another client_id"):
        other.refresh("anything")
    assert storage.saved == [first]
    assert world.count() == 1


def test_a_storage_that_returns_something_else_is_named(world):
    storage = ListStorage()
    storage.saved.append({"access_token": "canary"})
    with pytest.raises(StorageError, match=r"load\(\) returned dict") as caught:
        world.client(storage=storage).get_token()
    assert "canary" not in str(caught.value)


def callback_of(world, request):
    answer = httpx.get(request.url, trust_env=False)
    assert answer.status_code == 302
    return answer.headers["location"]
