"""The connection to ARM, over real sockets."""

import ssl
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from uuid import uuid4

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from endpoints.arm.http import ArmHttp, ArmRequest, ArmResponse, ArmResult, NoResponse
from endpoints.arm.origin import ForeignOrigin
from tests.support.scripted_server import Scripted, Wire, scripted

TARGET = "/status/a%2fb?c=%2f%2B&t=100%&s=|"


def send(base: str, url: str, *, trust_env: bool = False, within: float | None = None) -> ArmResult:
    arm = ArmHttp(base, connect_timeout=1, read_timeout=5, trust_env=trust_env)
    return arm.send(ArmRequest("GET", url), "t", uuid4(), within=within)


def certificate(folder: Path) -> Path:
    """One for 127.0.0.1, with its key, that a client can be told to trust."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    now, serial = datetime.now(UTC), x509.random_serial_number()
    alternative = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    builder = x509.CertificateBuilder(name, name, key.public_key(), serial, now, now + timedelta(days=1))
    signed = builder.add_extension(alternative, critical=True).sign(key, hashes.SHA256())
    plain = serialization.NoEncryption()
    written = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    path = folder / "certificate.pem"
    path.write_bytes(written + signed.public_bytes(serialization.Encoding.PEM))
    return path


def with_tls(server: Scripted, certificate: Path) -> str:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    return server.home.replace("http:", "https:")


def test_another_origin_gets_no_request() -> None:
    with scripted(lambda _: Wire(200)) as server:
        with pytest.raises(ForeignOrigin):
            send("http://127.0.0.1:9", f"{server.home}/x")
        assert server.arrived == []


def test_tls_is_checked_and_changes_nothing_about_a_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = certificate(tmp_path)
    with scripted(lambda _: Wire(200, (), b"{}")) as server:
        home = with_tls(server, path)
        refused = send(home, f"{home}{TARGET}")
        assert isinstance(refused, NoResponse)
        assert refused.reason == "The TLS connection to Azure failed."
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(path))
        answer = send(home, f"{home}{TARGET}", trust_env=True)
        assert isinstance(answer, ArmResponse), answer
        assert [one.target for one in server.arrived] == [TARGET]


@pytest.mark.parametrize("length", [(), (("Content-Length", "100"),)])
def test_an_answer_that_drips_is_given_up_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, length: tuple[tuple[str, str], ...]
) -> None:
    path = certificate(tmp_path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(path))
    with scripted(lambda _: Wire(200, length, b" " * 100, "drip")) as server:
        for home in (server.home, with_tls(server, path)):
            response = send(home, f"{home}/x", trust_env=True, within=0.6)
            assert isinstance(response, NoResponse)
            assert response.milliseconds < 2_000


def test_a_proxy_of_the_environment_is_asked_for_the_whole_url(monkeypatch: pytest.MonkeyPatch) -> None:
    with scripted(lambda _: Wire(200, (), b"{}")) as proxy:
        monkeypatch.setenv("http_proxy", proxy.home)
        monkeypatch.delenv("no_proxy", raising=False)
        answer = send("http://arm.example", "http://arm.example/status?s=1", trust_env=True)
        assert isinstance(answer, ArmResponse), answer
        assert [one.target for one in proxy.arrived] == ["http://arm.example/status?s=1"]


@pytest.mark.parametrize("base", ["http://127.0.0.1:9", "http://nowhere.invalid"])
def test_a_connection_never_made_was_not_received(base: str) -> None:
    response = send(base, f"{base}/x")
    assert isinstance(response, NoResponse)
    assert not response.may_have_arrived
    assert response.reason == "Azure could not be reached."


@pytest.mark.parametrize("fault", ["reset", "close", "cut off"])
def test_a_broken_connection_may_have_been_received(fault: str) -> None:
    with scripted(lambda _: Wire(200, (), b"{}", fault)) as server:
        response = send(server.home, f"{server.home}/x")
    assert isinstance(response, NoResponse)
    assert response.may_have_arrived
    assert response.reason == "The connection to Azure broke before the response was complete."


def test_a_call_waits_for_no_other_call() -> None:
    with scripted(lambda arrived: Wire(200, (), b"{}", "hang" if "slow" in arrived.target else "")) as server:
        arm = ArmHttp(server.home, read_timeout=5, connections=1)
        with ThreadPoolExecutor() as pool:
            slow = pool.submit(arm.send, ArmRequest("GET", f"{server.home}/slow"), "t", uuid4(), within=2)
            while not server.arrived:
                time.sleep(0.01)
            response = arm.send(ArmRequest("GET", f"{server.home}/x"), "t", uuid4(), within=0.5)
            assert isinstance(response, ArmResponse)
            assert not slow.done()
