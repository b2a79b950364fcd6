"""One request, sent once, over real sockets: what arrives, what comes back, and what is known when nothing does."""

import gzip
import socket
import threading
import time
import tracemalloc
import zlib

import pytest

from evertoken.adapters.address_check import Address
from evertoken.adapters.http_transport import HttpTransport
from evertoken.domain.http import HttpAnswer, HttpRequest, NoAnswer, NotSent
from tests.transport.certificates import Authority
from tests.transport.servers import answer, answer_once, ok, on_stage, read_request

BODY = b'{"access_token":"a"}'
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
UNTIL_CLOSED = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n"
PATIENCE_SECONDS = 8.0
"""Far more than any of these exchanges takes."""


@pytest.fixture
def transport():
    transport = HttpTransport(allow_loopback=True)
    yield transport
    transport.close()


def post(url, **changes):
    members = {
        "method": "POST",
        "url": url,
        "headers": {"Accept": "application/json"},
        "body": b"grant_type=x",
    }
    return HttpRequest(**{**members, **changes})


def test_a_request_arrives_whole_and_its_answer_comes_back(transport):
    with on_stage(answer(ok(BODY, b"Retry-After: 7"))) as stage:
        request = post(f"{stage.url}?a=1", query=(("code", "c +&"),))
        exchange = transport.send(request, timeout_seconds=PATIENCE_SECONDS)
    assert exchange == HttpAnswer(status=200, headers=exchange.headers, body=BODY)
    assert exchange.headers["retry-after"] == "7"
    head, _, body = stage.received[0].partition(b"\r\n\r\n")
    assert head.split(b"\r\n")[0] == b"POST /token?a=1&code=c+%2B%26 HTTP/1.1"
    assert b"Host: 127.0.0.1:%d" % stage.port in head
    assert b"Content-Length: 12" in head
    assert body == b"grant_type=x"


def test_a_connection_is_used_again_and_an_idle_one_that_was_closed_is_not(transport):
    with on_stage(answer(ok(BODY))) as stage:
        for _ in range(3):
            assert isinstance(transport.send(post(stage.url), timeout_seconds=PATIENCE_SECONDS), HttpAnswer)
        assert (len(stage.received), stage.connections) == (3, 1)
    with on_stage(answer_once(ok(BODY))) as stage:
        for _ in range(3):
            assert isinstance(transport.send(post(stage.url), timeout_seconds=PATIENCE_SECONDS), HttpAnswer)
            wait_until_closed(transport)
        assert (len(stage.received), stage.connections) == (3, 3)


def wait_until_closed(transport):
    """Wait until the server's goodbye has arrived on every idle connection."""
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    for waiting in list(transport._idle._idle.values()):
        for connection in waiting:
            while connection.is_fresh(1000) and time.monotonic() < give_up_at:
                time.sleep(0.001)


def test_an_idle_connection_that_either_clock_calls_old_is_not_used(transport, monkeypatch):
    with on_stage(answer(ok(BODY))) as stage:
        transport.send(post(stage.url), timeout_seconds=PATIENCE_SECONDS)
        real = time.time
        monkeypatch.setattr(time, "time", lambda: real() + 5)
        assert isinstance(transport.send(post(stage.url), timeout_seconds=PATIENCE_SECONDS), HttpAnswer)
        assert stage.connections == 2


def test_bytes_beyond_an_answer_are_not_taken_for_the_next_one(transport):
    poison = ok(b'{"access_token":"evil"}')
    with on_stage(answer(ok(BODY), poison)) as stage:
        for _ in range(2):
            exchange = transport.send(post(stage.url), timeout_seconds=PATIENCE_SECONDS)
            assert exchange.body == BODY
        assert stage.connections == 2


@pytest.mark.parametrize(
    ("parts", "body"),
    [
        ([CHUNKED, b'5\r\n{"acc\r\n2;x=y\r\nes\r\n0\r\nTrailer: 1\r\n\r\n'], b'{"acces'),
        ([UNTIL_CLOSED, BODY], BODY),
        ([b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n", ok(BODY)], BODY),
        ([b"HTTP/1.0 200 OK\r\n\r\n", BODY], BODY),
        ([b"HTTP/1.1 204 No Content\r\n\r\n"], b""),
        ([ok(gzip.compress(BODY), b"Content-Encoding: gzip")], BODY),
        ([ok(zlib.compress(BODY), b"Content-Encoding: deflate")], BODY),
        ([ok(zlib.compress(BODY)[2:-4], b"Content-Encoding: deflate")], BODY),
        ([ok(b"x" * (1024 * 1024))], b"x" * (1024 * 1024)),
    ],
)
def test_answers_of_every_framing_are_read(transport, parts, body):
    with on_stage(answer_once(*parts)) as stage:
        exchange = transport.send(post(stage.url), timeout_seconds=PATIENCE_SECONDS)
    assert isinstance(exchange, HttpAnswer)
    assert exchange.body == body


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ([ok(b"x" * (1024 * 1024 + 1))], "too_large"),
        ([CHUNKED, b"200000\r\n" + b"x" * 0x200000 + b"\r\n0\r\n\r\n"], "too_large"),
        ([UNTIL_CLOSED, b"x" * (1024 * 1024 + 1)], "too_large"),
        ([ok(gzip.compress(b"x" * (5 * 1024 * 1024)), b"Content-Encoding: gzip")], "too_large"),
        ([ok(gzip.compress(BODY)[:-9], b"Content-Encoding: gzip")], "truncated"),
        ([ok(b"not gzip at all", b"Content-Encoding: gzip")], "malformed"),
        ([ok(BODY, b"Content-Encoding: br")], "encoding_unsupported"),
        ([b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", BODY], "truncated"),
        ([CHUNKED, b"5\r\nabc"], "truncated"),
        ([CHUNKED, b"zz\r\nabc"], "truncated"),
        ([b"SSH-2.0-OpenSSH_9.2\r\n"], "malformed"),
        ([b"HTTP/1.1 abc OK\r\n\r\n"], "malformed"),
        ([b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n"], "malformed"),
        ([b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000 + b"\r\n\r\n"], "malformed"),
        ([b"HTTP/1.1 103 Early Hints\r\n\r\n" * 50], "malformed"),
        ([b"HTTP/1.1 100 Continue\r\n\r\n" * 50], "connection_broken"),
        ([], "connection_broken"),
        ([b"HTTP/1.1 400"], "truncated"),
        ([b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/h"], "truncated"),
        ([b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\n"], "truncated"),
    ],
)
def test_an_answer_that_is_not_whole_is_no_answer(transport, parts, reason):
    with on_stage(answer_once(*parts)) as stage:
        exchange = transport.send(post(stage.url), timeout_seconds=PATIENCE_SECONDS)
    assert exchange == NoAnswer(reason=reason)
    assert len(stage.received) == 1


def test_a_bomb_is_never_unpacked_beyond_the_cap(transport):
    bomb = gzip.compress(b"\0" * (200 * 1024 * 1024), compresslevel=9)
    with on_stage(answer_once(ok(bomb, b"Content-Encoding: gzip"))) as stage:
        tracemalloc.start()
        exchange = transport.send(post(stage.url), timeout_seconds=PATIENCE_SECONDS)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert exchange == NoAnswer(reason="too_large")
    assert peak < 24 * 1024 * 1024


def test_a_slow_drip_ends_with_the_deadline_not_with_the_last_byte(transport):
    def drip(connection, stage):
        read_request(connection, stage)
        connection.sendall(UNTIL_CLOSED)
        while not stage.over.wait(0.05):
            connection.sendall(b"x")

    with on_stage(drip) as stage:
        before = time.monotonic()
        exchange = transport.send(post(stage.url), timeout_seconds=0.4)
        took = time.monotonic() - before
    assert exchange == NoAnswer(reason="timeout")
    assert 0.3 < took < 4


def test_a_server_that_reads_and_never_answers_leaves_the_outcome_unknown(transport):
    def hold(connection, stage):
        read_request(connection, stage)
        stage.over.wait(10)

    with on_stage(hold) as stage:
        assert transport.send(post(stage.url), timeout_seconds=0.3) == NoAnswer(reason="timeout")
        assert len(stage.received) == 1


def test_a_connection_that_is_refused_has_sent_nothing(transport):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    exchange = transport.send(post(f"http://127.0.0.1:{port}/token"), timeout_seconds=PATIENCE_SECONDS)
    assert exchange == NotSent(reason="connect_failed")


def test_a_redirect_is_an_answer_and_the_second_host_sees_nothing(transport):
    with on_stage(answer(ok(BODY))) as second:
        redirect = (
            b"HTTP/1.1 307 Temporary Redirect\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n"
            % second.url.encode()
        )
        with on_stage(answer(redirect)) as first:
            exchange = transport.send(post(first.url), timeout_seconds=PATIENCE_SECONDS)
        assert exchange.status == 307
        assert (second.connections, second.received) == (0, [])


def test_proxies_of_the_environment_are_ignored(transport, monkeypatch):
    with on_stage(answer(ok(b"proxied"))) as proxy, on_stage(answer(ok(BODY))) as stage:
        for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        exchange = transport.send(post(stage.url), timeout_seconds=PATIENCE_SECONDS)
        assert exchange.body == BODY
        assert proxy.connections == 0


@pytest.mark.parametrize(
    "request_",
    [
        post("http://user:pass@127.0.0.1/token"),
        post("ftp://127.0.0.1/token"),
        post("http://127.0.0.1:99999/token"),
        post("http://[::1/token"),
        post("http:///token"),
        post("http://ex ample.com/token"),
        post("http://127.0.0.1/a b"),
        post("http://127.0.0.1/\r\nX: y"),
        post("http://127.0.0.1/é"),
        post("http://127.0.0.1/", headers={"X": "a\r\nEvil: b"}),
        post("http://127.0.0.1/", headers={"X\r\nEvil": "a"}),
        post("http://127.0.0.1/", headers={"X": "é"}),
        post("http://127.0.0.1/", method="POST / HTTP/1.1\r\nX:"),
        post(""),
    ],
)
def test_a_request_that_cannot_be_one_is_not_sent(request_):
    dialled = []
    transport = HttpTransport(allow_loopback=True, dial=lambda *where: dialled.append(where))
    assert transport.send(request_, timeout_seconds=1) == NotSent(reason="request_unusable")
    assert dialled == []


@pytest.mark.parametrize(
    "url",
    ["https://127.0.0.1/", "https://10.0.0.1/", "https://169.254.169.254/latest/", "https://[::1]/", "https://[::ffff:7f00:1]/",
     "http://8.8.8.8/", "http://127.0.0.1/"],
)  # fmt: skip
def test_without_leave_no_private_address_is_dialled(url):
    dialled = []
    transport = HttpTransport(dial=lambda *where: dialled.append(where))
    assert transport.send(post(url), timeout_seconds=2) == NotSent(reason="address_refused")
    assert dialled == []


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


class Rebinding:
    """A resolver that answers with another address each time, and a dial that leads every address to *port* on this machine."""

    def __init__(self, port, *answers):
        self._port = port
        self._answers = list(answers)
        self.dialled = []

    def resolve(self, _host, _port, _timeout_seconds):
        return tuple(Address(family=socket.AF_INET, text=text) for text in self._answers.pop(0))

    def dial(self, address, port, timeout_seconds):
        self.dialled.append((address.text, port))
        return socket.create_connection(("127.0.0.1", self._port), timeout_seconds)


def secure_transport(rebinding, authority):
    return HttpTransport(resolve=rebinding.resolve, dial=rebinding.dial, tls_context=authority.client_context)


def test_the_checked_address_is_the_one_dialled_and_the_name_stays_in_sni_and_host(authority):
    with on_stage(answer_once(ok(BODY)), authority.server_context("provider.example.com")) as stage:
        rebinding = Rebinding(stage.port, ["10.0.0.7", "8.8.8.8"], ["127.0.0.1"])
        transport = secure_transport(rebinding, authority)
        first = transport.send(post("https://provider.example.com/token"), timeout_seconds=PATIENCE_SECONDS)
        wait_until_closed(transport)
        second = transport.send(post("https://provider.example.com/token"), timeout_seconds=PATIENCE_SECONDS)
        transport.close()
    assert first.body == BODY
    assert second == NotSent(reason="address_refused")
    assert rebinding.dialled == [("8.8.8.8", 443)]
    assert b"\r\nHost: provider.example.com\r\n" in stage.received[0]


def test_a_certificate_for_another_name_or_by_an_unknown_authority_is_refused_before_anything_is_sent(
    authority, tmp_path
):
    stranger = Authority(tmp_path)
    for context in (
        authority.server_context("other.example.com"),
        stranger.server_context("provider.example.com"),
    ):
        with on_stage(answer(ok(BODY)), context) as stage:
            transport = secure_transport(Rebinding(stage.port, ["8.8.8.8"]), authority)
            exchange = transport.send(
                post("https://provider.example.com/token"), timeout_seconds=PATIENCE_SECONDS
            )
            assert exchange == NotSent(reason="tls_failed")
            assert stage.received == []


def test_by_default_only_public_authorities_are_trusted_whatever_the_environment_says(
    authority, monkeypatch, tmp_path
):
    bundle, keys = tmp_path / "bundle.pem", tmp_path / "keys.log"
    bundle.write_bytes((authority._bundle).read_bytes())
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    monkeypatch.setenv("SSLKEYLOGFILE", str(keys))
    with on_stage(answer(ok(BODY)), authority.server_context("provider.example.com")) as stage:
        rebinding = Rebinding(stage.port, ["8.8.8.8"])
        transport = HttpTransport(resolve=rebinding.resolve, dial=rebinding.dial)
        exchange = transport.send(
            post("https://provider.example.com/token"), timeout_seconds=PATIENCE_SECONDS
        )
    assert exchange == NotSent(reason="tls_failed")
    assert not keys.exists()


def test_a_handshake_that_never_ends_has_sent_nothing(authority):
    with on_stage(lambda connection, stage: stage.over.wait(10)) as stage:
        transport = secure_transport(Rebinding(stage.port, ["8.8.8.8"]), authority)
        exchange = transport.send(post("https://provider.example.com/token"), timeout_seconds=0.3)
    assert exchange == NotSent(reason="tls_timeout")


def test_the_second_address_is_tried_when_the_first_refuses(authority):
    with on_stage(answer(ok(BODY)), authority.server_context("provider.example.com")) as stage:
        rebinding = Rebinding(stage.port, ["8.8.8.8", "8.8.4.4"])

        def dial(address, port, timeout_seconds):
            if address.text == "8.8.8.8":
                raise ConnectionRefusedError
            return rebinding.dial(address, port, timeout_seconds)

        transport = HttpTransport(resolve=rebinding.resolve, dial=dial, tls_context=authority.client_context)
        exchange = transport.send(
            post("https://provider.example.com/token"), timeout_seconds=PATIENCE_SECONDS
        )
        transport.close()
    assert exchange.body == BODY


def test_sixteen_threads_get_their_own_answers(transport):
    def echo(connection, stage):
        while request := read_request(connection, stage):
            connection.sendall(ok(request.rpartition(b"\r\n\r\n")[2]))

    wrong = []

    def ask(number):
        for turn in range(20):
            body = b"%d-%d" % (number, turn)
            exchange = transport.send(post(stage.url, body=body), timeout_seconds=PATIENCE_SECONDS)
            if getattr(exchange, "body", None) != body:
                wrong.append(exchange)

    with on_stage(echo) as stage:
        threads = [threading.Thread(target=ask, args=(number,)) for number in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert wrong == []
    assert len(stage.received) == 320
    assert stage.connections <= 64


def test_no_secret_of_a_request_or_an_answer_is_in_a_representation(transport):
    with on_stage(answer(ok(b'{"access_token":"CANARY"}', b"Set-Cookie: CANARY"))) as stage:
        request = post(
            stage.url,
            body=b"client_secret=CANARY",
            headers={"Authorization": "Basic CANARY"},
            query=(("code", "CANARY"),),
        )
        exchange = transport.send(request, timeout_seconds=PATIENCE_SECONDS)
    assert isinstance(exchange, HttpAnswer)
    assert "CANARY" not in repr(request) + repr(exchange)
