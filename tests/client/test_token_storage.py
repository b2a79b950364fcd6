"""The file of tokens: for its owner's eyes, whole or not at all, and one refresh for all processes."""

import json
import os
import stat
import subprocess
import sys
import textwrap
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest

from evertoken.client import FileTokenStorage, MemoryTokenStorage, OAuthTokens, StorageError
from tests.client.oauth_world import CLIENT_ID, CLIENT_SECRET, OAuthWorld
from tests.support.provider_faults import delay

NOW = datetime(2026, 11, 21, 12, 0, 0, 250_000, tzinfo=UTC)


def tokens(**changes):
    return OAuthTokens(
        **{
            "access_token": "canary-access",
            "refresh_token": "canary-refresh",
            "issued_at": NOW,
            "expires_at": NOW + timedelta(hours=1),
            "scope": "read",
            "grant": "authorization_code",
            "extra": {"accountId": "A1", "nested": {"list": [1, None, "é"]}},
            **changes,
        }
    )


@pytest.fixture
def path(tmp_path):
    return tmp_path / "deep" / "tokens.json"


def test_what_is_saved_is_loaded(path):
    storage = FileTokenStorage(path)
    assert storage.load() is None
    for saved in (tokens(), tokens(refresh_token=None, expires_at=None)):
        storage.save(saved)
        assert FileTokenStorage(path).load() == saved


def test_the_file_is_for_its_owner_alone_whatever_the_umask(path):
    before = os.umask(0)
    try:
        FileTokenStorage(path).save(tokens())
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [one.name for one in path.parent.iterdir()] == ["tokens.json"]


def test_a_file_that_others_could_read_is_closed_by_the_next_save(path):
    storage = FileTokenStorage(path)
    storage.save(tokens())
    path.chmod(0o644)
    storage.save(tokens(access_token="canary-2"))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_link_is_followed_and_stays_a_link(path, tmp_path):
    link = tmp_path / "link.json"
    path.parent.mkdir()
    link.symlink_to(path)
    FileTokenStorage(link).save(tokens())
    assert link.is_symlink()
    assert FileTokenStorage(path).load() == tokens()


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "not JSON"),
        (b"not json canary", "not JSON"),
        (b"\xff\xfe\x00", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "not marked"),
        (b'{"access_token": "canary"}', "not marked"),
        (b'{"format": "evertoken-oauth-tokens", "version": 2}', "another version"),
        (b'{"format": "evertoken-oauth-tokens", "version": 1}', "not an object"),
        (b" " * 1_000_001, "too large"),
        (json.dumps({"format": "evertoken-oauth-tokens", "version": 1, "tokens": {"access_token": 1}}).encode(), "access_token"),
    ],
)  # fmt: skip
def test_a_file_of_another_kind_is_neither_read_nor_overwritten(path, content, problem):
    path.parent.mkdir()
    path.write_bytes(content)
    storage = FileTokenStorage(path)
    for attempt in (storage.load, lambda: storage.save(tokens())):
        with pytest.raises(StorageError, match=problem) as caught:
            attempt()
        assert "canary" not in "".join((str(caught.value), repr(caught.value.__cause__)))
        assert "move it away" in str(caught.value)
    assert path.read_bytes() == content
    assert len(list(path.parent.iterdir())) == 1


@pytest.mark.parametrize("member", ["issued_at", "expires_at", "grant", "extra", "refresh_token", "scope"])
def test_a_member_of_another_shape_is_named(member):
    document = tokens().to_document()
    with pytest.raises(ValueError, match=member):
        OAuthTokens.from_document({**document, member: 7})


def test_a_directory_that_cannot_be_written_is_named_with_its_mend(tmp_path):
    blocker = tmp_path / "file"
    blocker.write_text("")
    with pytest.raises(StorageError, match=r"cannot be (read|written) \(Not a directory\)\. Give"):
        FileTokenStorage(blocker / "tokens.json").save(tokens())


def test_what_json_does_not_have_is_refused_and_the_old_file_stays(path):
    storage = FileTokenStorage(path)
    storage.save(tokens())
    with pytest.raises(StorageError, match="extra"):
        storage.save(tokens(extra={"a": {1, 2}}))
    assert storage.load() == tokens()


def test_a_crash_at_any_write_leaves_the_old_file_or_the_new(path):
    FileTokenStorage(path).save(tokens())
    program = textwrap.dedent(
        """
        import os, sys
        from evertoken.client import FileTokenStorage, OAuthTokens
        storage = FileTokenStorage(sys.argv[1])
        doomed = sys.argv[2]
        original = getattr(os, doomed)
        setattr(os, doomed, lambda *a, **k: os._exit(9))
        held = storage.load()
        document = held.to_document() | {"access_token": "canary-new"}
        storage.save(OAuthTokens.from_document(document))
        """
    )
    for doomed in ("fsync", "replace", "fdopen"):
        ended = subprocess.run(
            [sys.executable, "-c", program, str(path), doomed], check=False, env=environment()
        )
        assert ended.returncode == 9
        assert FileTokenStorage(path).load() == tokens()


def test_readers_never_see_half_a_file(path):
    storage = FileTokenStorage(path)
    storage.save(tokens(extra={"n": 0}))
    stop, seen = threading.Event(), []

    def read():
        reader = FileTokenStorage(path)
        while not stop.is_set():
            seen.append(reader.load().extra["n"])

    thread = threading.Thread(target=read)
    thread.start()
    for number in range(100):
        storage.save(tokens(extra={"n": number, "filler": "x" * 20_000}))
    stop.set()
    thread.join(10)
    assert seen == sorted(seen)


@pytest.mark.parametrize("kind", ["file", "memory"])
def test_only_one_holds_the_lock(kind, path):
    one = FileTokenStorage(path) if kind == "file" else MemoryTokenStorage()
    other = FileTokenStorage(path) if kind == "file" else one
    assert one.try_lock()
    assert not other.try_lock()
    assert not one.try_lock()
    one.unlock()
    assert other.try_lock()
    other.unlock()


def test_a_child_that_was_forked_under_the_lock_does_not_keep_it(path):
    # In a process of its own: this one has threads, and a fork of it would warn.
    program = (
        "import os, sys\nfrom evertoken.client import FileTokenStorage\n"
        "storage, other = (FileTokenStorage(sys.argv[1]) for _ in range(2))\n"
        "reads, writes = os.pipe()\n"
        "assert storage.try_lock()\n"
        "if os.fork() == 0:\n"
        "    os.close(writes)\n"
        "    os.read(reads, 1)\n"
        "    os._exit(0 if storage.try_lock() else 1)\n"
        "storage.unlock()\n"
        "assert other.try_lock()\n"
        "other.unlock()\n"
        "os.write(writes, b'x')\n"
        "assert os.wait()[1] == 0\n"
        "assert storage.try_lock()\n"
        "if os.fork() == 0:\n"
        "    storage.unlock()  # not its own: the parent holds it\n"
        "    os._exit(0)\n"
        "assert os.wait()[1] == 0\n"
        "assert not other.try_lock()\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program, str(path)],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "")


def test_a_dead_holder_gives_the_lock_back(path):
    program = (
        "import os, sys\nfrom evertoken.client import FileTokenStorage\n"
        "storage = FileTokenStorage(sys.argv[1])\nassert storage.try_lock()\nprint('held', flush=True)\nsys.stdin.read()\nos._exit(0)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment(),
    ) as holder:
        assert holder.stdout.readline() == b"held\n"
        storage = FileTokenStorage(path)
        assert not storage.try_lock()
        holder.kill()
        holder.wait()
        assert storage.try_lock()
        storage.unlock()


def test_two_processes_with_one_file_refresh_once(path):
    world = OAuthWorld("blocking")
    program = textwrap.dedent(
        """
        import sys
        from evertoken.client import FileTokenStorage, OAuthClient, OAuthConfig
        path, url, client_id, client_secret = sys.argv[1:]
        config = OAuthConfig(token_url=url, client_id=client_id, client_secret=client_secret, grant="authorization_code")
        with OAuthClient(config, storage=FileTokenStorage(path)) as client:
            print("ready", flush=True)
            sys.stdin.readline()
            print(client.get_token(), flush=True)
        """
    )
    try:
        answer = world.provider.rules.connect()
        now = world.clock()
        FileTokenStorage(path).save(
            OAuthTokens(
                access_token=answer["access_token"],
                refresh_token=answer["refresh_token"],
                issued_at=now - timedelta(hours=2),
                expires_at=now - timedelta(hours=1),
                grant="authorization_code",
            )
        )
        world.provider.script.add(delay(0.3))
        arguments = [str(path), world.provider.token_endpoint, CLIENT_ID, CLIENT_SECRET]
        programs = [
            subprocess.Popen(
                [sys.executable, "-c", program, *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env=environment(),
            )
            for _ in range(3)
        ]
        for one in programs:
            assert one.stdout.readline() == "ready\n"
        for one in programs:
            one.stdin.write("go\n")
            one.stdin.flush()
        got = {one.communicate(timeout=30)[0] for one in programs}
        assert [one.returncode for one in programs] == [0, 0, 0]
        assert len(got) == 1
        assert world.count() == 1
        assert world.provider.rules.accepts(got.pop().strip())
    finally:
        world.close()


def test_a_lock_that_somebody_keeps_is_waited_for_only_when_there_is_no_token(path):
    world = OAuthWorld("blocking")
    try:
        storage = FileTokenStorage(path)
        client, first = world.connected(storage=storage, config=world.config(timeout_seconds=0.2))
        other = FileTokenStorage(path)
        assert other.try_lock()
        world.clock.move(3400)
        began = time.monotonic()
        assert client.get_token() == first.access_token
        assert time.monotonic() - began < 0.4
        world.clock.move(300)
        with pytest.raises(StorageError, match="Another process") as caught:
            client.get_token()
        assert caught.value.retryable
        assert world.count() == 1
        other.unlock()
        assert client.get_token() != first.access_token
    finally:
        world.close()


def test_no_representation_shows_a_token(path):
    storage = FileTokenStorage(path)
    storage.save(tokens())
    memory = MemoryTokenStorage(tokens())
    assert "canary" not in f"{storage!r}{memory!r}{tokens()!r}"


def environment():
    return {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
