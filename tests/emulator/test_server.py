"""The emulator's web server, byte by byte."""

import socket
from urllib.parse import urlsplit

import pytest

from tests.support.azure import Azure


def exchange(azure: Azure, *requests: bytes, hang_up: bool = True) -> bytes:
    """The bytes that come back on one connection until either side closes it."""
    parts = urlsplit(azure.url)
    with socket.create_connection((parts.hostname, parts.port), timeout=5) as wire:
        wire.sendall(b"".join(requests))
        if hang_up:
            wire.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: wire.recv(65_536), b""))


HEALTH = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n%b\r\n"


def test_a_connection_is_kept_for_the_next_request(azure: Azure) -> None:
    assert exchange(azure, HEALTH % b"", HEALTH % b"").count(b"200 OK") == 2


def test_a_connection_closes_on_request_of_the_client(azure: Azure) -> None:
    assert b"200 OK" in exchange(azure, HEALTH % b"Connection: close\r\n", hang_up=False)
    assert b"200 OK" in exchange(azure, HEALTH.replace(b"1.1", b"1.0") % b"", hang_up=False)


def test_the_server_listens_on_loopback_only(azure: Azure) -> None:
    # Also loopback, but not the configured address: a server that listens on all addresses would accept this.
    with pytest.raises(OSError), socket.create_connection(("127.0.0.2", urlsplit(azure.url).port), timeout=5):
        pass


def test_a_head_response_has_no_body(azure: Azure) -> None:
    head = exchange(azure, b"HEAD /subscriptions?api-version=2022-12-01 HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert head.endswith(b"\r\n\r\n")


def test_expect_100_gets_a_continue(azure: Azure) -> None:
    request = b"POST /emulator/clock HTTP/1.1\r\nHost: localhost\r\nContent-Length: 14\r\nExpect: 100-continue\r\n\r\n"
    response = exchange(azure, request, b'{"seconds": 1}')
    assert response.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK")


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
def test_an_invalid_request_gets_its_status(azure: Azure, request_: bytes, status: bytes) -> None:
    assert exchange(azure, request_).startswith(b"HTTP/1.1 " + status)
