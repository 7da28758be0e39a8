"""Random requests that are generated from the public API definition."""

import copy
from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase
from schemathesis import Case

from emulator.arm.definition import definition
from emulator.seed import WORKSPACES
from tests.emulator.arm_client import PHI, PRODUCTION, VERSION, body
from tests.support.azure import Azure

HERE = WORKSPACES[0]
# Values that exist or could exist, so that many requests get past the first check.
KNOWN = {
    "subscriptionId": [HERE.subscription_id],
    "resourceGroupName": [HERE.resource_group],
    "workspaceName": [HERE.name],
    "name": ["one", "two", "Llama-33-70B-Instruct"],
    "api-version": ["2025-09-01"],
    "modelId": [PHI, "azureml://registries/azureml-cohere/models/Cohere-embed-v3-english"],
    "location": ["eastus2", "East US 2"],
}


def with_known_values() -> dict[str, Any]:
    """The definition with KNOWN values in place of any text."""
    whole = copy.deepcopy(definition())
    operations = [one for methods in whole["paths"].values() for one in methods.values()]
    inline = [one for operation in operations for one in operation["parameters"]]
    for parameter in (*whole["parameters"].values(), *inline):
        if parameter.get("name") in KNOWN:
            parameter.pop("pattern", None)
            parameter["enum"] = KNOWN[parameter["name"]]
    for part in parts_of(whole["definitions"]):
        for name in {"modelId", "location"} & part["properties"].keys():
            part["properties"][name] = {"type": "string", "enum": KNOWN[name]}
        if "modelSettings" in part["properties"]:
            part["properties"]["modelSettings"]["required"] = ["modelId"]
            part["properties"]["modelSettings"]["type"] = "object"
            part["required"] = ["authMode", "modelSettings"]
    return whole


def parts_of(whole: Any) -> Iterator[dict[str, Any]]:
    if isinstance(whole, dict):
        yield from (one for one in (whole,) if isinstance(one.get("properties"), dict))
        for part in whole.values():
            yield from parts_of(part)


schema = schemathesis.openapi.from_dict(with_known_values())
BOUNDED = hypothesis.settings(
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=25,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture
def headers(azure: Azure) -> dict[str, str]:
    """The headers of a caller who may do everything; one endpoint is online already."""
    headers = {"Authorization": f"Bearer {azure.application_token()}"}
    url = f"{azure.url}{PRODUCTION}/one?api-version={VERSION}"
    assert azure.http.put(url, json=body(), headers=headers, timeout=10).status_code == 201
    azure.advance(60)
    return headers


@schema.parametrize()
@BOUNDED
def test_no_request_of_the_definition_causes_a_5xx(azure: Azure, headers: dict[str, str], case: Case[Any]) -> None:
    """The `azure` fixture checks the responses against the definition afterwards."""
    azure.advance(60)
    response = case.call(base_url=azure.url, headers=headers, timeout=10)
    assert response.status_code < 500
