"""The emulator with a latency like that of the real service."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.emulator.arm_client import PRODUCTION, VERSION
from tests.support.azure import Azure, end, start_azure
from tests.support.environment import free_port


@pytest.fixture(scope="module")
def distant() -> Iterator[Azure]:
    port = free_port()
    process = start_azure(port, dashboard_url="http://localhost:1", seconds="1", more=["--latency-ms", "300"])
    yield Azure(f"http://127.0.0.1:{port}")
    end(process)


def test_every_response_of_arm_takes_a_while(distant: Azure) -> None:
    headers = {"Authorization": f"Bearer {distant.application_token()}"}
    url = f"{distant.url}{PRODUCTION}?api-version={VERSION}"
    assert distant.http.get(url, headers=headers, timeout=10).elapsed.total_seconds() >= 0.3
    distant.fault("not-found", where="list", shape="html", times=1)
    assert distant.http.get(url, headers=headers, timeout=10).elapsed.total_seconds() >= 0.3


def test_the_control_api_answers_at_once(distant: Azure) -> None:
    started = time.monotonic()
    distant.advance(1)
    assert time.monotonic() - started < 0.3


def test_requests_wait_side_by_side(distant: Azure) -> None:
    headers = {"Authorization": f"Bearer {distant.application_token()}"}
    url = f"{distant.url}{PRODUCTION}?api-version={VERSION}"

    def read(_: int) -> bool:
        return requests.get(url, headers=headers, timeout=10).ok

    started = time.monotonic()
    with ThreadPoolExecutor(32) as pool:
        assert all(pool.map(read, range(32)))
    # One after the other, they take 9.6 seconds.
    assert time.monotonic() - started < 5
