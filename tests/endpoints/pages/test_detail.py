"""The page of one endpoint."""

import re
from html import unescape

import pytest
from django.test import Client

from endpoints.models import Endpoint, Event, Workspace
from tests.conftest import SignIn
from tests.support.azure import Azure
from tests.support.creation import one_step, settle, submit

LLAMA = "azureml://registries/azureml-meta/models/Llama-3.3-70B-Instruct"


@pytest.fixture
def ada(sign_in: SignIn, workspaces: list[Workspace]) -> Client:
    return sign_in("ada")


def page_of(client: Client, endpoint: Endpoint) -> str:
    return unescape(client.get(endpoint.get_absolute_url()).content.decode())


def test_it_shows_all_that_azure_answered(azure: Azure, ada: Client, workspaces: list[Workspace]) -> None:
    endpoint = settle(azure, submit(ada, workspaces[0], model_id=LLAMA, identity_type="SystemAssigned"))
    page = page_of(ada, endpoint)
    for text in [
        "Succeeded",
        "Online",
        "x-ms-workspace=ml-production",
        "SystemAssigned",
        "ada@emulator.test (User)",
        "/marketplaceSubscriptions/Llama-33-70B-Instruct",
        '"provisioningState": "Succeeded"',
        str(endpoint.operations.get().correlation_id),
    ]:
        assert text in page
    assert endpoint.observed is not None
    assert endpoint.observed.identity.principal_id in page


def test_it_holds_calls_that_can_be_copied(azure: Azure, ada: Client, workspaces: list[Workspace]) -> None:
    endpoint = submit(ada, workspaces[0])
    assert "$ENDPOINT_KEY" not in page_of(ada, endpoint)
    assert 'curl "https://chat.eastus2.models.ai.azure.com/v1/chat/completions"' in page_of(
        ada, settle(azure, endpoint)
    )


def test_a_failure_says_what_happened_what_it_means_and_what_to_do(
    azure: Azure, ada: Client, workspaces: list[Workspace]
) -> None:
    endpoint = settle(azure, submit(ada, workspaces[0], "fail-offer-x"))
    page = page_of(ada, endpoint)
    for text in [
        "The model needs a marketplace subscription",
        "The workspace has no subscription to its offer",
        "Subscribe the workspace to the model",
        "ServerlessOfferNotFound",
        "managementfrontend",
        f"/endpoints/new?from={endpoint.pk}",
    ]:
        assert text in page


def test_the_history_has_its_evidence_and_no_secret(azure: Azure, ada: Client, workspaces: list[Workspace]) -> None:
    endpoint = submit(ada, workspaces[0])
    one_step(azure)
    monitor = endpoint.operations.get().monitor_url
    page = page_of(ada, settle(azure, endpoint))
    assert "PUT /subscriptions/" in page
    assert "201 after" in page
    assert "mfeOperationsStatus" in page
    assert re.findall(r"[?&]c=[\w-]{20}", page) == []
    assert monitor.partition("&c=")[2][:40] not in page


def test_it_updates_itself_and_says_a_new_state_aloud(azure: Azure, ada: Client, workspaces: list[Workspace]) -> None:
    endpoint = submit(ada, workspaces[0])
    found = re.search(r'"If-None-Match": "\\"([^"]+)\\""', page_of(ada, endpoint))
    assert found is not None
    headers = {"hx-request": "true", "if-none-match": f'"{found[1]}"'}
    assert ada.get(endpoint.get_absolute_url(), headers=headers).status_code == 304
    settle(azure, endpoint)
    answer = ada.get(endpoint.get_absolute_url(), headers=headers)
    assert b"chat is online." in answer.content
    assert b"<html" not in answer.content


def test_history_is_never_changed(ada: Client, workspaces: list[Workspace]) -> None:
    event = submit(ada, workspaces[0]).events.get()
    with pytest.raises(TypeError):
        event.save()
    assert Event.objects.count() == 1


@pytest.mark.parametrize(
    "answer",
    [
        {"properties": {"provisioningState": {"a": 1}, "endpointState": ["x"], "contentSafety": "on"}},
        {"properties": {"x": 1}, "sku": "Consumption", "identity": "none", "tags": ["a"], "systemData": "me"},
        {"properties": {"inferenceEndpoint": "https://x"}, "sku": {"name": "Consumption", "capacity": {}}},
    ],
)
def test_what_azure_never_answered_before_does_not_break_the_page(
    sign_in: SignIn, workspaces: list[Workspace], answer: dict[str, object]
) -> None:
    ada = sign_in("ada")
    endpoint = submit(ada, workspaces[0])
    Endpoint.objects.update(observed=answer)
    assert ada.get(endpoint.get_absolute_url()).status_code == 200
