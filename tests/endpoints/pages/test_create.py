"""The form: what it takes, what it refuses, and what it sends."""

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
from tests.conftest import SignIn
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


@pytest.fixture
def ada(sign_in: SignIn, workspaces: list[Workspace]) -> Client:
    return sign_in("ada")


def refused(client: Client, first: Workspace, **typed: Any) -> str:
    answer = client.post("/endpoints/new", filled_in(first) | typed)
    assert answer.status_code == 422
    assert not Endpoint.objects.exists()
    return unescape(answer.content.decode())


def test_most_people_send_little(ada: Client, workspaces: list[Workspace]) -> None:
    assert submit(ada, workspaces[0]).requested.to_json() == {
        "location": "eastus2",
        "sku": {"name": "Consumption"},
        "properties": {
            "authMode": "Key",
            "modelSettings": {"modelId": "azureml://registries/azureml/models/Phi-4-mini-instruct"},
        },
    }


def test_every_field_of_the_put_body_can_be_sent(azure: Azure, ada: Client, workspaces: list[Workspace]) -> None:
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
    ("typed", "sentence"),
    [
        ({"name": ""}, "Give the endpoint a name."),
        ({"name": "1chat"}, "This is not a name for an endpoint."),
        ({"name": "chat_eu"}, "This is not a name for an endpoint."),
        ({"name": "chät"}, "This is not a name for an endpoint."),
        ({"name": "a" * 53}, "The name is too long."),
        ({"workspace": ""}, "Choose a workspace."),
        ({"workspace": "b0f4a6a2-2f3e-4f4c-8f43-6d0f1c0a0000"}, "Choose one of the workspaces in the list."),
        ({"model_id": ""}, "Choose a model."),
        ({"model_id": "Phi-4"}, "This is not a model id."),
        ({"model_id": "azureml://registries/azureml/models/Phi-4/versions/3"}, "Leave the version out"),
        ({"auth_mode": "AAD"}, "Select a valid choice."),
        ({"content_safety": "Maybe"}, "Select a valid choice."),
        ({"tag_key": [""], "tag_value": ["x"]}, "Give the tag with the value “x” a key"),
        ({"tag_key": ["a", "A"], "tag_value": ["1", "2"]}, "The key “A” is there twice."),
        ({"tag_key": ["k" * 513], "tag_value": ["1"]}, "Shorten the key of tag 1"),
        ({"tag_key": ["k"], "tag_value": ["v" * 257]}, "Shorten the value of tag 1"),
        ({"tag_key": [f"k{n}" for n in range(16)], "tag_value": ["v"] * 16}, "Azure takes 15 tags at most"),
        ({"identity_type": "UserAssigned"}, "Give at least one resource id"),
        ({"user_assigned_identities": IDENTITY}, "Choose a user-assigned identity, or empty the list"),
        ({"identity_type": "UserAssigned", "user_assigned_identities": "runner"}, "“runner” is not the resource id"),
        ({"sku_name": "", "sku_tier": "Basic"}, "Azure asks for the name of the SKU"),
        ({"sku_capacity": "many"}, "The capacity is a whole number."),
        ({"sku_capacity": str(2**31)}, "less than or equal to 2147483647"),
        ({"submission_id": "x"}, "Load this page again."),
    ],
)
def test_a_bad_field_says_what_is_wrong(
    ada: Client, workspaces: list[Workspace], typed: dict[str, Any], sentence: str
) -> None:
    page = refused(ada, workspaces[0], **typed)
    assert page.count(sentence) >= (1 if "submission_id" in typed else 2), "beside the field and in the summary"
    assert "<title>Error:" in page


def test_nothing_typed_is_lost(ada: Client, workspaces: list[Workspace]) -> None:
    page = refused(ada, workspaces[0], **{**EVERYTHING, "name": "no good"})
    chosen = '<option value="Disabled" selected>'
    for text in ["no good", "cost centre", IDENTITY, 'value="3"', chosen, '<details id="more" open']:
        assert text in page


def test_another_row_for_a_tag_keeps_the_form(ada: Client, workspaces: list[Workspace]) -> None:
    typed = filled_in(workspaces[0], tag_key=["a", "b"], tag_value=["1", "2"], more_tags="1")
    page = ada.post("/endpoints/new", typed).content.decode()
    assert page.count('name="tag_key"') == 3
    assert 'value="chat"' in page
    assert not Endpoint.objects.exists()


def test_a_model_of_ones_own_may_carry_its_version(ada: Client, workspaces: list[Workspace]) -> None:
    model_id = "azureml://locations/eastus2/workspaces/8f2a/models/mine/versions/4"
    assert submit(ada, workspaces[0], model_id=model_id).model_id == model_id


@override_settings(ARM_API_VERSION="2025-12-01")
def test_a_newer_api_version_offers_more_auth_modes(ada: Client, workspaces: list[Workspace]) -> None:
    assert (
        submit(ada, workspaces[0], auth_mode="KeyAndAAD").requested.to_json()["properties"]["authMode"] == "KeyAndAAD"
    )


def test_the_request_can_be_read_before_it_is_sent(azure: Azure, ada: Client, workspaces: list[Workspace]) -> None:
    typed = filled_in(workspaces[0], **EVERYTHING)
    page = unescape(ada.post("/endpoints/preview", typed, headers={"hx-request": "true"}).content.decode())
    shown = re.search(r"<pre[^>]*><code>(.*?)</code>", page, re.DOTALL)
    assert shown is not None
    assert json.loads(shown[1]) == submit(ada, workspaces[0], **EVERYTHING).requested.to_json()
    assert "/serverlessEndpoints/chat?api-version=2025-09-01" in page
    assert not azure.requests("PUT")


def test_a_preview_of_a_bad_form_says_why(ada: Client, workspaces: list[Workspace]) -> None:
    page = ada.post("/endpoints/preview", filled_in(workspaces[0], name="")).content.decode()
    assert "Give the endpoint a name." in page


def test_the_catalogue_warns_and_never_refuses(ada: Client, workspaces: list[Workspace]) -> None:
    typed = {"model_id": "azureml://registries/azureml-deepseek/models/DeepSeek-R1", "workspace": str(workspaces[1].pk)}
    page = ada.get("/endpoints/warnings", typed).content.decode()
    assert "is not listed for swedencentral" in page
    assert submit(ada, workspaces[1], model_id=typed["model_id"])


def test_the_same_submission_makes_one_endpoint(ada: Client, workspaces: list[Workspace]) -> None:
    typed = filled_in(workspaces[0])
    places = {ada.post("/endpoints/new", typed)["Location"] for _ in range(3)}
    assert len(places) == 1
    assert Operation.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_clicks_at_the_same_moment_make_one_endpoint(ada: Client, workspaces: list[Workspace]) -> None:
    typed, places = filled_in(workspaces[0]), []

    def click() -> None:
        places.append(ada.post("/endpoints/new", typed)["Location"])
        connection.close()

    threads = [Thread(target=click) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(places) == 4
    assert len(set(places)) == 1
    assert Operation.objects.count() == 1


def test_a_name_is_used_once_in_a_workspace(ada: Client, workspaces: list[Workspace]) -> None:
    submit(ada, workspaces[0])
    answer = ada.post("/endpoints/new", filled_in(workspaces[0], name="CHAT"))
    assert answer.status_code == 422
    assert "ml-production already has an endpoint named chat." in answer.content.decode()
    assert submit(ada, workspaces[1])


def test_a_failed_creation_can_be_taken_up_again_with_its_settings(
    azure: Azure, ada: Client, workspaces: list[Workspace]
) -> None:
    azure.fault("fail", times=1)
    endpoint = settle(azure, submit(ada, workspaces[0], **EVERYTHING))
    page = unescape(ada.get(f"/endpoints/new?from={endpoint.pk}").content.decode())
    for text in ['value="chat"', "cost centre", '<option value="Standard" selected>', endpoint.model_id]:
        assert text in page


def test_a_creation_is_written_into_the_audit_log(ada: Client, workspaces: list[Workspace]) -> None:
    endpoint = submit(ada, workspaces[0])
    entry = AuditEntry.objects.get(action="endpoint-created")
    assert entry.actor_name == "ada@emulator.test"
    assert entry.target == endpoint.arm_id
    assert entry.correlation_id == str(endpoint.operations.get().correlation_id)
