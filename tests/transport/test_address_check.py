"""Which addresses a provider may have."""

import socket
import threading
import time

import pytest

from evertoken.adapters.address_check import (
    Address,
    ResolutionError,
    check_addresses,
    is_public,
    resolve_host,
)


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "140.82.121.4", "2a00:1450:4001:82f::200e", "2606:4700::1111", "64:ff9b::808:808"]
)
def test_public_addresses_are_public(address):
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.1.2.3", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "169.254.170.2",
        "100.64.0.1", "192.0.0.8", "192.0.2.1", "192.88.99.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "240.0.0.1",
        "255.255.255.255", "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1", "2001:db8::1",
        "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::ffff:169.254.169.254", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe",
        "64:ff9b::a00:1", "64:ff9b:1::808:808", "2002:7f00:1::", "2001::1", "100::1", "3fff::1", "5f00::1", "localhost", "127.1", "0x7f.1", "2130706433", "",
    ],
)  # fmt: skip
def test_all_others_are_not(address):
    assert not is_public(address)


def at(*texts):
    return tuple(Address(family=socket.AF_INET, text=text) for text in texts)


def test_of_several_addresses_only_the_public_ones_are_left():
    mixed = at("10.0.0.1", "8.8.8.8", "127.0.0.1")
    assert check_addresses(mixed, scheme="https", allow_loopback=False) == at("8.8.8.8")
    assert check_addresses(mixed, scheme="https", allow_loopback=True) == at("8.8.8.8", "127.0.0.1")


def test_over_http_there_is_this_machine_or_nothing():
    assert check_addresses(at("8.8.8.8", "127.0.0.1"), scheme="http", allow_loopback=True) == at("127.0.0.1")
    with pytest.raises(ResolutionError) as caught:
        check_addresses(at("8.8.8.8"), scheme="http", allow_loopback=False)
    assert caught.value.reason == "address_refused"


def test_a_resolver_that_hangs_ends_with_the_deadline(monkeypatch):
    release = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: release.wait(10) and [])
    before = time.monotonic()
    with pytest.raises(ResolutionError) as caught:
        resolve_host("slow.example.com", 443, 0.1)
    assert caught.value.reason == "name_resolution_timeout"
    assert time.monotonic() - before < 5
    release.set()


def test_a_name_that_does_not_resolve_says_so(monkeypatch):
    def refuse(*_, **__):
        raise socket.gaierror(socket.EAI_NONAME, "no such name")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    with pytest.raises(ResolutionError) as caught:
        resolve_host("nowhere.example.com", 443, 5)
    assert caught.value.reason == "name_not_resolved"


def test_a_numeric_address_needs_no_thread():
    before = threading.active_count()
    assert [address.text for address in resolve_host("127.0.0.1", 80, 5)] == ["127.0.0.1"]
    assert threading.active_count() == before
