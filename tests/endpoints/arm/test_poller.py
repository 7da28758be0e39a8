"""Concurrent reads, over real sockets."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from typing import Any
from uuid import uuid4

import pytest

from endpoints.arm.http import ArmHttp, ArmResponse, NoResponse
from endpoints.arm.origin import ForeignOrigin
from endpoints.arm.poller import ArmPoller, Read
from tests.support.scripted_server import OK, ReceivedRequest, ScriptedResponse, scripted_server
from tests.support.tls import serve_tls, write_certificate


@contextmanager
def arm_poller(origin: str, *, trust_env: bool = False, read_timeout: float = 5) -> Iterator[ArmPoller]:
    arm = ArmHttp(origin, connect_timeout=0.5, trust_env=trust_env)
    poller = ArmPoller(arm, read_timeout=read_timeout, connections=8)
    yield poller
    poller.close()


def read(poller: ArmPoller, *urls: str, all_pages: bool = False) -> list[Any]:
    """What `on_response` got for each URL, in the order of arrival."""
    arrived: SimpleQueue[Any] = SimpleQueue()
    poller.start([Read(url, "t", uuid4(), arrived.put, all_pages) for url in urls])
    return [arrived.get(timeout=20) for _ in urls]


@pytest.mark.parametrize("query", ["c=%2f%2B&t=100%&s=|", "a=%2F%20b,c&d=~'!", f"c={'x' * 8_200}"])
def test_signed_query_is_sent_byte_for_byte(query: str) -> None:
    with scripted_server(lambda _: OK) as server, arm_poller(server.origin) as poller:
        [[response]] = read(poller, f"{server.origin}/status/a:b?{query}")
        assert isinstance(response, ArmResponse), response
        assert [request.target for request in server.received] == [f"/status/a:b?{query}"]


def test_read_carries_its_token_and_correlation_id() -> None:
    with scripted_server(lambda _: OK) as server, arm_poller(server.origin) as poller:
        read(poller, f"{server.origin}/1")
        assert server.received[0].headers["Authorization"] == "Bearer t"
        assert server.received[0].headers["x-ms-client-request-id"]


def test_long_header_lines_are_read() -> None:
    monitor = f"/status?{'x' * 20_000}"
    response = ScriptedResponse(200, (("Azure-AsyncOperation", monitor),), b"{}")
    with scripted_server(lambda _: response) as server, arm_poller(server.origin) as poller:
        [[arrived]] = read(poller, f"{server.origin}/1")
        assert arrived.headers["azure-asyncoperation"] == monitor


def test_read_of_another_origin_does_not_stop_other_reads() -> None:
    with scripted_server(lambda _: OK) as server, arm_poller(server.origin) as poller:
        arrived = read(poller, "http://127.0.0.1:9/x", f"{server.origin}/1")
        assert {type(item) for item in arrived} == {ForeignOrigin, list}


@pytest.mark.parametrize("location", ["http://127.0.0.1:9/", "/elsewhere", "http://["])
def test_redirect_is_not_followed(location: str) -> None:
    redirect = ScriptedResponse(307, (("Location", location),))
    with scripted_server(lambda _: redirect) as server, arm_poller(server.origin) as poller:
        [[response]] = read(poller, f"{server.origin}/1")
        assert (response.status, len(server.received)) == (307, 1)


@pytest.mark.parametrize("fault", ["reset", "close", "cut off"])
def test_broken_connection_is_replaced(fault: str) -> None:
    broken = ScriptedResponse(200, (), b"{}", fault)
    with (
        scripted_server(lambda request: broken if request.target == "/broken" else OK) as server,
        arm_poller(server.origin) as poller,
    ):
        [[missing]] = read(poller, f"{server.origin}/broken")
        [[response]] = read(poller, f"{server.origin}/1")
        assert isinstance(missing, NoResponse)
        assert isinstance(response, ArmResponse)


@pytest.mark.parametrize("fault", ["hang", "drip"])
def test_endless_response_times_out(fault: str) -> None:
    with (
        scripted_server(lambda _: ScriptedResponse(200, (), b" " * 100, fault)) as server,
        arm_poller(server.origin, read_timeout=0.3) as poller,
    ):
        [[response]] = read(poller, f"{server.origin}/1")
        assert isinstance(response, NoResponse)
        assert response.reason == "Azure did not respond in time."


def test_malformed_response_does_not_raise() -> None:
    malformed = ScriptedResponse(200, (("X", "a\r\n\0: b"),), b"{}")
    with scripted_server(lambda _: malformed) as server, arm_poller(server.origin) as poller:
        [[response]] = read(poller, f"{server.origin}/1")
        assert isinstance(response, ArmResponse | NoResponse)


def test_refused_connection_is_reported() -> None:
    with arm_poller("http://127.0.0.1:9") as poller:
        [[response]] = read(poller, "http://127.0.0.1:9/x")
        assert response.reason == "Azure could not be reached."


def test_connections_are_kept() -> None:
    with scripted_server(lambda _: OK) as server, arm_poller(server.origin) as poller:
        for _ in range(5):
            read(poller, f"{server.origin}/1")
        assert len(server.connections) == 1


def test_poller_trusts_the_certificates_of_requests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate = write_certificate(tmp_path)
    with scripted_server(lambda _: OK) as server:
        origin = serve_tls(server, certificate)
        with arm_poller(origin) as poller:
            assert isinstance(read(poller, f"{origin}/1")[0][0], NoResponse)
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
        with arm_poller(origin, trust_env=True) as poller:
            assert isinstance(read(poller, f"{origin}/1")[0][0], ArmResponse)


def test_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with scripted_server(lambda _: OK) as proxy:
        monkeypatch.setenv("http_proxy", proxy.origin)
        monkeypatch.delenv("no_proxy", raising=False)
        with arm_poller("http://arm.example", trust_env=True) as poller:
            read(poller, "http://arm.example/status?s=1")
        assert [request.target for request in proxy.received] == ["http://arm.example/status?s=1"]


def page(request: ReceivedRequest) -> ScriptedResponse:
    """One of three pages, the last of which points to another host."""
    number = int(request.target.partition("skip=")[2] or 0)
    link = ["/list?skip=1", "/list?skip=2", "http://127.0.0.1:9/list"][number]
    return ScriptedResponse(200, (), json.dumps({"value": [number], "nextLink": link}).encode())


def test_list_is_read_page_by_page_from_its_origin_only() -> None:
    with scripted_server(page) as server, arm_poller(server.origin) as poller:
        [responses] = read(poller, f"{server.origin}/list", all_pages=True)
        assert [response.object["value"] for response in responses] == [[0], [1], [2]]
        assert [request.target for request in server.received] == ["/list", "/list?skip=1", "/list?skip=2"]


def test_list_of_fifty_pages_is_read_whole() -> None:
    def page_of_many(request: ReceivedRequest) -> ScriptedResponse:
        number = int(request.target.partition("skip=")[2] or 0)
        link = {"nextLink": f"/list?skip={number + 1}"} if number < 49 else {}
        return ScriptedResponse(200, (), json.dumps({"value": [number], **link}).encode())

    with scripted_server(page_of_many) as server, arm_poller(server.origin) as poller:
        [responses] = read(poller, f"{server.origin}/list", all_pages=True)
        assert [response.object["value"] for response in responses] == [[number] for number in range(50)]


def test_list_that_points_back_to_itself_is_read_once() -> None:
    circular = ScriptedResponse(200, (), json.dumps({"value": [], "nextLink": "/list?skip=1"}).encode())
    with scripted_server(lambda _: circular) as server, arm_poller(server.origin) as poller:
        read(poller, f"{server.origin}/list", all_pages=True)
        assert [request.target for request in server.received] == ["/list", "/list?skip=1"]
