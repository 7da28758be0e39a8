"""What an emulator remembers over a restart."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.emulator.arm_client import PRODUCTION, VERSION, body
from tests.support.azure import Azure, end, start_azure
from tests.support.environment import free_port


class Life:
    """One life of the emulator: a token for its ARM, and what it answers."""

    def __init__(self, azure: Azure) -> None:
        self.azure = azure
        self.headers = {"Authorization": f"Bearer {azure.application_token()}"}

    def ask(self, method: str, ending: str, **more: Any) -> dict[str, Any]:
        url = f"{self.azure.url}{PRODUCTION}/{ending}?api-version={VERSION}"
        answer = self.azure.http.request(method, url, headers=self.headers, timeout=10, **more)
        assert answer.ok, answer.text
        found: dict[str, Any] = answer.json()
        return found


@contextmanager
def life(file: Path, port: int) -> Iterator[Life]:
    process = start_azure(port, dashboard_url="http://localhost:1", seconds="30", state_file=file)
    try:
        yield Life(Azure(f"http://127.0.0.1:{port}"))
    finally:
        end(process)


@pytest.fixture
def port() -> int:
    return free_port()


def test_what_was_made_is_there_after_a_restart(tmp_path: Path, port: int) -> None:
    file = tmp_path / "state.json"
    with life(file, port) as first:
        first.ask("PUT", "one", json=body())
        first.azure.advance(60)
        keys = first.ask("POST", "one/listKeys")
        old_token = first.headers
    with life(file, port) as second:
        second.headers = old_token
        assert second.ask("GET", "one")["properties"]["endpointState"] == "Online"
        assert second.ask("POST", "one/listKeys") == keys
    assert file.stat().st_mode & 0o777 == 0o600


def test_an_operation_goes_on_after_a_restart(tmp_path: Path, port: int) -> None:
    file = tmp_path / "state.json"
    with life(file, port) as first:
        first.ask("PUT", "one", json=body())
    with life(file, port) as second:
        assert second.ask("GET", "one")["properties"]["endpointState"] == "Creating"
        second.azure.advance(60)
        assert second.ask("GET", "one")["properties"]["endpointState"] == "Online"


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"endpoints": {"a": {"b": {"c": 1}}}}'])
def test_a_file_that_cannot_be_read_is_put_aside(tmp_path: Path, port: int, text: str) -> None:
    file = tmp_path / "state.json"
    file.write_text(text)
    with life(file, port) as only:
        only.ask("PUT", "one", json=body())
    assert (tmp_path / "state.json.unreadable").read_text() == text
    assert "serverlessEndpoints/one" in file.read_text()
