"""The page of one workspace, and unregistering it."""

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import AuditEntry, User
from endpoints.models import Endpoint, Event, Finding, MarketplaceSubscription, Operation, Workspace, WorkspaceRead
from tests.conftest import SignIn
from tests.support.azure import Azure
from tests.support.creation import submit


def page_of(workspace: Workspace) -> str:
    return f"/workspaces/{workspace.pk}/"


def test_page_shows_what_the_workspace_holds(ada: Client, chat: Endpoint) -> None:
    subscription = MarketplaceSubscription.objects.create(
        workspace=chat.workspace, name="cohere", model_id="m", status="Suspended", observed={}, seen_at=timezone.now()
    )
    Finding.objects.create(
        workspace=chat.workspace,
        subscription=subscription,
        kind="subscription-unused",
        detail="No use.",
        since=timezone.now(),
    )
    page = ada.get(page_of(chat.workspace)).content.decode()
    for text in (
        "Online <b>1</b>",
        ">chat<",
        "rg-ml-production",
        "cohere",
        "Suspended",
        "Marketplace subscription without an endpoint",
        "No use.",
    ):
        assert text in page
    assert "https://portal.azure.com/#resource/subscriptions/" in page


def test_long_list_of_endpoints_links_to_the_table(ada: Client, workspaces: list[Workspace]) -> None:
    home, now = workspaces[0], timezone.now()
    Endpoint.objects.bulk_create(
        Endpoint(workspace=home, name=f"e-{index}", created_at=now, state_since=now, changed_at=now)
        for index in range(51)
    )
    page = ada.get(f"/workspaces/{home.pk}/").content.decode()
    assert f'<a href="/?workspace={home.pk}">Show all 51 endpoints</a>' in page


def test_gone_workspace_says_so(ada: Client, workspaces: list[Workspace]) -> None:
    Workspace.objects.update(gone_at=timezone.now())
    page = ada.get(page_of(workspaces[0])).content.decode()
    assert "this workspace no longer exists" in page
    assert "New endpoint" not in page


def test_viewer_has_a_workspace_read_now(sign_in: SignIn, workspaces: list[Workspace], settings: Any) -> None:
    settings.CHECKS_PER_MINUTE = 1
    vera = sign_in("vera")
    assert vera.post(f"{page_of(workspaces[0])}read").status_code == 303
    read = WorkspaceRead.objects.get(workspace=workspaces[0])
    assert read.wanted_at is not None
    assert vera.post(f"{page_of(workspaces[0])}read").status_code == 429


def test_unregistered_workspace_stays_in_the_audit_log(ada: Client, chat: Endpoint) -> None:
    url = f"{page_of(chat.workspace)}unregister"
    assert "Nothing is deleted in Azure" in ada.get(url).content.decode()
    assert ada.post(url, {"typed_name": "ml-productio"}).status_code == 422
    assert ada.post(url, {"typed_name": "ml-production"}).status_code == 303
    entry = AuditEntry.objects.get(action="workspace-unregistered")
    assert entry.target == chat.workspace.arm_id
    (known,) = entry.details["endpoints"]
    assert known == {
        "name": "chat",
        "state": "online",
        "model": chat.model_id,
        "owner": "ada@emulator.test",
        "uri": chat.inference_uri,
    }
    assert not Workspace.objects.filter(pk=chat.workspace_id).exists()
    assert not Endpoint.objects.exists()
    assert not Operation.objects.exists()
    assert not Event.objects.exists()


def test_unregistering_leaves_azure_alone(azure: Azure, ada: Client, chat: Endpoint) -> None:
    ada.post(f"{page_of(chat.workspace)}unregister", {"typed_name": "ml-production"})
    assert azure.resource("chat") is not None
    assert azure.count("DELETE", "/chat") == 0


def test_long_list_is_split_over_several_audit_entries(ada: Client, workspaces: list[Workspace]) -> None:
    now = timezone.now()
    Endpoint.objects.bulk_create(
        Endpoint(workspace=workspaces[0], name=f"e-{index}", created_at=now, state_since=now, changed_at=now)
        for index in range(250)
    )
    ada.post(f"{page_of(workspaces[0])}unregister", {"typed_name": "ml-production"})
    entries = AuditEntry.objects.filter(action="workspace-unregistered").order_by("id")
    assert [(one.details["part"], len(one.details["endpoints"])) for one in entries] == [
        ("1 of 3", 100),
        ("2 of 3", 100),
        ("3 of 3", 50),
    ]


def test_empty_workspace_needs_no_typed_name(ada: Client, workspaces: list[Workspace]) -> None:
    assert ada.post(f"{page_of(workspaces[0])}unregister").status_code == 303
    assert AuditEntry.objects.get(action="workspace-unregistered").details["endpoints"] == []


def test_running_operation_keeps_the_workspace(ada: Client, workspaces: list[Workspace]) -> None:
    submit(ada, workspaces[0])
    response = ada.post(f"{page_of(workspaces[0])}unregister", {"typed_name": "ml-production"})
    assert response.status_code == 422
    assert "An operation is running in ml-production." in response.content.decode()
    assert Workspace.objects.filter(pk=workspaces[0].pk).exists()


@pytest.mark.parametrize("person", ["oscar", "vera"])
def test_only_admins_unregister(sign_in: SignIn, workspaces: list[Workspace], person: str) -> None:
    client = sign_in(person)
    assert client.post(f"{page_of(workspaces[0])}unregister").status_code == 403
    assert "Unregister" not in client.get(page_of(workspaces[0])).content.decode()


def test_unregistered_workspace_is_registered_again(ada: Client, ada_user: User, workspaces: list[Workspace]) -> None:
    arm_id = workspaces[0].arm_id
    ada.post(f"{page_of(workspaces[0])}unregister")
    assert ada.post("/workspaces/new", {"resource_id": arm_id}).status_code == 303
    assert Workspace.objects.filter(name="ml-production").exists()
