"""The state file across restarts."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.emulator.arm_client import PRODUCTION, VERSION, body
from tests.support.azure import Azure, end, start_azure
from tests.support.environment import free_port


class Run:
    """One run of the emulator, with a token for its ARM."""

    def __init__(self, azure: Azure) -> None:
        self.azure = azure
        self.headers = {"Authorization": f"Bearer {azure.application_token()}"}

    def arm(self, method: str, ending: str, **more: Any) -> dict[str, Any]:
        url = f"{self.azure.url}{PRODUCTION}/{ending}?api-version={VERSION}"
        response = self.azure.http.request(method, url, headers=self.headers, timeout=10, **more)
        assert response.ok, response.text
        found: dict[str, Any] = response.json()
        return found


@contextmanager
def run(file: Path, port: int) -> Iterator[Run]:
    process = start_azure(port, dashboard_url="http://localhost:1", seconds="30", state_file=file)
    try:
        yield Run(Azure(f"http://127.0.0.1:{port}"))
    finally:
        end(process)


@pytest.fixture
def port() -> int:
    return free_port()


def test_an_endpoint_survives_a_restart(tmp_path: Path, port: int) -> None:
    file = tmp_path / "state.json"
    with run(file, port) as first:
        first.arm("PUT", "one", json=body())
        first.azure.advance(60)
        keys = first.arm("POST", "one/listKeys")
        old_token = first.headers
    with run(file, port) as second:
        second.headers = old_token
        assert second.arm("GET", "one")["properties"]["endpointState"] == "Online"
        assert second.arm("POST", "one/listKeys") == keys
    assert file.stat().st_mode & 0o777 == 0o600


def test_an_operation_continues_after_a_restart(tmp_path: Path, port: int) -> None:
    file = tmp_path / "state.json"
    with run(file, port) as first:
        first.arm("PUT", "one", json=body())
    with run(file, port) as second:
        assert second.arm("GET", "one")["properties"]["endpointState"] == "Creating"
        second.azure.advance(60)
        assert second.arm("GET", "one")["properties"]["endpointState"] == "Online"


def test_the_clock_survives_a_restart(tmp_path: Path, port: int) -> None:
    file = tmp_path / "state.json"
    with run(file, port) as first:
        first.arm("PUT", "one", json=body())
        first.azure.advance(86_400)
        created_at = first.arm("GET", "one")["systemData"]["createdAt"]
    with run(file, port) as second:
        second.arm("PUT", "two", json=body())
        data = second.arm("GET", "two")["systemData"]
        assert datetime.fromisoformat(data["createdAt"]) - datetime.fromisoformat(created_at) > timedelta(days=1)
        assert second.arm("GET", "one")["properties"]["endpointState"] == "Online"


def test_a_reset_sets_the_clock_back_for_good(tmp_path: Path, port: int) -> None:
    file = tmp_path / "state.json"
    with run(file, port) as first:
        first.azure.advance(86_400)
        first.azure.reset()
    with run(file, port) as second:
        second.arm("PUT", "one", json=body())
        created_at = datetime.fromisoformat(second.arm("GET", "one")["systemData"]["createdAt"])
        assert created_at - datetime.now(UTC) < timedelta(minutes=1)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"endpoints": {"a": {"b": {"c": 1}}}}'])
def test_an_unreadable_state_file_is_moved_aside(tmp_path: Path, port: int, text: str) -> None:
    file = tmp_path / "state.json"
    file.write_text(text)
    with run(file, port) as only:
        only.arm("PUT", "one", json=body())
    assert (tmp_path / "state.json.unreadable").read_text() == text
    assert "serverlessEndpoints/one" in file.read_text()
