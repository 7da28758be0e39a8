"""Registering workspaces."""

from django.test import Client

from accounts.models import AuditEntry
from emulator.seed import PRODUCTION, WORKSPACES
from endpoints.models import Workspace
from tests.support.azure import Azure


def test_workspace_is_registered_step_by_step(ada: Client) -> None:
    assert b"Contoso Research" in ada.get("/workspaces/new").content
    page = ada.get("/workspaces/new", {"subscription": PRODUCTION}).content.decode()
    assert "rg-ml-shared" in page
    page = ada.get("/workspaces/new", {"subscription": PRODUCTION, "resource_group": "rg-ml-shared"}).content.decode()
    assert f'value="{WORKSPACES[2].resource_id}"' in page
    response = ada.post("/workspaces/new", {"resource_id": WORKSPACES[2].resource_id})
    assert response.status_code == 303
    workspace = Workspace.objects.get()
    assert (workspace.name, workspace.location) == ("ml-shared", "westus3")
    assert AuditEntry.objects.filter(action="workspace-registered", target=workspace.arm_id).exists()
    assert "ml-shared is registered." in ada.get("/workspaces/").content.decode()


def test_workspace_is_registered_once_whatever_its_case(ada: Client) -> None:
    for text in (WORKSPACES[0].resource_id, WORKSPACES[0].resource_id.upper()):
        assert ada.post("/workspaces/new", {"resource_id": text}).status_code == 303
    assert Workspace.objects.get().name == "ml-production"


def test_invalid_resource_id_is_refused(ada: Client) -> None:
    response = ada.post("/workspaces/new", {"resource_id": "ml-production"})
    assert response.status_code == 422
    assert "Enter the resource id of an Azure Machine Learning workspace" in response.content.decode()
    assert 'value="ml-production"' in response.content.decode()


def test_unknown_workspace_shows_azures_error(ada: Client) -> None:
    response = ada.post("/workspaces/new", {"resource_id": WORKSPACES[0].resource_id + "x"})
    assert response.status_code == 422
    assert "was not found." in response.content.decode()


def test_failed_list_shows_azures_error(azure: Azure, ada: Client) -> None:
    azure.fault("server-error", where="subscriptions")
    assert (
        "Azure could not list your workspaces: The service is not available."
        in ada.get("/workspaces/new").content.decode()
    )


def test_list_of_several_pages_is_read_completely(azure: Azure, ada: Client) -> None:
    page = ada.get("/workspaces/new", {"subscription": PRODUCTION, "resource_group": "rg-ml-production"})
    assert b"ml-staging" in page.content


def test_workspaces_are_listed_by_name(ada: Client) -> None:
    for workspace in (WORKSPACES[2], WORKSPACES[1], WORKSPACES[0]):  # ml-shared, ml-research, ml-production
        ada.post("/workspaces/new", {"resource_id": workspace.resource_id})
    page = ada.get("/workspaces/").content.decode()
    places = [page.rindex(f">{name}<") for name in ("ml-production", "ml-research", "ml-shared")]
    assert places == sorted(places)
