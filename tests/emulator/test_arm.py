"""The emulator's ARM: creating, reading and deleting endpoints."""

import re
from typing import Any
from uuid import uuid4

import pytest

from emulator.seed import WORKSPACES
from tests.emulator.arm_client import PHI, PRODUCTION, VERSION, Arm, body, code
from tests.support.azure import Azure, end, start_azure
from tests.support.environment import free_port

pytestmark = pytest.mark.filterwarnings("ignore:.*response_mode:UserWarning")


def test_a_new_endpoint_is_accepted_like_the_real_one(arm: Arm) -> None:
    response = arm("PUT", f"{PRODUCTION}/one", json=body())
    assert response.status_code == 201
    properties = response.json()["properties"]
    assert (properties["provisioningState"], properties["endpointState"]) == ("Creating", "Creating")
    assert properties["inferenceEndpoint"] is None
    assert "Retry-After" not in response.headers
    assert response.headers["Location"].partition("?")[0].endswith("/serverlessEndpoints/one")
    assert len(response.headers["Azure-AsyncOperation"]) > 3000
    assert response.headers["x-ms-async-operation-timeout"] == "PT30M"
    assert int(response.headers["x-ms-ratelimit-remaining-subscription-writes"]) > 0


def test_the_status_document_has_the_quirks_of_the_real_one(azure: Azure, arm: Arm) -> None:
    monitor = arm("PUT", f"{PRODUCTION}/one", json=body()).headers["Azure-AsyncOperation"]
    running = arm("GET", monitor).json()
    assert (running["status"], running["percentComplete"]) == ("Updating", 0.0)
    assert running["endTime"].startswith("0001-01-01")
    azure.advance(60)
    assert arm("GET", monitor).json()["status"] == "Succeeded"
    made = arm("GET", f"{PRODUCTION}/one").json()
    assert made["properties"]["inferenceEndpoint"]["uri"] == "https://one.eastus2.models.ai.azure.com"


def test_a_changed_signature_is_refused(arm: Arm) -> None:
    monitor = arm("PUT", f"{PRODUCTION}/one", json=body()).headers["Azure-AsyncOperation"]
    assert arm("GET", monitor.replace("&c=", "&c=x")).status_code == 403
    assert arm("GET", re.sub("oeidp:[^?]+", "oeidp:none", monitor)).status_code == 404


@pytest.mark.parametrize(
    ("changes", "status", "wanted"),
    [
        ({"location": "westus"}, 400, "InvalidResourceLocation"),
        ({"location": None}, 400, "InvalidRequestContent"),
        ({"properties": {"authMode": "AAD", "modelSettings": {"modelId": PHI}}}, 400, "InvalidRequestContent"),
        ({"mood": "blue"}, 400, "InvalidRequestContent"),
        ({"sku": {"tier": "Basic"}}, 400, "InvalidRequestContent"),
        ({"sku": {"name": "c", "tier": "Gold"}}, 400, "InvalidRequestContent"),
        ({"sku": {"name": "c", "capacity": 2**31}}, 400, "InvalidRequestContent"),
        ({"tags": {f"k{n}": "v" for n in range(16)}}, 400, "InvalidRequestContent"),
        ({"identity": {"type": "UserAssigned"}}, 400, "InvalidRequestContent"),
        ({"identity": {"type": "Passport"}}, 400, "InvalidRequestContent"),
        ({"properties": {"authMode": "Key", "modelSettings": {"modelId": "nothing"}}}, 400, "UserError"),
    ],
)
def test_a_wrong_body_is_refused(arm: Arm, changes: dict[str, Any], status: int, wanted: str) -> None:
    response = arm("PUT", f"{PRODUCTION}/one", json=body(**changes))
    assert (response.status_code, code(response)) == (status, wanted)
    assert arm("GET", f"{PRODUCTION}/one").status_code == 404


def test_location_compares_without_case_and_spaces(arm: Arm) -> None:
    assert arm("PUT", f"{PRODUCTION.upper()}/one", json=body(location="East US 2")).status_code == 201


@pytest.mark.parametrize("name", ["1one", "one_two", "a" * 53, "ö"])
def test_an_invalid_name_is_refused(arm: Arm, name: str) -> None:
    assert code(arm("PUT", f"{PRODUCTION}/{name}", json=body())) == "InvalidResourceName"


def test_a_name_is_used_once_in_a_region(arm: Arm) -> None:
    arm("PUT", f"{PRODUCTION}/one", json=body())
    response = arm("PUT", f"{WORKSPACES[3].resource_id}/serverlessEndpoints/ONE", json=body())
    assert response.status_code == 409
    assert "is not available" in response.json()["error"]["message"]


def test_a_name_is_free_once_its_endpoint_is_deleted(azure: Azure, arm: Arm) -> None:
    elsewhere = f"{WORKSPACES[3].resource_id}/serverlessEndpoints/one"
    arm("PUT", f"{PRODUCTION}/one", json=body())
    arm("DELETE", f"{PRODUCTION}/one")
    assert arm("PUT", elsewhere, json=body()).status_code == 409
    azure.advance(60)
    assert arm("PUT", elsewhere, json=body()).status_code == 201


def test_a_partner_model_needs_its_offer(arm: Arm) -> None:
    cohere = {"modelId": "azureml://registries/azureml-cohere/models/Cohere-embed-v3-english"}
    response = arm("PUT", f"{PRODUCTION}/one", json=body(properties={"authMode": "Key", "modelSettings": cohere}))
    assert "ServerlessOfferNotFound" in response.text


def test_a_workspace_deploys_a_model_once() -> None:
    port = free_port()
    process = start_azure(port, dashboard_url="http://localhost:1", seconds="1", more=["--deployments-per-model", "1"])
    try:
        azure = Azure(f"http://127.0.0.1:{port}")
        headers = {"Authorization": f"Bearer {azure.application_token()}"}

        def put(name: str, workspace: int = 0) -> Any:
            url = f"{azure.url}{WORKSPACES[workspace].resource_id}/serverlessEndpoints/{name}?api-version={VERSION}"
            return azure.http.put(url, json=body(), headers=headers, timeout=10)

        assert put("one").status_code == 201
        second, elsewhere = put("two"), put("three", workspace=3)
    finally:
        end(process)
    assert (second.status_code, "ServerlessEndpointForModelExists" in second.text) == (409, True)
    assert elsewhere.status_code == 201


def test_every_response_has_ids_for_support(azure: Azure, arm: Arm) -> None:
    ours = {"x-ms-correlation-request-id": str(uuid4()), "x-ms-client-request-id": str(uuid4())}
    headers = {
        "Authorization": f"Bearer {azure.application_token()}",
        "x-ms-return-client-request-id": "true",
        **ours,
    }
    for path, kind in ((PRODUCTION, "standard"), (f"{PRODUCTION}/none", "error")):
        response = azure.http.get(f"{azure.url}{path}?api-version={VERSION}", headers=headers, timeout=10).headers
        assert ours.items() <= response.items()
        assert response["x-ms-request-id"] == ours["x-ms-correlation-request-id"]
        assert len(response["x-ms-routing-request-id"].split(":")) == 3
        assert float(response["x-request-time"]) >= 0
        assert response["x-ms-response-type"] == kind
        assert (response["Cache-Control"], response["X-Content-Type-Options"]) == ("no-cache", "nosniff")
    own = [arm("GET", PRODUCTION).headers for _ in range(2)]
    assert own[0]["x-ms-correlation-request-id"] != own[1]["x-ms-correlation-request-id"]
    assert "x-ms-client-request-id" not in own[0]


def test_an_endpoint_is_deleted_and_gone(azure: Azure, arm: Arm) -> None:
    assert arm("DELETE", f"{PRODUCTION}/one").status_code == 204
    arm("PUT", f"{PRODUCTION}/one", json=body())
    assert code(arm("PUT", f"{PRODUCTION}/one", json=body())) == "UserError"
    azure.advance(60)
    response = arm("DELETE", f"{PRODUCTION}/one")
    assert response.status_code == 202
    azure.advance(60)
    ended = arm("GET", response.headers["Location"])
    assert (ended.status_code, ended.json()["status"]) == (200, "Succeeded")
    assert arm("GET", f"{PRODUCTION}/one").status_code == 404


@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer nonsense"}, {"Authorization": "Basic eDp5"}])
def test_a_request_without_a_token_is_refused(azure: Azure, header: dict[str, str]) -> None:
    response = azure.http.get(f"{azure.url}{PRODUCTION}?api-version={VERSION}", headers=header, timeout=10)
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"].startswith("Bearer ")


def test_the_api_version_is_required(azure: Azure, arm: Arm) -> None:
    assert code(arm("GET", f"{azure.url}{PRODUCTION}")) == "MissingApiVersionParameter"
