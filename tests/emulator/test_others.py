"""Acts of other people on endpoints and marketplace subscriptions, through the control API."""

from typing import Any

import pytest
import requests

from emulator.directory import PIPELINE, PIPELINE_CLIENT_ID
from tests.emulator.arm_client import PHI, PRODUCTION, Arm, body, code
from tests.support.azure import Azure

pytestmark = pytest.mark.filterwarnings("ignore:.*response_mode:UserWarning")
ONE = f"{PRODUCTION}/one"
LLAMA = "azureml://registries/azureml-meta/models/Llama-3.3-70B-Instruct"
PAYER = f"{PRODUCTION.replace('serverlessEndpoints', 'marketplaceSubscriptions')}/Llama-33-70B-Instruct"
MODEL = {"properties": {"modelSettings": {"modelId": PHI}}}


def act(azure: Azure, method: str, resource_id: str, body: Any = None, **query: Any) -> requests.Response:
    url = f"{azure.url}/emulator/resources{resource_id}"
    return azure.http.request(method, url, params=query, json=body, timeout=10)


@pytest.fixture
def one(azure: Azure, arm: Arm) -> str:
    """An endpoint of our own that is online."""
    arm("PUT", ONE, json=body(tags={"a": "1"}))
    azure.advance(60)
    return ONE


@pytest.mark.parametrize(
    ("by", "name", "kind"),
    [
        ("", "somebody.else@emulator.test", "User"),
        ("olga@emulator.test", "olga@emulator.test", "User"),
        ("new.colleague@emulator.test", "new.colleague@emulator.test", "User"),
        ("pipeline", PIPELINE.oid, "Application"),
        (PIPELINE_CLIENT_ID, PIPELINE.oid, "Application"),
        ("nightly-build", "nightly-build", "Application"),
    ],
)
def test_an_endpoint_appears_with_its_creator(azure: Azure, arm: Arm, by: str, name: str, kind: str) -> None:
    assert act(azure, "PUT", ONE, MODEL, by=by).ok
    (found,) = arm("GET", PRODUCTION).json()["value"]
    assert (found["systemData"]["createdBy"], found["systemData"]["createdByType"]) == (name, kind)
    assert found["properties"]["endpointState"] == "Online"
    assert found["properties"]["inferenceEndpoint"]["uri"]


def test_a_creation_can_take_a_while(azure: Azure, arm: Arm) -> None:
    act(azure, "PUT", ONE, MODEL, seconds=100)
    assert arm("GET", ONE).json()["properties"]["provisioningState"] == "Creating"
    assert arm("PUT", ONE, json=body()).status_code == 409
    azure.advance(120)
    assert arm("GET", ONE).json()["properties"]["endpointState"] == "Online"


def test_a_replacement_keeps_the_creator(azure: Azure, arm: Arm, one: str) -> None:
    act(azure, "PUT", one, MODEL | {"tags": {"b": "2"}}, by="pipeline")
    found = arm("GET", one).json()
    assert found["tags"] == {"b": "2"}
    assert (found["systemData"]["createdBy"], found["systemData"]["lastModifiedBy"]) == (
        "ada@emulator.test",
        PIPELINE.oid,
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"tags": {"b": "2"}},
        {"sku": {"name": "Consumption", "tier": "Free"}},
        {"kind": "other"},
        {"identity": {"type": "None"}},
        {"properties": {"modelSettings": {"modelId": "azureml://registries/azureml/models/Phi-4-mini-instruct"}}},
        {"properties": {"contentSafety": {"contentSafetyStatus": "Disabled"}}},
        {"properties": {"inferenceEndpoint": None}},
        {"properties": {"marketplaceSubscriptionId": PAYER}},
    ],
)
def test_any_field_can_change(azure: Azure, arm: Arm, one: str, changes: dict[str, Any]) -> None:
    before = arm("GET", one).json()
    azure.advance(60)
    assert act(azure, "PATCH", one, changes, by="olga@emulator.test").ok
    found = arm("GET", one).json()
    data = found.pop("systemData")
    assert (data["lastModifiedBy"], data["createdBy"]) == ("olga@emulator.test", "ada@emulator.test")
    assert data["lastModifiedAt"] > before.pop("systemData")["lastModifiedAt"]
    properties = before["properties"] | changes.get("properties", {})
    assert found == {**before, **changes, "properties": properties}


def test_the_auth_mode_can_change(azure: Azure, arm: Arm, one: str) -> None:
    act(azure, "PATCH", one, {"properties": {"authMode": "AAD"}})
    assert arm("GET", one).json()["properties"]["authMode"] == "AAD"
    azure.reset()  # or the fixture holds this response to the definition of 2025-09-01


@pytest.mark.parametrize("state", ["Suspending", "Suspended", "Reinstating", "DeletionFailed"])
def test_an_endpoint_state_lasts(azure: Azure, arm: Arm, one: str, state: str) -> None:
    before = arm("GET", one).json()["systemData"]
    act(azure, "PATCH", one, {"properties": {"endpointState": state}})
    azure.advance(3600)
    assert arm("GET", one).json()["properties"]["endpointState"] == state
    assert arm("GET", one).json()["systemData"] == before
    act(azure, "PATCH", one, {"properties": {"endpointState": "Online"}})
    assert arm("GET", one).json()["properties"]["endpointState"] == "Online"


@pytest.mark.parametrize("state", ["Creating", "Updating", "Deleting", "Failed"])
def test_a_provisioning_state_can_return(azure: Azure, arm: Arm, one: str, state: str) -> None:
    act(azure, "PATCH", one, {"properties": {"provisioningState": state}}, seconds=100)
    assert arm("GET", one).json()["properties"]["provisioningState"] == state
    assert (arm("PATCH", one, json={"tags": {}}).status_code == 409) == (state != "Failed")
    azure.advance(120)
    assert arm("GET", one).json()["properties"]["provisioningState"] == "Succeeded"


def test_a_deletion_is_at_once_or_takes_a_while(azure: Azure, arm: Arm, one: str) -> None:
    act(azure, "PUT", f"{PRODUCTION}/two", MODEL)
    act(azure, "DELETE", f"{PRODUCTION}/two", seconds=100)
    assert act(azure, "DELETE", one).ok
    (left,) = arm("GET", PRODUCTION).json()["value"]
    assert (left["name"], left["properties"]["provisioningState"]) == ("two", "Deleting")
    azure.advance(120)
    assert arm("GET", PRODUCTION).json()["value"] == []


def test_acts_are_not_among_the_requests(azure: Azure) -> None:
    act(azure, "PUT", ONE, MODEL)
    assert azure.requests("PUT") == []


@pytest.mark.parametrize(
    ("method", "path", "changes", "status"),
    [
        ("PATCH", ONE, {"mood": "blue"}, 400),
        ("PATCH", ONE, {"location": "westus"}, 400),
        ("PATCH", ONE, {"properties": {"mood": "blue"}}, 400),
        ("PATCH", ONE, {"properties": []}, 400),
        ("PATCH", ONE, {"properties": {"endpointState": None}}, 400),
        ("PATCH", ONE, {"tags": {"a": 1}}, 400),
        ("PATCH", ONE, [], 400),
        ("PATCH", f"{PRODUCTION}/none", {}, 404),
        ("DELETE", f"{PRODUCTION}/none", {}, 404),
        ("PUT", f"{PRODUCTION}/1", MODEL, 400),
        ("PUT", f"{PRODUCTION}/two", {}, 400),
        ("PUT", f"{PRODUCTION.replace('ml-production', 'none')}/two", MODEL, 404),
        ("GET", PRODUCTION, None, 404),
        ("GET", "/subscriptions/a/b", None, 404),
    ],
)
def test_an_impossible_act_is_refused(
    azure: Azure, one: str, method: str, path: str, changes: Any, status: int
) -> None:
    response = act(azure, method, path, changes)
    assert response.status_code == status
    assert response.json()["error"]


@pytest.mark.parametrize("seconds", ["x", "-1", "nan", "1e9"])
def test_an_invalid_duration_is_refused(azure: Azure, one: str, seconds: str) -> None:
    assert act(azure, "DELETE", one, seconds=seconds).status_code == 400
    assert act(azure, "GET", one).ok


@pytest.mark.parametrize("status", ["Suspended", "Unsubscribed"])
def test_a_marketplace_subscription_suspends_its_endpoints(azure: Azure, arm: Arm, status: str) -> None:
    act(azure, "PUT", ONE, {"properties": {"modelSettings": {"modelId": LLAMA}}})
    assert arm("GET", ONE).json()["properties"]["marketplaceSubscriptionId"] == PAYER
    act(azure, "PATCH", PAYER, {"properties": {"marketplaceSubscriptionStatus": status}})
    assert arm("GET", PAYER).json()["properties"]["marketplaceSubscriptionStatus"] == status
    assert arm("GET", ONE).json()["properties"]["endpointState"] == "Suspended"
    act(azure, "PATCH", PAYER, {"properties": {"marketplaceSubscriptionStatus": "Subscribed"}})
    assert arm("GET", ONE).json()["properties"]["endpointState"] == "Online"


def test_a_marketplace_subscription_can_be_bought_and_cancelled(azure: Azure, arm: Arm) -> None:
    cohere = PAYER.replace("Llama-33-70B-Instruct", "cohere")
    model = "azureml://registries/azureml-cohere/models/Cohere-embed-v3-english"
    act(azure, "PUT", cohere, {"properties": {"modelId": model}}, by="pipeline")
    assert arm("GET", cohere).json()["properties"]["marketplaceSubscriptionStatus"] == "Subscribed"
    assert act(azure, "PUT", ONE, {"properties": {"modelSettings": {"modelId": model}}}).ok
    act(azure, "DELETE", cohere)
    assert code(arm("GET", cohere)) == "ResourceNotFound"
    assert arm("GET", ONE).json()["properties"]["endpointState"] == "Suspended"
