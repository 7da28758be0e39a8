"""404s of every kind, on any path, for as many requests as specified."""

import pytest

from emulator.arm.absences import SHAPES
from emulator.seed import WORKSPACES
from tests.emulator.arm_client import PRODUCTION, Arm, body, code
from tests.support.azure import Azure

pytestmark = pytest.mark.filterwarnings("ignore:.*response_mode:UserWarning")
RESOURCE = "workspaces/ml-production/serverlessEndpoints/one"


@pytest.mark.parametrize(
    ("shape", "wanted", "part"),
    [
        ("operation", "NotFound", "OperationNotFound"),
        ("resource", "ResourceNotFound", f"'Microsoft.MachineLearningServices/{RESOURCE}' under resource group 'rg-ml"),
        ("workspace", "ResourceNotFound", "/workspaces/ml-production' under resource group 'rg-ml-production' was not"),
        ("service", "NotFound", f'"target": "/subscriptions/{WORKSPACES[0].subscription_id}'),
        ("group", "ResourceGroupNotFound", "Resource group 'rg-ml-production' could not be found."),
        ("parent", "ParentResourceNotFound", "workspaces/ml-production' could not be found."),
        ("subscription", "SubscriptionNotFound", f"The subscription '{WORKSPACES[0].subscription_id}' could not"),
        ("type", "InvalidResourceType", "2025-09-01"),
        ("provider", "NoRegisteredProviderFound", "2025-09-01"),
    ],
)
def test_a_404_names_what_is_missing(azure: Azure, arm: Arm, shape: str, wanted: str, part: str) -> None:
    arm("PUT", f"{PRODUCTION}/one", json=body())
    azure.fault("not-found", where="resource", shape=shape, times=1)
    response = arm("GET", f"{PRODUCTION}/one")
    assert (response.status_code, code(response)) == (404, wanted)
    assert part in response.text
    assert arm("GET", f"{PRODUCTION}/one").ok


@pytest.mark.parametrize(("shape", "text"), [("html", "<html>"), ("empty", "")])
def test_a_404_can_have_no_error(azure: Azure, arm: Arm, shape: str, text: str) -> None:
    azure.fault("not-found", where="list", shape=shape)
    response = arm("GET", PRODUCTION)
    assert (response.status_code, response.text.startswith(text)) == (404, True)
    assert bool(response.content) == bool(text)


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_fits_any_path(azure: Azure, arm: Arm, shape: str) -> None:
    paths = {
        PRODUCTION: "GET",
        f"{PRODUCTION}/one": "DELETE",
        WORKSPACES[0].resource_id: "GET",
        "/subscriptions": "GET",
    }
    azure.fault("not-found", where="arm", shape=shape, times=len(paths) + 1)
    other = f"{WORKSPACES[0].resource_id}/computes"
    responses = [arm(method, path) for path, method in {**paths, other: "GET"}.items()]
    assert [response.status_code for response in responses] == [404] * 5
    assert arm("GET", PRODUCTION).ok


def test_a_404_can_single_out_one_endpoint(azure: Azure, arm: Arm) -> None:
    for name in ("one", "two"):
        arm("PUT", f"{PRODUCTION}/{name}", json=body())
    azure.fault("not-found", where="arm", path="*/serverlessEndpoints/one", shape="workspace")
    assert [arm("GET", f"{PRODUCTION}/{name}").status_code for name in ("one", "two")] == [404, 200]


def test_a_delete_that_never_arrives_deletes_nothing(azure: Azure, arm: Arm) -> None:
    arm("PUT", f"{PRODUCTION}/one", json=body())
    azure.fault("not-found", where="delete", shape="group", times=1)
    assert arm("DELETE", f"{PRODUCTION}/one").status_code == 404
    assert arm("GET", f"{PRODUCTION}/one").ok


def test_an_unknown_shape_is_refused(azure: Azure) -> None:
    spec = {"kind": "not-found", "shape": "round"}
    response = azure.http.post(f"{azure.url}/emulator/faults", json=spec, timeout=10)
    assert (response.status_code, "Unknown shape 'round'." in response.json()["error"]) == (400, True)


def test_a_missing_endpoint_is_named_like_the_fault(azure: Azure, arm: Arm) -> None:
    honest = arm("GET", f"{PRODUCTION}/one").json()
    azure.fault("not-found", where="resource", shape="resource")
    assert arm("GET", f"{PRODUCTION}/one").json() == honest
