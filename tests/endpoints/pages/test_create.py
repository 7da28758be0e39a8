"""The form for a new endpoint."""

import json
import re
from html import unescape
from threading import Thread
from typing import Any

import pytest
from django.db import connection
from django.test import Client, override_settings

from accounts.models import AuditEntry
from endpoints.models import Endpoint, Operation, Workspace
from tests.support.azure import Azure
from tests.support.creation import filled_in, settle, submit

IDENTITY = (
    "/subscriptions/0a1b2c3d-1111-4aaa-8bbb-e0d35a1b0101/resourceGroups/rg"
    "/providers/Microsoft.ManagedIdentity/userAssignedIdentities/runner"
)
EVERYTHING: dict[str, Any] = {
    "content_safety": "Disabled",
    "tag_key": ["team", "cost centre", ""],
    "tag_value": ["search", "42", ""],
    "kind": "chat",
    "identity_type": "SystemAssigned,UserAssigned",
    "user_assigned_identities": f"{IDENTITY}\n\n{IDENTITY}",
    "sku_name": "Consumption",
    "sku_tier": "Standard",
    "sku_size": "S",
    "sku_family": "F",
    "sku_capacity": "3",
}


def refused_page(client: Client, workspace: Workspace, /, **fields: Any) -> str:
    response = client.post("/endpoints/new", filled_in(workspace) | fields)
    assert response.status_code == 422
    assert not Endpoint.objects.exists()
    return unescape(response.content.decode())


def test_default_request_is_small(ada: Client, workspaces: list[Workspace]) -> None:
    assert submit(ada, workspaces[0]).requested.to_json() == {
        "location": "eastus2",
        "sku": {"name": "Consumption"},
        "properties": {
            "authMode": "Key",
            "modelSettings": {"modelId": "azureml://registries/azureml/models/Phi-4-mini-instruct"},
        },
    }


def test_form_sends_every_field_of_the_put_body(azure: Azure, ada: Client, workspaces: list[Workspace]) -> None:
    endpoint = submit(ada, workspaces[0], **EVERYTHING)
    identity = {"type": "SystemAssigned,UserAssigned", "userAssignedIdentities": {IDENTITY: {}}}
    assert endpoint.requested.to_json()["identity"] == identity
    assert endpoint.requested.to_json()["tags"] == {"team": "search", "cost centre": "42"}
    assert endpoint.requested.to_json()["kind"] == "chat"
    assert endpoint.requested.to_json()["properties"]["contentSafety"] == {"contentSafetyStatus": "Disabled"}
    sku = {"name": "Consumption", "tier": "Standard", "size": "S", "family": "F", "capacity": 3}
    assert endpoint.requested.to_json()["sku"] == sku
    assert settle(azure, endpoint).state == "online"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"name": ""}, "Enter a name."),
        ({"name": "1chat"}, "Enter a valid name."),
        ({"name": "chat_eu"}, "Enter a valid name."),
        ({"name": "chät"}, "Enter a valid name."),
        ({"name": "a" * 53}, "The name is too long."),
        ({"workspace": ""}, "Choose a workspace."),
        ({"workspace": "b0f4a6a2-2f3e-4f4c-8f43-6d0f1c0a0000"}, "Choose one of the workspaces in the list."),
        ({"model_id": ""}, "Choose a model."),
        ({"model_id": "Phi-4"}, "Enter a model id, such as"),
        ({"model_id": "azureml://registries/azureml/models/Phi-4/versions/3"}, "Remove the version"),
        ({"auth_mode": "AAD"}, "Select a valid choice."),
        ({"content_safety": "Maybe"}, "Select a valid choice."),
        ({"tag_key": [""], "tag_value": ["x"]}, "Enter a key for the value “x”"),
        ({"tag_key": ["a", "A"], "tag_value": ["1", "2"]}, "Remove the duplicate key “A”."),
        ({"tag_key": ["k" * 513], "tag_value": ["1"]}, "Shorten the key of tag 1"),
        ({"tag_key": ["k"], "tag_value": ["v" * 257]}, "Shorten the value of tag 1"),
        ({"tag_key": [f"k{n}" for n in range(16)], "tag_value": ["v"] * 16}, "Azure allows 15"),
        ({"identity_type": "UserAssigned"}, "Enter at least one resource id"),
        ({"user_assigned_identities": IDENTITY}, "Choose a user-assigned identity, or remove the resource ids"),
        ({"identity_type": "UserAssigned", "user_assigned_identities": "runner"}, "“runner” is not the resource id"),
        ({"sku_name": "", "sku_tier": "Basic"}, "Enter the SKU name."),
        ({"sku_capacity": "many"}, "Enter a whole number."),
        ({"sku_capacity": str(2**31)}, "less than or equal to 2147483647"),
        ({"submission_id": "x"}, "Reload this page."),
    ],
)
def test_invalid_field_is_explained(
    ada: Client, workspaces: list[Workspace], fields: dict[str, Any], message: str
) -> None:
    page = refused_page(ada, workspaces[0], **fields)
    assert page.count(message) >= (1 if "submission_id" in fields else 2), "beside the field and in the summary"
    assert "<title>Error:" in page


def test_invalid_form_keeps_its_values(ada: Client, workspaces: list[Workspace]) -> None:
    page = refused_page(ada, workspaces[0], **{**EVERYTHING, "name": "no good"})
    selected = '<option value="Disabled" selected>'
    for text in ["no good", "cost centre", IDENTITY, 'value="3"', selected, '<details id="more" open']:
        assert text in page


def test_added_tag_row_keeps_the_form(ada: Client, workspaces: list[Workspace]) -> None:
    form = filled_in(workspaces[0], tag_key=["a", "b"], tag_value=["1", "2"], more_tags="1")
    page = ada.post("/endpoints/new", form).content.decode()
    assert page.count('name="tag_key"') == 3
    assert 'value="chat"' in page
    assert not Endpoint.objects.exists()


def test_fine_tuned_model_id_may_have_a_version(ada: Client, workspaces: list[Workspace]) -> None:
    model_id = "azureml://locations/eastus2/workspaces/8f2a/models/mine/versions/4"
    assert submit(ada, workspaces[0], model_id=model_id).model_id == model_id


@override_settings(ARM_API_VERSION="2025-12-01")
def test_newer_api_version_offers_more_auth_modes(ada: Client, workspaces: list[Workspace]) -> None:
    assert (
        submit(ada, workspaces[0], auth_mode="KeyAndAAD").requested.to_json()["properties"]["authMode"] == "KeyAndAAD"
    )


def test_preview_shows_the_request_without_sending_it(azure: Azure, ada: Client, workspaces: list[Workspace]) -> None:
    form = filled_in(workspaces[0], **EVERYTHING)
    page = unescape(ada.post("/endpoints/preview", form, headers={"hx-request": "true"}).content.decode())
    shown = re.search(r"<pre[^>]*><code>(.*?)</code>", page, re.DOTALL)
    assert shown is not None
    assert json.loads(shown[1]) == submit(ada, workspaces[0], **EVERYTHING).requested.to_json()
    assert "/serverlessEndpoints/chat?api-version=2025-09-01" in page
    assert not azure.requests("PUT")


def test_preview_of_an_invalid_form_shows_its_errors(ada: Client, workspaces: list[Workspace]) -> None:
    page = ada.post("/endpoints/preview", filled_in(workspaces[0], name="")).content.decode()
    assert "Enter a name." in page


def test_catalogue_warns_but_never_refuses(ada: Client, workspaces: list[Workspace]) -> None:
    fields = {
        "model_id": "azureml://registries/azureml-deepseek/models/DeepSeek-R1",
        "workspace": str(workspaces[1].pk),
    }
    page = ada.get("/endpoints/warnings", fields).content.decode()
    assert "is not listed for swedencentral" in page
    assert submit(ada, workspaces[1], model_id=fields["model_id"])


def test_repeated_submission_makes_one_endpoint(ada: Client, workspaces: list[Workspace]) -> None:
    form = filled_in(workspaces[0])
    urls = {ada.post("/endpoints/new", form)["Location"] for _ in range(3)}
    assert len(urls) == 1
    assert Operation.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_simultaneous_clicks_make_one_endpoint(ada: Client, workspaces: list[Workspace]) -> None:
    form, urls = filled_in(workspaces[0]), []

    def click() -> None:
        urls.append(ada.post("/endpoints/new", form)["Location"])
        connection.close()

    threads = [Thread(target=click) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(urls) == 4
    assert len(set(urls)) == 1
    assert Operation.objects.count() == 1


def test_name_is_unique_in_its_workspace(ada: Client, workspaces: list[Workspace]) -> None:
    submit(ada, workspaces[0])
    response = ada.post("/endpoints/new", filled_in(workspaces[0], name="CHAT"))
    assert response.status_code == 422
    assert "ml-production already has an endpoint named chat." in response.content.decode()
    assert submit(ada, workspaces[1])


def test_failed_creation_can_be_repeated_with_its_settings(
    azure: Azure, ada: Client, workspaces: list[Workspace]
) -> None:
    azure.fault("fail", times=1)
    endpoint = settle(azure, submit(ada, workspaces[0], **EVERYTHING))
    page = unescape(ada.get(f"/endpoints/new?from={endpoint.pk}").content.decode())
    for text in ['value="chat"', "cost centre", '<option value="Standard" selected>', endpoint.model_id]:
        assert text in page


def test_creation_is_recorded_in_the_audit_log(ada: Client, workspaces: list[Workspace]) -> None:
    endpoint = submit(ada, workspaces[0])
    entry = AuditEntry.objects.get(action="endpoint-created")
    assert entry.actor_name == "ada@emulator.test"
    assert entry.target == endpoint.arm_id
    assert entry.correlation_id == str(endpoint.operations.get().correlation_id)
