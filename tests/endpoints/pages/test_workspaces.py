"""Registering workspaces."""

import pytest
from django.test import Client

from accounts.models import AuditEntry
from emulator.seed import PRODUCTION, WORKSPACES
from endpoints.models import Workspace
from tests.conftest import SignIn
from tests.support.azure import Azure


@pytest.fixture
def ada(sign_in: SignIn) -> Client:
    return sign_in("ada")


def test_it_can_be_picked_step_by_step(ada: Client) -> None:
    assert b"Contoso Research" in ada.get("/workspaces/new").content
    page = ada.get("/workspaces/new", {"subscription": PRODUCTION}).content.decode()
    assert "rg-ml-shared" in page
    page = ada.get("/workspaces/new", {"subscription": PRODUCTION, "resource_group": "rg-ml-shared"}).content.decode()
    assert f'value="{WORKSPACES[2].resource_id}"' in page
    answer = ada.post("/workspaces/new", {"resource_id": WORKSPACES[2].resource_id})
    assert answer.status_code == 303
    workspace = Workspace.objects.get()
    assert (workspace.name, workspace.location) == ("ml-shared", "westus3")
    assert AuditEntry.objects.filter(action="workspace-registered", target=workspace.arm_id).exists()
    assert "ml-shared is registered." in ada.get("/workspaces/").content.decode()


def test_it_is_registered_once_whatever_the_case(ada: Client) -> None:
    for text in (WORKSPACES[0].resource_id, WORKSPACES[0].resource_id.upper()):
        assert ada.post("/workspaces/new", {"resource_id": text}).status_code == 303
    assert Workspace.objects.get().name == "ml-production"


def test_what_is_no_resource_id_is_told_so(ada: Client) -> None:
    answer = ada.post("/workspaces/new", {"resource_id": "ml-production"})
    assert answer.status_code == 422
    assert "This is not the resource id" in answer.content.decode()
    assert 'value="ml-production"' in answer.content.decode()


def test_what_azure_refuses_is_said_in_its_words(ada: Client) -> None:
    answer = ada.post("/workspaces/new", {"resource_id": WORKSPACES[0].resource_id + "x"})
    assert answer.status_code == 422
    assert "was not found." in answer.content.decode()


def test_a_list_that_azure_refuses_is_said_too(azure: Azure, ada: Client) -> None:
    azure.fault("server-error", where="subscriptions")
    assert "Azure did not list them: The service is not available." in ada.get("/workspaces/new").content.decode()


def test_lists_of_many_pages_are_read_to_the_end(azure: Azure, ada: Client) -> None:
    page = ada.get("/workspaces/new", {"subscription": PRODUCTION, "resource_group": "rg-ml-production"})
    assert b"ml-staging" in page.content
