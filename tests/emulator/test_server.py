"""The emulator's web server, byte by byte."""

import socket
from urllib.parse import urlsplit

import pytest

from tests.support.azure import Azure


def say(azure: Azure, *requests: bytes, hang_up: bool = True) -> bytes:
    """What comes back on one connection until it is closed, by us or by the server."""
    parts = urlsplit(azure.url)
    with socket.create_connection((parts.hostname, parts.port), timeout=5) as wire:
        wire.sendall(b"".join(requests))
        if hang_up:
            wire.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: wire.recv(65_536), b""))


HEALTH = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n%b\r\n"


def test_a_connection_is_kept_for_the_next_request(azure: Azure) -> None:
    assert say(azure, HEALTH % b"", HEALTH % b"").count(b"200 OK") == 2


def test_a_connection_is_closed_when_the_client_says_so(azure: Azure) -> None:
    assert b"200 OK" in say(azure, HEALTH % b"Connection: close\r\n", hang_up=False)
    assert b"200 OK" in say(azure, HEALTH.replace(b"1.1", b"1.0") % b"", hang_up=False)


def test_it_listens_on_loopback_alone(azure: Azure) -> None:
    # Of this machine too, and not the address that it was told: whoever listens on all of them answers here.
    with pytest.raises(OSError), socket.create_connection(("127.0.0.2", urlsplit(azure.url).port), timeout=5):
        pass


def test_a_head_has_no_body(azure: Azure) -> None:
    head = say(azure, b"HEAD /subscriptions?api-version=2022-12-01 HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert head.endswith(b"\r\n\r\n")


def test_who_waits_for_a_hundred_gets_it(azure: Azure) -> None:
    asked = b"POST /emulator/clock HTTP/1.1\r\nHost: localhost\r\nContent-Length: 14\r\nExpect: 100-continue\r\n\r\n"
    answer = say(azure, asked, b'{"seconds": 1}')
    assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK")


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"nonsense\r\n\r\n", b"400"),
        (HEALTH % b"no colon\r\n", b"400"),
        (HEALTH % b"Content-Length: many\r\n", b"400"),
        (HEALTH % (b"Content-Length: %b\r\n" % (b"9" * 5000)), b"400"),
        (HEALTH % b"Transfer-Encoding: chunked\r\n", b"411"),
        (HEALTH % b"Content-Length: 99999999\r\n", b"413"),
        (HEALTH % (b"Long: %b\r\n" % (b"x" * 70_000)), b"431"),
    ],
)
def test_what_is_no_request_is_told_so(azure: Azure, request_: bytes, status: bytes) -> None:
    assert say(azure, request_).startswith(b"HTTP/1.1 " + status)
