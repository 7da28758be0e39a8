"""Reads of many operations at once, over real sockets."""

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
from tests.endpoints.arm.test_http import certificate, with_tls
from tests.support.scripted_server import Arrived, Wire, scripted


@contextmanager
def poller(base: str, *, trust_env: bool = False, read_timeout: float = 5) -> Iterator[ArmPoller]:
    arm = ArmHttp(base, connect_timeout=0.5, trust_env=trust_env)
    made = ArmPoller(arm, read_timeout=read_timeout, connections=8)
    yield made
    made.close()


def ask(made: ArmPoller, *urls: str, all_pages: bool = False) -> list[Any]:
    responses: SimpleQueue[Any] = SimpleQueue()
    made.start([Read(url, "t", uuid4(), responses.put, all_pages) for url in urls])
    return [responses.get(timeout=20) for _ in urls]


@pytest.mark.parametrize("query", ["c=%2f%2B&t=100%&s=|", "a=%2F%20b,c&d=~'!", f"c={'x' * 8_200}"])
def test_a_signed_query_is_sent_byte_for_byte(query: str) -> None:
    with scripted(lambda _: Wire(200, (), b"{}")) as server, poller(server.home) as made:
        [[response]] = ask(made, f"{server.home}/status/a:b?{query}")
        assert isinstance(response, ArmResponse), response
        assert [one.target for one in server.arrived] == [f"/status/a:b?{query}"]


def test_every_read_carries_its_token_and_ids() -> None:
    with scripted(lambda _: Wire(200, (), b"{}")) as server, poller(server.home) as made:
        ask(made, f"{server.home}/1")
        assert server.arrived[0].headers["Authorization"] == "Bearer t"
        assert server.arrived[0].headers["x-ms-client-request-id"]


def test_long_header_lines_are_read() -> None:
    long = (("Azure-AsyncOperation", f"/status?{'x' * 20_000}"),)
    with scripted(lambda _: Wire(200, long, b"{}")) as server, poller(server.home) as made:
        [[response]] = ask(made, f"{server.home}/1")
        assert response.headers["azure-asyncoperation"] == f"/status?{'x' * 20_000}"


def test_another_origin_gets_no_request_and_stops_no_other_read() -> None:
    with scripted(lambda _: Wire(200, (), b"{}")) as server, poller(server.home) as made:
        responses = ask(made, "http://127.0.0.1:9/x", f"{server.home}/1")
        assert {type(one) for one in responses} == {ForeignOrigin, list}


@pytest.mark.parametrize("location", ["http://127.0.0.1:9/", "/elsewhere", "http://["])
def test_a_redirect_is_an_answer(location: str) -> None:
    with scripted(lambda _: Wire(307, (("Location", location),))) as server, poller(server.home) as made:
        [[response]] = ask(made, f"{server.home}/1")
        assert (response.status, len(server.arrived)) == (307, 1)


@pytest.mark.parametrize("fault", ["reset", "close", "cut off"])
def test_a_broken_connection_is_lost_and_the_next_read_gets_a_new_one(fault: str) -> None:
    def answer(arrived: Arrived) -> Wire:
        return Wire(200, (), b"{}", fault if arrived.target == "/broken" else "")

    with scripted(answer) as server, poller(server.home) as made:
        [[lost]] = ask(made, f"{server.home}/broken")
        [[response]] = ask(made, f"{server.home}/1")
        assert isinstance(lost, NoResponse)
        assert isinstance(response, ArmResponse)


@pytest.mark.parametrize("fault", ["hang", "drip"])
def test_an_answer_that_does_not_end_is_given_up_in_time(fault: str) -> None:
    with (
        scripted(lambda _: Wire(200, (), b" " * 100, fault)) as server,
        poller(server.home, read_timeout=0.3) as made,
    ):
        [[response]] = ask(made, f"{server.home}/1")
        assert isinstance(response, NoResponse)
        assert response.reason == "Azure did not respond in time."


def test_an_answer_that_is_no_http_is_lost() -> None:
    with scripted(lambda _: Wire(200, (("X", "a\r\n\0: b"),), b"{}")) as server, poller(server.home) as made:
        [[response]] = ask(made, f"{server.home}/1")
        assert isinstance(response, ArmResponse | NoResponse)


def test_a_connection_never_made_is_told() -> None:
    with poller("http://127.0.0.1:9") as made:
        [[response]] = ask(made, "http://127.0.0.1:9/x")
        assert response.reason == "Azure could not be reached."


def test_connections_are_kept() -> None:
    with scripted(lambda _: Wire(200, (), b"{}")) as server, poller(server.home) as made:
        for _ in range(5):
            ask(made, f"{server.home}/1")
        assert len(server.connections) == 1


def test_tls_is_checked_with_the_certificates_that_requests_trusts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = certificate(tmp_path)
    with scripted(lambda _: Wire(200, (), b"{}")) as server:
        home = with_tls(server, path)
        with poller(home) as made:
            assert isinstance(ask(made, f"{home}/1")[0][0], NoResponse)
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(path))
        with poller(home, trust_env=True) as made:
            assert isinstance(ask(made, f"{home}/1")[0][0], ArmResponse)


def test_a_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with scripted(lambda _: Wire(200, (), b"{}")) as proxy:
        monkeypatch.setenv("http_proxy", proxy.home)
        monkeypatch.delenv("no_proxy", raising=False)
        with poller("http://arm.example", trust_env=True) as made:
            ask(made, "http://arm.example/status?s=1")
        assert [one.target for one in proxy.arrived] == ["http://arm.example/status?s=1"]


def pages(arrived: Arrived) -> Wire:
    """Three pages; the last one points to another host."""
    number = int(arrived.target.partition("skip=")[2] or 0)
    link = ["/list?skip=1", "/list?skip=2", "http://127.0.0.1:9/list"][number]
    return Wire(200, (), json.dumps({"value": [number], "nextLink": link}).encode())


def test_a_list_is_read_page_by_page_and_only_at_home() -> None:
    with scripted(pages) as server, poller(server.home) as made:
        [responses] = ask(made, f"{server.home}/list", all_pages=True)
        assert [response.object["value"] for response in responses] == [[0], [1], [2]]
        assert [one.target for one in server.arrived] == ["/list", "/list?skip=1", "/list?skip=2"]
