"""The emulator's ARM: buying what models of partners need."""

from typing import Any

import pytest

from emulator.seed import WORKSPACES
from tests.emulator.arm_client import PRODUCTION, Ask, body, code
from tests.support.azure import Azure

pytestmark = pytest.mark.filterwarnings("ignore:.*response_mode:UserWarning")
BOUGHT = PRODUCTION.replace("serverlessEndpoints", "marketplaceSubscriptions")
COHERE = "azureml://registries/azureml-cohere/models/Cohere-embed-v3-english"
LLAMA = "azureml://registries/azureml-meta/models/Llama-3.3-70B-Instruct"


def buying(model: str = COHERE) -> dict[str, Any]:
    return {"properties": {"modelId": model}}


def serving(model: str) -> dict[str, Any]:
    return body(properties={"authMode": "Key", "modelSettings": {"modelId": model}})


def test_a_workspace_has_bought_some_before(ask: Ask) -> None:
    found = {one["name"]: one for one in ask("GET", BOUGHT).json()["value"]}
    assert found["Llama-33-70B-Instruct"]["properties"]["marketplaceSubscriptionStatus"] == "Subscribed"
    assert ask("PUT", f"{PRODUCTION}/one", json=serving(LLAMA)).status_code == 201


def test_a_partners_model_can_be_served_once_it_is_bought(azure: Azure, ask: Ask) -> None:
    assert "ServerlessOfferNotFound" in ask("PUT", f"{PRODUCTION}/one", json=serving(COHERE)).text
    answer = ask("PUT", f"{BOUGHT}/cohere", json=buying())
    assert (answer.status_code, answer.json()["properties"]["provisioningState"]) == (201, "Creating")
    assert "ServerlessOfferNotFound" in ask("PUT", f"{PRODUCTION}/one", json=serving(COHERE)).text
    azure.advance(60)
    assert ask("GET", answer.headers["Azure-AsyncOperation"]).json()["status"] == "Succeeded"
    properties = ask("GET", f"{BOUGHT}/cohere").json()["properties"]
    assert (properties["provisioningState"], properties["marketplaceSubscriptionStatus"]) == ("Succeeded", "Subscribed")
    made = ask("PUT", f"{PRODUCTION}/one", json=serving(COHERE)).json()
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
def test_what_cannot_be_bought_is_told_so(ask: Ask, model: Any, wanted: str) -> None:
    answer = ask("PUT", f"{BOUGHT}/some", json=buying(model))
    assert answer.status_code in {400, 409}
    assert wanted in answer.text


def test_buying_the_same_again_changes_nothing(ask: Ask) -> None:
    assert ask("PUT", f"{BOUGHT}/Llama-33-70B-Instruct", json=buying(LLAMA)).status_code == 200
    assert ask("PUT", f"{BOUGHT}/Llama-33-70B-Instruct", json=buying()).status_code == 409


def test_a_purchase_can_fail_late(azure: Azure, ask: Ask) -> None:
    monitor = ask("PUT", f"{BOUGHT}/fail-payment-x", json=buying()).headers["Azure-AsyncOperation"]
    azure.advance(60)
    assert "payment method" in ask("GET", monitor).json()["error"]["message"]
    properties = ask("GET", f"{BOUGHT}/fail-payment-x").json()["properties"]
    assert (properties["provisioningState"], properties["marketplaceSubscriptionStatus"]) == ("Failed", "Unsubscribed")


def test_an_endpoint_lives_and_dies_with_what_pays_for_it(azure: Azure, ask: Ask) -> None:
    ask("PUT", f"{PRODUCTION}/one", json=serving(LLAMA))
    azure.advance(60)
    answer = ask("DELETE", f"{BOUGHT}/llama-33-70b-instruct")
    assert answer.status_code == 202
    azure.advance(60)
    assert ask("GET", f"{BOUGHT}/Llama-33-70B-Instruct").status_code == 404
    assert ask("DELETE", f"{BOUGHT}/Llama-33-70B-Instruct").status_code == 204
    assert ask("GET", f"{PRODUCTION}/one").json()["properties"]["endpointState"] == "Suspended"


def test_rights_and_faults_are_as_for_endpoints(azure: Azure, ask: Ask) -> None:
    assert code(ask("PUT", f"{BOUGHT}/cohere", person="vera", json=buying())) == "AuthorizationFailed"
    azure.fault("refuse", where="marketplace", method="PUT", cause="enrollment")
    assert "enrollment" in ask("PUT", f"{BOUGHT}/cohere", json=buying()).text
    assert ask("GET", f"{WORKSPACES[1].resource_id}/marketplaceSubscriptions").json() == {"value": []}
