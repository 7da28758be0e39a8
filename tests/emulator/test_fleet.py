"""The emulator with many workspaces and endpoints."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import requests

from emulator.fleet import GROUP_BEYOND_ASCII
from tests.emulator.arm_client import VERSION, body
from tests.support.azure import Azure, end, start_azure
from tests.support.environment import free_port

OPTIONS = ["--workspaces", "1000", "--subscriptions", "20", "--endpoints", "10000", "--throttle-scale", "1"]
PROVIDER = "providers/Microsoft.MachineLearningServices/workspaces"


class Fleet:
    """A large tenant, as the application that may write sees it."""

    def __init__(self, azure: Azure) -> None:
        self.azure = azure
        self.headers = {"Authorization": f"Bearer {azure.application_token()}"}

    def get(self, path: str, method: str = "GET", **more: Any) -> requests.Response:
        url = path if path.startswith("http") else f"{self.azure.url}{path}?api-version={VERSION}"
        return self.azure.http.request(method, url, headers=self.headers, timeout=10, **more)

    def items(self, path: str) -> list[dict[str, Any]]:
        """A whole list, page by page."""
        items, link = [], path
        while link:
            document = self.get(link).json()
            items += document["value"]
            link = document.get("nextLink", "")
        return items

    def workspaces(self, number: int = 2) -> list[dict[str, Any]]:
        """The workspaces of one subscription; the first two are those of the examples."""
        subscription = self.get("/subscriptions").json()["value"][number]["id"]
        return self.items(f"{subscription}/{PROVIDER}")


@pytest.fixture(scope="module")
def fleet_process() -> Iterator[Fleet]:
    process = start_fleet(port := free_port())
    yield Fleet(Azure(f"http://127.0.0.1:{port}"))
    end(process)


@pytest.fixture
def fleet(fleet_process: Fleet) -> Fleet:
    """As it is after the start."""
    fleet_process.azure.reset()
    return fleet_process


def start_fleet(port: int) -> Any:
    return start_azure(port, dashboard_url="http://localhost:1", seconds="1", more=OPTIONS)


def test_workspaces_are_spread_over_subscriptions(fleet: Fleet) -> None:
    subscriptions = [one["id"] for one in fleet.items("/subscriptions")]
    assert len(subscriptions) == 22
    counts = [len(fleet.items(f"{subscription}/{PROVIDER}")) for subscription in subscriptions]
    assert counts == [3, 3, *[50] * 20]


def test_workspaces_are_in_several_regions(fleet: Fleet) -> None:
    assert len({one["location"] for one in fleet.workspaces()}) == 7


def test_a_list_of_workspaces_comes_in_pages(fleet: Fleet) -> None:
    port = free_port()
    process = start_azure(port, dashboard_url="http://localhost:1", seconds="1", more=["--workspaces", "250"])
    try:
        large = Fleet(Azure(f"http://127.0.0.1:{port}"))
        names = [one["name"] for one in large.workspaces()]
    finally:
        end(process)
    assert len(names) == len(set(names)) == 250


def test_endpoints_are_online_from_the_start(fleet: Fleet) -> None:
    endpoints = [
        endpoint for one in fleet.workspaces()[:7] for endpoint in fleet.items(f"{one['id']}/serverlessEndpoints")
    ]
    assert len(endpoints) == 70
    assert {one["properties"]["endpointState"] for one in endpoints} == {"Online"}
    assert len({one["properties"]["modelSettings"]["modelId"] for one in endpoints}) > 4
    assert {one["systemData"]["createdByType"] for one in endpoints} == {"User", "Application"}


def test_an_endpoint_of_a_partner_model_names_its_subscription(fleet: Fleet) -> None:
    here = fleet.workspaces(3)[0]["id"]
    subscribed = {one["id"] for one in fleet.items(f"{here}/marketplaceSubscriptions")}
    endpoints = fleet.items(f"{here}/serverlessEndpoints")
    payers = {one["properties"]["marketplaceSubscriptionId"] for one in endpoints} - {None}
    assert payers
    assert payers <= subscribed


def test_every_start_has_the_same_ids(fleet: Fleet) -> None:
    port = free_port()
    process = start_fleet(port)
    try:
        again = Fleet(Azure(f"http://127.0.0.1:{port}"))
        assert again.workspaces(21) == fleet.workspaces(21)
        here = f"{fleet.workspaces(21)[-1]['id']}/serverlessEndpoints"
        assert again.items(here) == fleet.items(here)
    finally:
        end(process)


def test_a_group_has_letters_beyond_ascii(fleet: Fleet) -> None:
    here = next(one["id"] for one in fleet.workspaces() if GROUP_BEYOND_ASCII in one["id"])
    assert fleet.get(quote(here)).json()["id"] == here
    assert fleet.get(quote(here.lower())).json()["id"] == here
    made = fleet.get(f"{quote(here)}/serverlessEndpoints/one", "PUT", json=body())
    assert made.status_code == 201
    assert fleet.get(made.headers["Location"]).json()["id"] == f"{here}/serverlessEndpoints/one"
    group = here.partition("/providers")[0]
    assert here in {one["id"] for one in fleet.items(f"{quote(group)}/{PROVIDER}")}


def test_a_state_file_fits_a_smaller_tenant(tmp_path: Path) -> None:
    port, file = free_port(), tmp_path / "state.json"
    for number, more in enumerate((["--workspaces", "40", "--subscriptions", "2"], [])):
        process = start_azure(port, dashboard_url="http://localhost:1", seconds="1", state_file=file, more=more)
        try:
            tenant = Fleet(Azure(f"http://127.0.0.1:{port}"))
            subscriptions = [one["id"] for one in tenant.items("/subscriptions")]
            if number == 0:
                url = f"{tenant.azure.url}/emulator/resources{subscriptions[-1]}/resourceGroups/rg-new"
                assert tenant.azure.http.put(url, timeout=10).ok
        finally:
            end(process)
    assert len(subscriptions) == 2


def test_reads_of_a_large_tenant_are_fast(fleet: Fleet) -> None:
    workspaces = [one["id"] for one in fleet.workspaces(4)]
    endpoint = fleet.items(f"{workspaces[0]}/serverlessEndpoints")[0]["id"]
    for path in (f"{workspaces[0]}/serverlessEndpoints", endpoint, workspaces[-1]):
        started = time.perf_counter()
        for _ in range(50):
            assert fleet.get(path).ok
        # A few milliseconds, of which the client takes most; a search through everything took ten times as long.
        assert (time.perf_counter() - started) / 50 < 0.05


def test_every_subscription_has_a_budget_of_its_own(fleet: Fleet) -> None:
    header = "x-ms-ratelimit-remaining-subscription-reads"
    here, there = (fleet.workspaces(number)[0]["id"] for number in (5, 6))
    left = [int(fleet.get(here).headers[header]) for _ in range(30)]
    assert int(fleet.get(there.upper()).headers[header]) > left[-1]
    assert left[-1] < left[0]
