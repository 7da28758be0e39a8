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


def page_of(client: Client, endpoint: Endpoint) -> str:
    return unescape(client.get(endpoint.get_absolute_url()).content.decode())


def test_page_shows_azures_response(azure: Azure, ada: Client, workspaces: list[Workspace]) -> None:
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


def test_page_has_sample_calls_once_online(azure: Azure, ada: Client, workspaces: list[Workspace]) -> None:
    endpoint = submit(ada, workspaces[0])
    assert "$ENDPOINT_KEY" not in page_of(ada, endpoint)
    assert 'curl "https://chat.eastus2.models.ai.azure.com/v1/chat/completions"' in page_of(
        ada, settle(azure, endpoint)
    )


def test_failure_shows_cause_meaning_and_advice(azure: Azure, ada: Client, workspaces: list[Workspace]) -> None:
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


def test_history_shows_azures_responses_without_secrets(azure: Azure, ada: Client, workspaces: list[Workspace]) -> None:
    endpoint = submit(ada, workspaces[0])
    one_step(azure)
    monitor = endpoint.operations.get().monitor_url
    page = page_of(ada, settle(azure, endpoint))
    assert "PUT /subscriptions/" in page
    assert "201 after" in page
    assert "mfeOperationsStatus" in page
    assert re.findall(r"[?&]c=[\w-]{20}", page) == []
    assert monitor.partition("&c=")[2][:40] not in page


def test_poll_announces_a_new_state(azure: Azure, ada: Client, workspaces: list[Workspace]) -> None:
    endpoint = submit(ada, workspaces[0])
    match = re.search(r'"If-None-Match": "\\"([^"]+)\\""', page_of(ada, endpoint))
    assert match is not None
    headers = {"hx-request": "true", "if-none-match": f'"{match[1]}"'}
    assert ada.get(endpoint.get_absolute_url(), headers=headers).status_code == 304
    settle(azure, endpoint)
    response = ada.get(endpoint.get_absolute_url(), headers=headers)
    assert b"chat is online." in response.content
    assert b"<html" not in response.content


def test_events_cannot_be_changed(ada: Client, workspaces: list[Workspace]) -> None:
    event = submit(ada, workspaces[0]).events.get()
    with pytest.raises(TypeError):
        event.save()
    assert Event.objects.count() == 1


@pytest.mark.parametrize(
    "observed",
    [
        {"properties": {"provisioningState": {"a": 1}, "endpointState": ["x"], "contentSafety": "on"}},
        {"properties": {"x": 1}, "sku": "Consumption", "identity": "none", "tags": ["a"], "systemData": "me"},
        {"properties": {"inferenceEndpoint": "https://x"}, "sku": {"name": "Consumption", "capacity": {}}},
    ],
)
def test_page_survives_unknown_json(ada: Client, workspaces: list[Workspace], observed: dict[str, object]) -> None:
    endpoint = submit(ada, workspaces[0])
    Endpoint.objects.update(observed=observed)
    assert ada.get(endpoint.get_absolute_url()).status_code == 200


def test_trying_again_is_offered_to_the_owner_only(
    azure: Azure, sign_in: SignIn, ada: Client, workspaces: list[Workspace]
) -> None:
    azure.fault("refuse", cause="policy")
    endpoint = settle(azure, submit(sign_in("oscar"), workspaces[0]))
    other = sign_in("olga")
    other.get("/")
    assert "Try again" not in page_of(other, endpoint)
    assert "Try again" in page_of(ada, endpoint)


def test_unchanged_poll_says_when_azure_confirmed_it(ada: Client, chat: Endpoint) -> None:
    tag = ada.get(chat.get_absolute_url())["ETag"]
    response = ada.get(chat.get_absolute_url(), headers={"If-None-Match": tag, "HX-Request": "true"})
    assert (response.status_code, bool(response["X-Confirmed-At"])) == (304, True)
