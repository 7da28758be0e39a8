"""Registering workspaces."""

import re
from datetime import timedelta
from typing import Any

from django.test import Client
from django.utils import timezone

from accounts.models import AuditEntry, User
from emulator.seed import PRODUCTION, WORKSPACES
from endpoints.arm.resources import WorkspaceId
from endpoints.models import AccessRead, VisibleWorkspace, Workspace, WorkspaceRead
from tests.support.access import read_access
from tests.support.azure import Azure
from tests.support.creation import settle, submit


def test_workspace_is_chosen_from_all_that_azure_shows(ada: Client) -> None:
    page = ada.get("/workspaces/new").content.decode()
    assert "Contoso Research" in page
    assert f'value="{WORKSPACES[2].resource_id}"' in page
    response = ada.post("/workspaces/new", {"chosen": ["", WORKSPACES[2].resource_id]})
    assert response.status_code == 303
    workspace = Workspace.objects.get()
    assert (workspace.name, workspace.location) == ("ml-shared", "westus3")
    assert AuditEntry.objects.filter(action="workspace-registered", target=workspace.arm_id).count() == 2
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
    assert "Azure answers with 503. The service is not available." in ada.get("/workspaces/new").content.decode()


def test_workspaces_are_listed_by_name(ada: Client) -> None:
    for workspace in (WORKSPACES[2], WORKSPACES[1], WORKSPACES[0]):  # ml-shared, ml-research, ml-production
        ada.post("/workspaces/new", {"resource_id": workspace.resource_id})
    page = ada.get("/workspaces/").content.decode()
    places = [page.rindex(f">{name}<") for name in ("ml-production", "ml-research", "ml-shared")]
    assert places == sorted(places)


def visible(number: int) -> None:
    """Workspaces that Azure showed to Ada."""
    ada, now = User.objects.get(username="ada@emulator.test"), timezone.now()
    AccessRead.objects.update_or_create(user=ada, defaults={"complete_at": now})
    ids = [WorkspaceId(PRODUCTION, f"rg-{index % 7}", f"ml-team-{index:04}") for index in range(number)]
    VisibleWorkspace.objects.bulk_create(
        VisibleWorkspace(
            user=ada,
            subscription_id=PRODUCTION,
            subscription_name="Contoso Production",
            resource_group=one.resource_group,
            name=one.name,
            location="eastus2",
            key=one.key,
            first_seen_at=now,
        )
        for one in ids
    )


def chosen_on(page: str) -> list[str]:
    return re.findall(r'name="chosen" value="(/[^"]+)" checked', page)


def test_fifty_of_a_thousand_workspaces_are_registered_at_once(azure: Azure, ada: Client) -> None:
    visible(1_000)
    page = ada.get("/workspaces/new", {"q": "ml-team-00", "all": "1"}).content.decode()
    assert len(chosen_on(page)) == 100
    before = len(azure.requests("GET"))
    response = ada.post("/workspaces/new", {"chosen": chosen_on(page)[:50]}, follow=True)
    assert "50 workspaces are registered." in response.content.decode()
    assert Workspace.objects.count() == WorkspaceRead.objects.count() == 50
    assert len(azure.requests("GET")) == before
    done = AuditEntry.objects.filter(action="workspace-registered", outcome="done")
    assert done.values("target").distinct().count() == 50


def test_workspaces_in_azure_are_searched_in_every_column(ada: Client) -> None:
    visible(20)
    for text in ("ML-TEAM-0007", "rg-3", "eastus2", "contoso prod", PRODUCTION[:13]):
        assert "ml-team-" in ada.get("/workspaces/new", {"q": text}).content.decode()
    assert "No workspace matches" in ada.get("/workspaces/new", {"q": "nothing"}).content.decode()


def test_unread_workspace_is_not_called_empty(ada: Client, workspaces: list[Workspace]) -> None:
    WorkspaceRead.objects.update(complete_at=None)
    page = ada.get("/workspaces/", {"q": "ml-production"}).content.decode()
    assert re.search(r'data-label="Endpoints">\s*<span class="muted">–</span>', page)


def test_registering_without_a_choice_says_so(ada: Client) -> None:
    page = ada.post("/workspaces/new", {"chosen": [""]}, follow=True).content.decode()
    assert "Choose at least one workspace." in page


def test_one_failed_registration_leaves_the_others(azure: Azure, ada: Client) -> None:
    chosen = [WORKSPACES[0].resource_id, f"{WORKSPACES[0].resource_id}x"]
    page = ada.post("/workspaces/new", {"chosen": chosen}, follow=True).content.decode()
    assert "ml-production is registered." in page
    assert "ml-productionx is not registered:" in page
    outcomes = AuditEntry.objects.filter(action="workspace-registered").order_by("id").values_list("outcome", flat=True)
    assert sorted(outcomes) == ["attempted", "attempted", "done", "failed"]


def test_registered_and_odd_workspaces_cannot_be_chosen(ada: Client) -> None:
    visible(1)
    row = VisibleWorkspace.objects.get()
    row.pk, row.name, row.resource_group, row.key = None, "m<l", "", "/odd/id"
    row.save()
    ada.post("/workspaces/new", {"resource_id": WORKSPACES[0].resource_id})
    page = ada.get("/workspaces/new", {"all": "1"}).content.decode()
    assert "m&lt;l" in page
    assert "It cannot be registered" in page
    assert len(chosen_on(page)) == 1


def test_workspace_with_letters_beyond_ascii_is_usable(azure: Azure, ada: Client) -> None:
    group = f"/subscriptions/{PRODUCTION}/resourceGroups/rg-größe-データ"
    azure.create(group)
    azure.create(f"{group}/providers/Microsoft.MachineLearningServices/workspaces/ml-new")
    text = f"{group}/providers/Microsoft.MachineLearningServices/workspaces/ml-new"
    assert ada.post("/workspaces/new", {"resource_id": text}).status_code == 303
    assert ada.post("/workspaces/new", {"resource_id": text.upper()}).status_code == 303
    workspace = Workspace.objects.get()
    assert workspace.resource_group == "rg-größe-データ"
    assert "rg-größe-データ" in ada.get("/workspaces/").content.decode()
    assert settle(azure, submit(ada, workspace)).state == "online"


def test_new_workspaces_in_azure_are_offered(azure: Azure, ada: Client) -> None:
    ada.get("/workspaces/new")
    name = "ml-appeared"
    azure.create(f"{WORKSPACES[0].resource_id.rpartition('/')[0]}/{name}")
    assert ada.post("/workspaces/find").status_code == 303
    read_access(User.objects.get(username="ada@emulator.test"))
    page = ada.get("/workspaces/").content.decode()
    assert f"UTC</time>: {name}." in page


def test_looking_for_workspaces_is_limited(ada: Client, settings: Any) -> None:
    settings.CHECKS_PER_MINUTE = 2
    assert [ada.post("/workspaces/find").status_code for _ in range(3)] == [303, 303, 429]


def test_list_shows_what_the_last_reads_said(ada: Client) -> None:
    ada.post("/workspaces/new", {"resource_id": WORKSPACES[0].resource_id})
    now = timezone.now()
    WorkspaceRead.objects.update(complete_at=now - timedelta(minutes=3), problem="Azure is out.", problem_since=now)
    page = ada.get("/workspaces/").content.decode()
    assert "3 min ago" in page
    assert "Azure is out. Failing since" in page
