"""The connection to ARM, over real sockets."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from uuid import uuid4

import pytest

from endpoints.arm.http import Answer, ArmHttp, Call, Lost
from endpoints.arm.origin import ForeignOrigin
from tests.azure import Azure

PATHS: list[str] = []


class Recorder(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        PATHS.append(self.path)
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def recorder() -> Iterator[str]:
    PATHS.clear()
    server = HTTPServer(("127.0.0.1", 0), Recorder)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def send(base: str, url: str, method: str = "GET") -> Answer | Lost:
    return ArmHttp(base, connect_timeout=1, read_timeout=5, trust_env=False).send(Call(method, url), "t", uuid4())


@pytest.mark.parametrize("length", [100, 3_300, 6_000])
def test_a_signed_query_is_sent_byte_for_byte(recorder: str, length: int) -> None:
    path = f"/status/a:b?api-version=1&c=%2F%2B%3D~'!{'x' * length}&h=a,b"
    send(recorder, f"{recorder}{path}")
    assert [path] == PATHS


def test_another_origin_gets_no_request(recorder: str) -> None:
    with pytest.raises(ForeignOrigin):
        send("http://127.0.0.1:9", f"{recorder}/x")
    assert PATHS == []


def test_a_redirect_is_not_followed(azure: Azure) -> None:
    azure.fault("redirect", where="subscriptions")
    answer = send(azure.url, f"{azure.url}/subscriptions?api-version=2022-12-01")
    assert isinstance(answer, Answer)
    assert answer.status == 307


@pytest.mark.parametrize("kind", ["drop", "cut-off"])
def test_a_broken_connection_may_have_been_received(azure: Azure, kind: str) -> None:
    azure.fault(kind, where="subscriptions")
    reply = send(azure.url, f"{azure.url}/subscriptions?api-version=2022-12-01")
    assert isinstance(reply, Lost)
    assert reply.perhaps_received


def test_a_connection_never_made_was_not_received() -> None:
    reply = send("http://127.0.0.1:9", "http://127.0.0.1:9/x")
    assert isinstance(reply, Lost)
    assert not reply.perhaps_received
    assert reply.reason == "Azure could not be reached."
