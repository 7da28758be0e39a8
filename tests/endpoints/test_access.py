"""Pages never wait for Azure, and say what they do not know."""

import time
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from accounts.models import User
from emulator.seed import FIRST_WORKSPACES
from endpoints.access import NoticeKind, notices
from endpoints.models import AccessRead, Workspace, WorkspaceAccess, WorkspaceRead
from tests.conftest import SignIn
from tests.support.access import read_access, readable
from tests.support.azure import Azure
from tests.support.creation import submit

# A page that waited for an Azure that hangs would take ten seconds and more, on any machine.
WOULD_BE_WAITING_SECONDS = 9.0
PAGES = ("/", "/endpoints/new", "/workspaces/", "/workspaces/new", "/healthz", "/readyz")


def seconds(client: Client, url: str) -> float:
    started = time.monotonic()
    assert client.get(url).status_code == 200
    return time.monotonic() - started


@pytest.fixture
def hanging(azure: Azure, sign_in: SignIn, workspaces: list[Workspace], settings: Any) -> Client:
    """The browser of Ada, who signed in before Azure and Entra ID began to hang."""
    settings.ARM_PAGE_TIMEOUT_SECONDS = 0.8
    others = sign_in("kim")
    for url in PAGES:
        others.get(url)  # so that templates are compiled and modules are loaded
    client = sign_in("ada")
    azure.fault("hang", where="any")
    return client


def test_only_the_first_page_asks_a_hanging_azure(azure: Azure, hanging: Client) -> None:
    assert seconds(hanging, "/") < WOULD_BE_WAITING_SECONDS
    before = len(azure.requests())
    assert all(seconds(hanging, url) < WOULD_BE_WAITING_SECONDS for url in PAGES)
    assert len(azure.requests()) == before


@pytest.mark.parametrize("url", PAGES)
def test_page_answers_in_time_while_azure_hangs(hanging: Client, url: str) -> None:
    assert seconds(hanging, url) < WOULD_BE_WAITING_SECONDS


def test_hanging_entra_delays_one_page_only(azure: Azure, hanging: Client) -> None:
    User.objects.update(roles_checked_at=None)
    assert seconds(hanging, "/") < WOULD_BE_WAITING_SECONDS
    before = len(azure.requests())
    assert seconds(hanging, "/") < WOULD_BE_WAITING_SECONDS
    assert len(azure.requests()) == before


def test_first_page_asks_azure(ada: Client, ada_user: User, workspaces: list[Workspace]) -> None:
    ada.get("/")
    assert readable(ada_user) == ["ml-production", "ml-research"]


def test_newly_registered_workspace_is_read_within_the_page(ada: Client, ada_user: User) -> None:
    ada.get("/")
    first = FIRST_WORKSPACES[0]
    Workspace.objects.create(
        subscription_id=first.subscription_id,
        resource_group=first.resource_group,
        name=first.name,
        location=first.location,
        registered_at=timezone.now(),
    )
    assert "ml-production" in ada.get("/endpoints/new").content.decode()


def test_page_leaves_a_failing_azure_to_the_worker(azure: Azure, ada: Client, workspaces: list[Workspace]) -> None:
    azure.fault("server-error", where="arm")
    ada.get("/")
    before = len(azure.requests("GET"))
    for url in PAGES:
        ada.get(url)
    assert len(azure.requests("GET")) == before
    assert AccessRead.objects.get().due_at is not None


def test_no_page_asks_azure_while_access_is_known(azure: Azure, ada: Client, workspaces: list[Workspace]) -> None:
    ada.get("/")
    before = len(azure.requests("GET"))
    for url in PAGES:
        ada.get(url)
    assert len(azure.requests("GET")) == before


@pytest.mark.parametrize("url", ["/", "/endpoints/new", "/workspaces/"])
@pytest.mark.parametrize("kind", NoticeKind)
def test_every_page_has_each_notice(
    azure: Azure, ada: Client, ada_user: User, workspaces: list[Workspace], url: str, kind: NoticeKind
) -> None:
    ada.get("/")
    match kind:
        case NoticeKind.UNREACHABLE:
            AccessRead.objects.update(problem="Azure does not answer.", problem_since="2026-11-27T22:00:00Z")
        case NoticeKind.UNREADABLE:
            problem = {"problem": "Azure failed (503).", "problem_since": timezone.now()}
            WorkspaceRead.objects.update_or_create(workspace=workspaces[1], defaults=problem)
        case NoticeKind.REFUSED:
            WorkspaceAccess.objects.filter(workspace=workspaces[1]).update(readable=False)
        case NoticeKind.GONE:
            Workspace.objects.filter(pk=workspaces[1].pk).update(gone_at="2026-11-27T22:00:00Z")
        case NoticeKind.EMPTY:
            Workspace.objects.all().delete()
    page = ada.get(url).content.decode()
    assert [notice.kind for notice in notices(ada_user)] == [kind]
    assert f'id="notice-{kind}"' in page
    others = [one for one in NoticeKind if one != kind]
    assert not any(f'id="notice-{one}"' in page for one in others)


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (1, "read ml-0."),
        (2, "read ml-0 and ml-1."),
        (3, "read ml-0, ml-1 and ml-2."),
        (5, "read ml-0, ml-1 and 3 more."),
    ],
)
def test_notice_names_two_workspaces_and_counts_the_rest(ada_user: User, number: int, text: str) -> None:
    now = ada_user.last_login
    assert now is not None
    for index in range(number):
        workspace = Workspace.objects.create(
            subscription_id="s", resource_group="g", name=f"ml-{index}", location="l", registered_at=now
        )
        WorkspaceAccess.objects.create(user=ada_user, workspace=workspace, readable=False, checked_at=now)
    (notice,) = notices(ada_user)
    assert text in notice.text


@pytest.mark.parametrize(("person", "links"), [("ada", True), ("vera", False)])
def test_only_admins_get_a_link_to_register(sign_in: SignIn, person: str, links: bool) -> None:
    page = sign_in(person).get("/").content.decode()
    assert "No workspace is registered yet." in page
    assert ("/workspaces/new" in page) is links


def test_notice_names_only_what_the_user_knew(azure: Azure, sign_in: SignIn, workspaces: list[Workspace]) -> None:
    vera = sign_in("vera")
    assert "ml-research" not in vera.get("/").content.decode()
    azure.fault("forbidden", where="workspaces")
    azure.fault("forbidden", where="workspace")
    read_access(User.objects.get(username="vera@emulator.test"))
    page = vera.get("/").content.decode()
    assert "Azure does not let you read ml-production." in page
    assert "ml-research" not in page


def test_user_without_any_access_learns_why(azure: Azure, sign_in: SignIn, workspaces: list[Workspace]) -> None:
    workspaces[0].delete()
    assert "Azure does not let you read any registered workspace." in sign_in("vera").get("/").content.decode()


def test_gone_workspace_is_not_offered_for_creations(ada: Client, workspaces: list[Workspace]) -> None:
    Workspace.objects.filter(pk=workspaces[0].pk).update(gone_at="2026-11-27T22:00:00Z")
    page = ada.get("/endpoints/new").content.decode()
    assert f'value="{workspaces[0].pk}"' not in page
    assert f'value="{workspaces[1].pk}"' in page


def test_table_is_drawn_again_when_access_changes(
    azure: Azure, ada: Client, ada_user: User, workspaces: list[Workspace]
) -> None:
    submit(ada, workspaces[0])
    tag = ada.get("/")["ETag"]
    assert ada.get("/", headers={"if-none-match": tag, "hx-request": "true"}).status_code == 304
    azure.fault("server-error", where="arm")
    read_access(ada_user)
    assert ada.get("/", headers={"if-none-match": tag, "hx-request": "true"}).status_code == 200


def test_visitor_of_the_health_checks_needs_no_azure(azure: Azure, db: None) -> None:
    azure.fault("hang", where="any")
    client = Client(headers={"host": settings.PUBLIC_HOST})
    assert all(seconds(client, url) < 0.5 for url in ("/healthz", "/readyz"))
