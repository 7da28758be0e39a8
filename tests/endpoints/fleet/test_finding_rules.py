"""Findings of rows that no emulator made, on both databases: these read JSON differently."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from django.utils import timezone
from pytest_django.plugin import DjangoDbBlocker

from endpoints.arm.serverless_endpoint import ServerlessEndpoint
from endpoints.fleet.findings import refresh_findings
from endpoints.models import Endpoint, Finding, MarketplaceSubscription, Workspace, WorkspaceRead
from endpoints.states import State, Urgency
from endpoints.versions import bump
from tests.support.databases import on_postgresql

NOW = timezone.now()
LLAMA = "azureml://registries/azureml-meta/models/Llama-3.3-70B-Instruct"

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("database")]


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def database(
    request: pytest.FixtureRequest, django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[None]:
    with ExitStack() as stack:
        if request.param == "postgresql":
            with django_db_blocker.unblock():
                stack.enter_context(on_postgresql())
        yield


@pytest.fixture
def workspace() -> Workspace:
    workspace = Workspace.objects.create(
        subscription_id="s", resource_group="g", name="w", location="eastus2", registered_at=NOW
    )
    WorkspaceRead.objects.create(workspace=workspace, subscriptions_at=NOW)
    return workspace


def create(workspace: Workspace, name: str, state: State, model_id: str = "m", **properties: Any) -> Endpoint:
    """An endpoint in Azure with these properties; its owner does not matter here."""
    properties = {"provisioningState": "Succeeded", "marketplaceSubscriptionId": None, **properties}
    return Endpoint.objects.create(
        workspace=workspace, name=name, model_id=model_id, state=state, urgency=Urgency.of(state),
        created_at=NOW, state_since=NOW, changed_at=NOW, observed_at=NOW,
        observed=ServerlessEndpoint.from_json({"properties": properties, "systemData": {"createdBy": "olga"}}),
    )  # fmt: skip


def subscribe(workspace: Workspace, name: str, model_id: str, status: str = "Subscribed") -> None:
    MarketplaceSubscription.objects.create(
        workspace=workspace, name=name, model_id=model_id, status=status, observed={}, seen_at=NOW
    )


def found() -> set[tuple[str, str, str]]:
    """What was found about each endpoint or subscription, but for owners."""
    refresh_findings(NOW)
    rows = Finding.objects.exclude(kind="unowned").select_related("endpoint", "subscription")
    return {(row.kind, str(row.endpoint or row.subscription), row.detail) for row in rows}


def test_states_are_those_of_azures_response(workspace: Workspace) -> None:
    create(workspace, "suspended", State.DEGRADED, endpointState="Suspended")
    create(workspace, "no-state", State.UNKNOWN)
    create(workspace, "no-uri", State.DEGRADED, endpointState="Online")
    create(workspace, "odd", State.DEGRADED, endpointState=["Online"], provisioningState=None)
    assert found() == {("not-online", "suspended", ""), ("not-online", "no-state", ""), ("no-uri", "no-uri", "")}


def test_maker_of_an_unowned_endpoint_is_named(workspace: Workspace) -> None:
    create(workspace, "theirs", State.ONLINE)
    refresh_findings(NOW)
    assert Finding.objects.get().detail == "Created by olga."


def test_subscription_is_the_one_that_azure_names(workspace: Workspace) -> None:
    create(workspace, "named", State.ONLINE, LLAMA, marketplaceSubscriptionId="/subscriptions/s/x/SUB")
    subscribe(workspace, "sub", "another model", "Suspended")
    subscribe(workspace, "for-model", LLAMA.upper())
    assert found() == {("subscription-inactive", "named", "sub is Suspended.")}


def test_subscription_is_found_by_model_without_its_version(workspace: Workspace) -> None:
    create(workspace, "by-model", State.ONLINE, f"{LLAMA}/versions/3")
    subscribe(workspace, "old", LLAMA, "Unsubscribed")
    subscribe(workspace, "new", LLAMA.lower())
    assert found() == set()


def test_subscription_that_azure_names_may_be_missing(workspace: Workspace) -> None:
    create(workspace, "orphan", State.ONLINE, "a/models/fine-tuned", marketplaceSubscriptionId="/subscriptions/s/x/sub")
    assert found() == {("subscription-missing", "orphan", "fine-tuned needs one.")}


def test_deletion_of_the_only_endpoint_leaves_its_subscription(workspace: Workspace) -> None:
    endpoint = create(workspace, "llama", State.ONLINE, LLAMA)
    subscribe(workspace, "sub", LLAMA)
    assert found() == set()
    Endpoint.objects.filter(pk=endpoint.pk).update(state=State.DELETED)
    bump(workspace.pk)
    assert found() == {("subscription-unused", "sub", "Llama-3.3-70B-Instruct is Subscribed.")}
    assert refresh_findings(NOW) == 0


def test_workspace_that_is_gone_has_no_finding(workspace: Workspace) -> None:
    subscribe(workspace, "sub", LLAMA)
    assert found()
    Workspace.objects.update(gone_at=NOW)
    bump(workspace.pk)
    assert found() == set()
