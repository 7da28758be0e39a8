"""Marketplace subscriptions, read after the list of a workspace's endpoints."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from endpoints.fleet.subscriptions import claim
from endpoints.models import MarketplaceSubscription, Workspace, WorkspaceRead
from tests.support.azure import Azure
from tests.support.fleet import others, read_fleet, read_subscriptions, shared_reader

LIST = "/ml-production/marketplaceSubscriptions"
LLAMA = "Llama-33-70B-Instruct"


def read_of(workspace: Workspace) -> WorkspaceRead:
    return WorkspaceRead.objects.get(workspace=workspace)


def names(workspace: Workspace) -> set[str]:
    return set(workspace.subscriptions.values_list("name", flat=True))


def test_subscriptions_are_read_with_their_status(production: Workspace) -> None:
    llama = MarketplaceSubscription.objects.get(workspace=production, name=LLAMA)
    assert llama.model_id == "azureml://registries/azureml-meta/models/Llama-3.3-70B-Instruct"
    assert (llama.status, llama.observed["name"]) == ("Subscribed", LLAMA)
    assert read_of(production).subscriptions_at


def test_subscriptions_are_not_read_with_every_list(azure: Azure, production: Workspace) -> None:
    before = azure.count("GET", LIST)
    read_fleet()
    assert azure.count("GET", LIST) == before


def test_reading_a_workspace_now_includes_subscriptions(azure: Azure, ada: Client, production: Workspace) -> None:
    before = azure.count("GET", LIST)
    ada.post(f"/workspaces/{production.pk}/read")
    shared_reader().run_due()
    assert azure.count("GET", LIST) == before + 1


def test_changed_status_replaces_the_known_one(azure: Azure, production: Workspace) -> None:
    others(
        azure,
        "PATCH",
        f"{production.arm_id}/marketplaceSubscriptions/{LLAMA}",
        {"properties": {"marketplaceSubscriptionStatus": "Suspended"}},
    )
    read_subscriptions()
    assert MarketplaceSubscription.objects.get(workspace=production, name=LLAMA).status == "Suspended"


def test_subscription_that_is_not_listed_is_removed(azure: Azure, production: Workspace) -> None:
    others(azure, "DELETE", f"{production.arm_id}/marketplaceSubscriptions/{LLAMA}")
    read_subscriptions()
    assert LLAMA not in names(production)
    assert names(production)


@pytest.mark.parametrize(
    ("kind", "settings", "problem"),
    [
        ("error", {"status": 403, "code": "AuthorizationFailed"}, "403 AuthorizationFailed"),
        ("error", {"status": 404, "code": "NotFound"}, "404 NotFound"),
        ("server-error", {"status": 503}, "503"),
        ("html", {"status": 200}, "not one of Azure Resource Manager"),
        ("broken-json", {}, "not one of Azure Resource Manager"),
    ],
)
def test_unreadable_subscriptions_stay(
    azure: Azure, production: Workspace, kind: str, settings: dict[str, object], problem: str
) -> None:
    before = names(production)
    azure.fault(kind, where="marketplace", **settings)
    read_subscriptions()
    read = read_of(production)
    assert names(production) == before
    assert problem in read.subscriptions_problem
    assert (read.problem, read.lease) == ("", None)
    azure.no_faults()
    read_subscriptions()
    assert read_of(production).subscriptions_problem == ""


def test_unchanged_subscriptions_change_no_version(production: Workspace) -> None:
    before = Workspace.objects.get(pk=production.pk).version
    read_subscriptions()
    assert Workspace.objects.get(pk=production.pk).version == before


def test_killed_worker_leaves_the_next_list_due(azure: Azure, production: Workspace) -> None:
    read, now = read_of(production), timezone.now()
    assert claim(read, timedelta(seconds=30), now)
    assert claim(read, timedelta(seconds=30), now) is None
    WorkspaceRead.objects.update(lease_until=now - timedelta(seconds=1), subscriptions_due_at=None)
    before = azure.count("GET", LIST)
    read_fleet()
    assert azure.count("GET", LIST) == before + 1
    assert read_of(production).lease is None
