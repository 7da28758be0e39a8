"""What users may see, as a worker reads it."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts.models import User
from emulator.seed import FIRST_WORKSPACES, PRODUCTION, WORKSPACES
from endpoints import access
from endpoints.access import NoticeKind
from endpoints.arm.budget import READS, MemoryBudget
from endpoints.fleet.access import AccessReader
from endpoints.fleet.reader import FleetReader
from endpoints.models import AccessRead, VisibleWorkspace, Workspace, WorkspaceRead
from tests.conftest import SignIn
from tests.support.access import read_access, readable
from tests.support.azure import Azure

BOTH = ["ml-production", "ml-research"]
PROVIDER = "providers/Microsoft.MachineLearningServices/workspaces"


@pytest.fixture
def user(ada_user: User, workspaces: list[Workspace]) -> User:
    """Ada, who reads both workspaces."""
    assert read_access(ada_user).problem == ""
    assert readable(ada_user) == BOTH
    return ada_user


def kinds(user: User) -> list[NoticeKind]:
    return [notice.kind for notice in access.notices(user)]


def read_workspaces() -> None:
    reader = FleetReader(MemoryBudget())
    WorkspaceRead.objects.update(due_at=timezone.now())
    reader.run_due()
    reader.close()


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "throttle"},
        {"kind": "server-error", "status": 500},
        {"kind": "drop"},
        {"kind": "html", "status": 404},
        {"kind": "html", "status": 403},
        {"kind": "html", "status": 200},
        {"kind": "broken-json"},
        {"kind": "empty", "status": 404},
        {"kind": "expired-token"},
        {"kind": "redirect"},
        {"kind": "not-found", "shape": "group"},
        {"kind": "not-found", "shape": "subscription"},
    ],
    ids=lambda fault: "-".join(map(str, fault.values())),
)
def test_answer_that_says_nothing_changes_nothing(azure: Azure, user: User, fault: dict[str, str]) -> None:
    azure.fault(where="arm", **fault)
    before = AccessRead.objects.get(user=user)
    after = read_access(user)
    assert readable(user) == BOTH
    assert after.problem
    assert after.complete_at == before.complete_at
    assert after.version > before.version
    assert after.due_at is not None
    assert kinds(user) == [NoticeKind.UNREACHABLE]
    azure.no_faults()
    assert read_access(user).problem == ""


def test_refusal_takes_away_that_workspace_alone(azure: Azure, user: User) -> None:
    azure.fault("forbidden", where="workspaces")
    azure.fault("forbidden", where="workspace", workspace="ml-research")
    before = AccessRead.objects.get(user=user)
    after = read_access(user)
    assert readable(user) == ["ml-production"]
    assert after.version > before.version
    (notice,) = access.notices(user)
    assert "Azure does not let you read ml-research." in notice.text


def test_role_that_was_taken_away_ends_access(azure: Azure, user: User) -> None:
    azure.set_access("ada", FIRST_WORKSPACES[1].resource_id, readable=False)
    read_access(user)
    assert readable(user) == ["ml-production"]
    azure.set_access("ada", FIRST_WORKSPACES[1].resource_id, readable=True)
    read_access(user)
    assert readable(user) == BOTH
    assert access.notices(user) == []


def test_refused_subscription_list_falls_back_to_single_reads(azure: Azure, user: User) -> None:
    azure.fault("forbidden", where="subscriptions")
    assert read_access(user).problem == ""
    assert readable(user) == BOTH


def test_unchanged_access_keeps_its_version(user: User) -> None:
    before = AccessRead.objects.get(user=user).version
    assert read_access(user).version == before


def test_deleted_workspace_is_gone_but_stays_readable(azure: Azure, user: User) -> None:
    read_workspaces()
    azure.remove(FIRST_WORKSPACES[1].resource_id)
    WorkspaceRead.objects.update(due_at=timezone.now() + timedelta(minutes=5))
    read_access(user)
    assert WorkspaceRead.objects.filter(workspace__name="ml-research", due_at__lte=timezone.now()).exists()
    read_workspaces()
    WorkspaceRead.objects.filter(missing_since__isnull=False).update(missing_since=timezone.now() - timedelta(hours=1))
    read_workspaces()
    assert readable(user) == BOTH
    (notice,) = access.notices(user)
    assert notice.kind is NoticeKind.GONE
    assert "ml-research no longer exists" in notice.text


def test_another_region_is_noted(user: User) -> None:
    Workspace.objects.update(location="westeurope")
    before = Workspace.objects.get(name="ml-production").version
    read_access(user)
    after = Workspace.objects.get(name="ml-production")
    assert (after.location, after.version) == ("eastus2", before + 1)


def test_admin_sees_all_workspaces_in_azure(azure: Azure, user: User) -> None:
    rows = VisibleWorkspace.objects.filter(user=user)
    assert set(rows.values_list("name", flat=True)) == {one.name for one in WORKSPACES}
    assert {row.subscription_name for row in rows} == {"Contoso Production", "Contoso Research"}


def test_new_workspace_is_seen_later_than_the_others(azure: Azure, user: User) -> None:
    group = f"/subscriptions/{PRODUCTION}/resourceGroups/rg-größe-データ"
    azure.create(group)
    azure.create(f"{group}/{PROVIDER}/ml-new")
    azure.remove(WORKSPACES[3].resource_id)
    first = VisibleWorkspace.objects.get(user=user, name="ml-production").first_seen_at
    read_access(user)
    rows = VisibleWorkspace.objects.filter(user=user)
    assert rows.get(name="ml-production").first_seen_at == first
    assert rows.get(name="ml-new").first_seen_at > first
    assert rows.get(name="ml-new").resource_group == "rg-größe-データ"
    assert not rows.filter(name=WORKSPACES[3].name).exists()


def test_failed_list_hides_no_workspace(azure: Azure, user: User) -> None:
    azure.fault("server-error", where="workspaces")
    read_access(user)
    assert VisibleWorkspace.objects.filter(user=user).count() == len(WORKSPACES)


def test_viewer_without_access_reads_only_their_subscription(sign_in: SignIn, workspaces: list[Workspace]) -> None:
    sign_in("vera")
    vera = User.objects.get(username="vera@emulator.test")
    read_access(vera)
    assert readable(vera) == ["ml-production"]
    assert not VisibleWorkspace.objects.filter(user=vera).exists()


def test_revoked_sign_in_pauses_the_reads(azure: Azure, sign_in: SignIn, user: User) -> None:
    azure.revoke("ada")
    azure.fault("expired-token", where="arm")
    read_access(user)
    after = read_access(user)
    assert "Sign in" in after.problem
    assert after.due_at is not None
    assert after.due_at > timezone.now() + timedelta(minutes=5)
    azure.no_faults()
    sign_in("ada")
    after.refresh_from_db()
    assert after.due_at <= timezone.now()


@pytest.mark.django_db(transaction=True)
def test_two_workers_read_once(azure: Azure, user: User) -> None:
    before = azure.count("GET", "/subscriptions")
    AccessRead.objects.filter(user=user).update(due_at=timezone.now())

    def work(number: int) -> int:
        try:
            return AccessReader(MemoryBudget()).run_due()
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        assert sum(pool.map(work, range(2))) == 1
    assert azure.count("GET", "/subscriptions") == before + 1


def test_lease_of_a_dead_worker_delays_the_read(user: User) -> None:
    now = timezone.now()
    rows = AccessRead.objects.filter(user=user)
    rows.update(due_at=now, lease=uuid4(), lease_until=now + timedelta(minutes=1), lease_owner="elsewhere:1")
    assert AccessReader(MemoryBudget()).run_due() == 0
    rows.update(lease_until=now)
    assert AccessReader(MemoryBudget()).run_due() == 1
    assert rows.get().lease is None


def test_clicks_come_before_reads_of_access(user: User) -> None:
    budget = MemoryBudget()
    budget.observe((f"user:{user.pk}", ""), READS, 0, 120)
    AccessRead.objects.filter(user=user).update(due_at=timezone.now())
    AccessReader(budget).run_due()
    assert "limits" in AccessRead.objects.get(user=user).problem
    assert readable(user) == BOTH


def test_page_makes_old_access_due(ada: Client, user: User) -> None:
    rows = AccessRead.objects.filter(user=user)
    rows.update(complete_at=timezone.now() - timedelta(minutes=9), due_at=None)
    ada.get("/")
    assert rows.get().due_at is None
    rows.update(complete_at=timezone.now() - timedelta(minutes=11))
    ada.get("/")
    assert rows.get().due_at is not None
