"""From the resource to the state and the columns of a row."""

import pytest

from endpoints.arm.serverless_endpoint import ServerlessEndpoint
from endpoints.observed import hash_of, observed_columns, state_of
from endpoints.states import State
from tests.support.arm_responses import NOW, resource

URI = {"uri": "https://chat.eastus2.models.ai.azure.com"}


def endpoint(status: str, **properties: object) -> ServerlessEndpoint:
    return ServerlessEndpoint.from_json(resource(status, **properties))


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("Creating", State.CREATING),
        ("deleting", State.DELETING),
        ("Updating", State.UPDATING),
        ("Resolving", State.UPDATING),
        ("Succeeded", State.ONLINE),
        ("canceled", State.ONLINE),
        ("", State.ONLINE),
    ],
)
def test_state_follows_the_provisioning_state(status: str, state: State) -> None:
    assert state_of(endpoint(status, endpointState="Online", inferenceEndpoint=URI)) == (state, "")


def test_hash_ignores_the_order_of_fields() -> None:
    body = resource("Succeeded", endpointState="Online")
    reordered = dict(reversed(body.items()))
    assert hash_of(ServerlessEndpoint.from_json(body)) == hash_of(ServerlessEndpoint.from_json(reordered))


def test_hash_differs_with_the_content() -> None:
    assert hash_of(endpoint("Succeeded")) != hash_of(endpoint("Failed"))


def test_columns_hold_the_model_that_azure_holds() -> None:
    shown = endpoint("Succeeded", modelSettings={"modelId": "azureml://registries/r/models/m"})
    columns = observed_columns(shown, NOW)
    assert columns["model_id"] == "azureml://registries/r/models/m"
    assert columns["observed_hash"] == hash_of(shown)


def test_columns_keep_the_model_if_azure_shows_none() -> None:
    assert "model_id" not in observed_columns(endpoint("Succeeded"), NOW)


def test_body_without_properties_fills_no_column() -> None:
    assert observed_columns(ServerlessEndpoint.from_json({"status": "Succeeded"}), NOW) == {}
