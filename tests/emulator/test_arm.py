"""The emulator's ARM: creating, reading and deleting endpoints."""

import re
from typing import Any
from uuid import uuid4

import pytest

from emulator.seed import WORKSPACES
from tests.emulator.arm_client import PHI, PRODUCTION, VERSION, Ask, body, code
from tests.support.azure import Azure, end, start_azure
from tests.support.environment import free_port

pytestmark = pytest.mark.filterwarnings("ignore:.*response_mode:UserWarning")


def test_a_new_endpoint_is_accepted_as_the_real_front_end_does(ask: Ask) -> None:
    answer = ask("PUT", f"{PRODUCTION}/one", json=body())
    assert answer.status_code == 201
    properties = answer.json()["properties"]
    assert (properties["provisioningState"], properties["endpointState"]) == ("Creating", "Creating")
    assert properties["inferenceEndpoint"] is None
    assert "Retry-After" not in answer.headers
    assert answer.headers["Location"].partition("?")[0].endswith("/serverlessEndpoints/one")
    assert len(answer.headers["Azure-AsyncOperation"]) > 3000
    assert answer.headers["x-ms-async-operation-timeout"] == "PT30M"
    assert int(answer.headers["x-ms-ratelimit-remaining-subscription-writes"]) > 0


def test_the_status_document_is_as_awkward_as_the_real_one(azure: Azure, ask: Ask) -> None:
    monitor = ask("PUT", f"{PRODUCTION}/one", json=body()).headers["Azure-AsyncOperation"]
    running = ask("GET", monitor).json()
    assert (running["status"], running["percentComplete"]) == ("Updating", 0.0)
    assert running["endTime"].startswith("0001-01-01")
    azure.advance(60)
    assert ask("GET", monitor).json()["status"] == "Succeeded"
    made = ask("GET", f"{PRODUCTION}/one").json()
    assert made["properties"]["inferenceEndpoint"]["uri"] == "https://one.eastus2.models.ai.azure.com"


def test_a_changed_signature_is_refused(ask: Ask) -> None:
    monitor = ask("PUT", f"{PRODUCTION}/one", json=body()).headers["Azure-AsyncOperation"]
    assert ask("GET", monitor.replace("&c=", "&c=x")).status_code == 403
    assert ask("GET", re.sub("oeidp:[^?]+", "oeidp:none", monitor)).status_code == 404


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
def test_a_wrong_body_is_refused(ask: Ask, changes: dict[str, Any], status: int, wanted: str) -> None:
    answer = ask("PUT", f"{PRODUCTION}/one", json=body(**changes))
    assert (answer.status_code, code(answer)) == (status, wanted)
    assert ask("GET", f"{PRODUCTION}/one").status_code == 404


def test_location_compares_without_case_and_spaces(ask: Ask) -> None:
    assert ask("PUT", f"{PRODUCTION.upper()}/one", json=body(location="East US 2")).status_code == 201


@pytest.mark.parametrize("name", ["1one", "one_two", "a" * 53, "ö"])
def test_a_wrong_name_is_refused(ask: Ask, name: str) -> None:
    assert code(ask("PUT", f"{PRODUCTION}/{name}", json=body())) == "InvalidResourceName"


def test_a_name_is_used_once_in_a_region(ask: Ask) -> None:
    ask("PUT", f"{PRODUCTION}/one", json=body())
    answer = ask("PUT", f"{WORKSPACES[3].resource_id}/serverlessEndpoints/ONE", json=body())
    assert answer.status_code == 409
    assert "is not available" in answer.json()["error"]["message"]


def test_a_name_is_free_again_once_its_endpoint_is_gone(azure: Azure, ask: Ask) -> None:
    elsewhere = f"{WORKSPACES[3].resource_id}/serverlessEndpoints/one"
    ask("PUT", f"{PRODUCTION}/one", json=body())
    ask("DELETE", f"{PRODUCTION}/one")
    assert ask("PUT", elsewhere, json=body()).status_code == 409
    azure.advance(60)
    assert ask("PUT", elsewhere, json=body()).status_code == 201


def test_a_partners_model_needs_its_offer(ask: Ask) -> None:
    cohere = {"modelId": "azureml://registries/azureml-cohere/models/Cohere-embed-v3-english"}
    answer = ask("PUT", f"{PRODUCTION}/one", json=body(properties={"authMode": "Key", "modelSettings": cohere}))
    assert "ServerlessOfferNotFound" in answer.text


def test_a_workspace_serves_a_model_once() -> None:
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


def test_every_answer_says_what_support_asks_for(azure: Azure, ask: Ask) -> None:
    ours = {"x-ms-correlation-request-id": str(uuid4()), "x-ms-client-request-id": str(uuid4())}
    headers = {
        "Authorization": f"Bearer {azure.application_token()}",
        "x-ms-return-client-request-id": "true",
        **ours,
    }
    for path, kind in ((PRODUCTION, "standard"), (f"{PRODUCTION}/none", "error")):
        answer = azure.http.get(f"{azure.url}{path}?api-version={VERSION}", headers=headers, timeout=10).headers
        assert ours.items() <= answer.items()
        assert answer["x-ms-request-id"] == ours["x-ms-correlation-request-id"]
        assert len(answer["x-ms-routing-request-id"].split(":")) == 3
        assert float(answer["x-request-time"]) >= 0
        assert answer["x-ms-response-type"] == kind
        assert (answer["Cache-Control"], answer["X-Content-Type-Options"]) == ("no-cache", "nosniff")
    own = [ask("GET", PRODUCTION).headers for _ in range(2)]
    assert own[0]["x-ms-correlation-request-id"] != own[1]["x-ms-correlation-request-id"]
    assert "x-ms-client-request-id" not in own[0]


def test_an_endpoint_is_deleted_and_gone(azure: Azure, ask: Ask) -> None:
    assert ask("DELETE", f"{PRODUCTION}/one").status_code == 204
    ask("PUT", f"{PRODUCTION}/one", json=body())
    assert code(ask("PUT", f"{PRODUCTION}/one", json=body())) == "UserError"
    azure.advance(60)
    answer = ask("DELETE", f"{PRODUCTION}/one")
    assert answer.status_code == 202
    azure.advance(60)
    ended = ask("GET", answer.headers["Location"])
    assert (ended.status_code, ended.json()["status"]) == (200, "Succeeded")
    assert ask("GET", f"{PRODUCTION}/one").status_code == 404


@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer nonsense"}, {"Authorization": "Basic eDp5"}])
def test_without_a_token_nothing_is_answered(azure: Azure, header: dict[str, str]) -> None:
    answer = azure.http.get(f"{azure.url}{PRODUCTION}?api-version={VERSION}", headers=header, timeout=10)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer ")


def test_the_api_version_is_required(azure: Azure, ask: Ask) -> None:
    assert code(ask("GET", f"{azure.url}{PRODUCTION}")) == "MissingApiVersionParameter"
