"""The emulator's ARM: the marketplace subscriptions that partner models need."""

from typing import Any

import pytest

from emulator.seed import WORKSPACES
from tests.emulator.arm_client import PRODUCTION, Arm, body, code
from tests.support.azure import Azure

pytestmark = pytest.mark.filterwarnings("ignore:.*response_mode:UserWarning")
BOUGHT = PRODUCTION.replace("serverlessEndpoints", "marketplaceSubscriptions")
COHERE = "azureml://registries/azureml-cohere/models/Cohere-embed-v3-english"
LLAMA = "azureml://registries/azureml-meta/models/Llama-3.3-70B-Instruct"


def buying(model: str = COHERE) -> dict[str, Any]:
    return {"properties": {"modelId": model}}


def serving(model: str) -> dict[str, Any]:
    return body(properties={"authMode": "Key", "modelSettings": {"modelId": model}})


def test_a_workspace_starts_with_subscriptions(arm: Arm) -> None:
    found = {one["name"]: one for one in arm("GET", BOUGHT).json()["value"]}
    assert found["Llama-33-70B-Instruct"]["properties"]["marketplaceSubscriptionStatus"] == "Subscribed"
    assert arm("PUT", f"{PRODUCTION}/one", json=serving(LLAMA)).status_code == 201


def test_a_partner_model_can_be_deployed_once_subscribed(azure: Azure, arm: Arm) -> None:
    assert "ServerlessOfferNotFound" in arm("PUT", f"{PRODUCTION}/one", json=serving(COHERE)).text
    response = arm("PUT", f"{BOUGHT}/cohere", json=buying())
    assert (response.status_code, response.json()["properties"]["provisioningState"]) == (201, "Creating")
    assert "ServerlessOfferNotFound" in arm("PUT", f"{PRODUCTION}/one", json=serving(COHERE)).text
    azure.advance(60)
    assert arm("GET", response.headers["Azure-AsyncOperation"]).json()["status"] == "Succeeded"
    properties = arm("GET", f"{BOUGHT}/cohere").json()["properties"]
    assert (properties["provisioningState"], properties["marketplaceSubscriptionStatus"]) == ("Succeeded", "Subscribed")
    made = arm("PUT", f"{PRODUCTION}/one", json=serving(COHERE)).json()
    assert made["properties"]["marketplaceSubscriptionId"].endswith("/marketplaceSubscriptions/cohere")


@pytest.mark.parametrize(
    ("model", "wanted"),
    [
        ("azureml://registries/azureml/models/Phi-4", "MarketplaceNotRequired"),
        (LLAMA, "MarketplaceSubscriptionExists"),
        ("azureml://registries/azureml-none/models/none", "was not found"),
        ("azureml://registries/azureml-meta/models/Meta-Llama-3.1-8B-Instruct", "ServerlessModelNotAvailableInRegion"),
        ("", "InvalidRequestContent"),
        (["x"], "InvalidRequestContent"),
    ],
)
def test_an_invalid_subscription_is_refused(arm: Arm, model: Any, wanted: str) -> None:
    response = arm("PUT", f"{BOUGHT}/some", json=buying(model))
    assert response.status_code in {400, 409}
    assert wanted in response.text


def test_subscribing_again_changes_nothing(arm: Arm) -> None:
    assert arm("PUT", f"{BOUGHT}/Llama-33-70B-Instruct", json=buying(LLAMA)).status_code == 200
    assert arm("PUT", f"{BOUGHT}/Llama-33-70B-Instruct", json=buying()).status_code == 409


def test_a_subscription_can_fail_late(azure: Azure, arm: Arm) -> None:
    monitor = arm("PUT", f"{BOUGHT}/fail-payment-x", json=buying()).headers["Azure-AsyncOperation"]
    azure.advance(60)
    assert "payment method" in arm("GET", monitor).json()["error"]["message"]
    properties = arm("GET", f"{BOUGHT}/fail-payment-x").json()["properties"]
    assert (properties["provisioningState"], properties["marketplaceSubscriptionStatus"]) == ("Failed", "Unsubscribed")


def test_an_endpoint_without_its_subscription_is_suspended(azure: Azure, arm: Arm) -> None:
    arm("PUT", f"{PRODUCTION}/one", json=serving(LLAMA))
    azure.advance(60)
    response = arm("DELETE", f"{BOUGHT}/llama-33-70b-instruct")
    assert response.status_code == 202
    azure.advance(60)
    assert arm("GET", f"{BOUGHT}/Llama-33-70B-Instruct").status_code == 404
    assert arm("DELETE", f"{BOUGHT}/Llama-33-70B-Instruct").status_code == 204
    assert arm("GET", f"{PRODUCTION}/one").json()["properties"]["endpointState"] == "Suspended"


def test_permissions_and_faults_apply_to_subscriptions(azure: Azure, arm: Arm) -> None:
    assert code(arm("PUT", f"{BOUGHT}/cohere", person="vera", json=buying())) == "AuthorizationFailed"
    azure.fault("refuse", where="marketplace", method="PUT", cause="enrollment")
    assert "enrollment" in arm("PUT", f"{BOUGHT}/cohere", json=buying()).text
    assert arm("GET", f"{WORKSPACES[1].resource_id}/marketplaceSubscriptions").json() == {"value": []}
