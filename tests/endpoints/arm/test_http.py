"""The connection to ARM, over real sockets."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import pytest

from endpoints.arm.http import ArmHttp, ArmRequest, ArmResponse, ArmResult, NoResponse
from endpoints.arm.origin import ForeignOrigin
from tests.support.arm_responses import arm_response
from tests.support.scripted_server import OK, ScriptedResponse, scripted_server
from tests.support.tls import serve_tls, write_certificate

TARGET = "/status/a%2fb?c=%2f%2B&t=100%&s=|"


def send(origin: str, url: str, *, trust_env: bool = False, within: float | None = None) -> ArmResult:
    arm = ArmHttp(origin, connect_timeout=1, read_timeout=5, trust_env=trust_env)
    return arm.send(ArmRequest("GET", url), "t", uuid4(), within=within)


def test_another_origin_gets_no_request() -> None:
    with scripted_server(lambda _: OK) as server:
        with pytest.raises(ForeignOrigin):
            send("http://127.0.0.1:9", f"{server.origin}/x")
        assert server.received == []


def test_untrusted_certificate_is_refused(tmp_path: Path) -> None:
    with scripted_server(lambda _: OK) as server:
        origin = serve_tls(server, write_certificate(tmp_path))
        response = send(origin, f"{origin}{TARGET}")
    assert isinstance(response, NoResponse)
    assert response.reason == "The TLS connection to Azure failed."


def test_url_is_sent_byte_for_byte_over_tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate = write_certificate(tmp_path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    with scripted_server(lambda _: OK) as server:
        origin = serve_tls(server, certificate)
        response = send(origin, f"{origin}{TARGET}", trust_env=True)
        assert isinstance(response, ArmResponse), response
        assert [request.target for request in server.received] == [TARGET]


@pytest.mark.parametrize("length", [(), (("Content-Length", "100"),)])
def test_dripping_response_is_cut_off_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, length: tuple[tuple[str, str], ...]
) -> None:
    certificate = write_certificate(tmp_path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    with scripted_server(lambda _: ScriptedResponse(200, length, b" " * 100, "drip")) as server:
        for origin in (server.origin, serve_tls(server, certificate)):
            response = send(origin, f"{origin}/x", trust_env=True, within=0.6)
            assert isinstance(response, NoResponse)
            assert response.milliseconds < 2_000


def test_proxy_of_the_environment_gets_the_whole_url(monkeypatch: pytest.MonkeyPatch) -> None:
    with scripted_server(lambda _: OK) as proxy:
        monkeypatch.setenv("http_proxy", proxy.origin)
        monkeypatch.delenv("no_proxy", raising=False)
        response = send("http://arm.example", "http://arm.example/status?s=1", trust_env=True)
        assert isinstance(response, ArmResponse), response
        assert [request.target for request in proxy.received] == ["http://arm.example/status?s=1"]


@pytest.mark.parametrize("origin", ["http://127.0.0.1:9", "http://nowhere.invalid"])
def test_request_without_a_connection_has_not_arrived(origin: str) -> None:
    response = send(origin, f"{origin}/x")
    assert isinstance(response, NoResponse)
    assert not response.may_have_arrived
    assert response.reason == "Azure could not be reached."


@pytest.mark.parametrize("fault", ["reset", "close", "cut off"])
def test_request_on_a_broken_connection_may_have_arrived(fault: str) -> None:
    with scripted_server(lambda _: ScriptedResponse(200, (), b"{}", fault)) as server:
        response = send(server.origin, f"{server.origin}/x")
    assert isinstance(response, NoResponse)
    assert response.may_have_arrived
    assert response.reason == "The connection to Azure broke before the response was complete."


def test_request_does_not_wait_for_another() -> None:
    hanging = ScriptedResponse(200, (), b"{}", "hang")
    with scripted_server(lambda request: hanging if "slow" in request.target else OK) as server:
        arm = ArmHttp(server.origin, read_timeout=5, connections=1)
        with ThreadPoolExecutor() as pool:
            slow = pool.submit(arm.send, ArmRequest("GET", f"{server.origin}/slow"), "t", uuid4(), within=2)
            while not server.received:
                time.sleep(0.01)
            response = arm.send(ArmRequest("GET", f"{server.origin}/x"), "t", uuid4(), within=0.5)
            assert isinstance(response, ArmResponse)
            assert not slow.done()


def test_characters_that_no_database_stores_are_replaced() -> None:
    content = rb'{"a\u0000": ["\uD800b", {"c": "\ud83d\ude00"}], "d": "\\u0000", "e": 1}'
    assert arm_response(200, content).json == {"a?": ["?b", {"c": "\N{GRINNING FACE}"}], "d": r"\u0000", "e": 1}
