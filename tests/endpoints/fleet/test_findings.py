"""Findings appear and end with what other people do in the emulator."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from endpoints import catalogue
from endpoints.fleet.findings import refresh_findings
from endpoints.models import Endpoint, Finding, Workspace, WorkspaceRead
from tests.support.azure import Azure
from tests.support.creation import one_step, settle, submit
from tests.support.fleet import others, others_create, read_again, read_fleet, read_subscriptions

LLAMA = "azureml://registries/azureml-meta/models/Llama-3.3-70B-Instruct"
SUBSCRIPTION = "Llama-33-70B-Instruct"
DEEPSEEK = "azureml://registries/azureml-deepseek/models/DeepSeek-R1"


def found(endpoint: Endpoint) -> dict[str, str]:
    """The findings of an endpoint after everything is read: their details by kind."""
    read_subscriptions()
    refresh_findings()
    return dict(endpoint.findings.values_list("kind", "detail"))


def of_subscriptions() -> set[str]:
    read_subscriptions()
    refresh_findings()
    return set(Finding.objects.filter(kind="subscription-unused").values_list("subscription__name", flat=True))


def set_properties(azure: Azure, arm_id: str, **properties: object) -> None:
    others(azure, "PATCH", arm_id, {"properties": properties})


def inference_endpoint(azure: Azure, endpoint: Endpoint) -> object:
    resource = azure.resource(endpoint.name)
    assert resource
    return resource["properties"]["inferenceEndpoint"]


@pytest.fixture
def llama(azure: Azure, production: Workspace, listed: Endpoint) -> Endpoint:
    """An endpoint of ours whose model needs a marketplace subscription, which the workspace has."""
    others_create(azure, production, "llama", LLAMA)
    read_fleet()
    Endpoint.objects.filter(name="llama").update(owner=listed.owner)
    return Endpoint.objects.get(name="llama")


@pytest.fixture
def subscription(production: Workspace) -> str:
    return f"{production.arm_id}/marketplaceSubscriptions/{SUBSCRIPTION}"


def test_online_endpoint_has_no_finding(listed: Endpoint, llama: Endpoint) -> None:
    assert (found(listed), found(llama)) == ({}, {})


def test_suspended_endpoint_is_not_online(azure: Azure, listed: Endpoint) -> None:
    set_properties(azure, listed.arm_id, endpointState="Suspended")
    assert found(listed) == {"not-online": "Azure reports Suspended."}
    set_properties(azure, listed.arm_id, endpointState="Online")
    assert found(listed) == {}


def test_online_endpoint_without_uri_is_found(azure: Azure, listed: Endpoint) -> None:
    before = inference_endpoint(azure, listed)
    set_properties(azure, listed.arm_id, inferenceEndpoint=None)
    assert found(listed) == {"no-uri": ""}
    set_properties(azure, listed.arm_id, inferenceEndpoint=before)
    assert found(listed) == {}


@pytest.mark.parametrize("status", ["Suspended", "Unsubscribed"])
def test_inactive_subscription_is_found(azure: Azure, llama: Endpoint, subscription: str, status: str) -> None:
    set_properties(azure, subscription, marketplaceSubscriptionStatus=status)
    set_properties(azure, llama.arm_id, endpointState="Online")
    assert found(llama) == {"subscription-inactive": f"{SUBSCRIPTION} is {status}."}
    set_properties(azure, subscription, marketplaceSubscriptionStatus="Subscribed")
    assert found(llama) == {}


def test_unknown_status_of_a_subscription_is_not_active(llama: Endpoint) -> None:
    found(llama)
    llama.workspace.subscriptions.update(status="PendingFulfillmentStart")
    Workspace.objects.update(findings_due_at=None)
    refresh_findings()
    assert [one.kind for one in llama.findings.all()] == ["subscription-inactive"]


def test_missing_subscription_is_found(azure: Azure, llama: Endpoint, subscription: str) -> None:
    others(azure, "DELETE", subscription)
    set_properties(azure, llama.arm_id, endpointState="Online")
    assert found(llama) == {"subscription-missing": "Llama-3.3-70B-Instruct needs one."}


def test_subscriptions_that_were_never_read_prove_nothing(azure: Azure, llama: Endpoint, subscription: str) -> None:
    azure.fault("error", where="marketplace", status=403, code="AuthorizationFailed")
    WorkspaceRead.objects.update(subscriptions_at=None)
    llama.workspace.subscriptions.all().delete()
    assert found(llama) == {}
    assert not Finding.objects.filter(kind="subscription-unused").exists()


def test_subscription_without_endpoint_is_found(azure: Azure, production: Workspace) -> None:
    assert SUBSCRIPTION in of_subscriptions()
    arm_id = others_create(azure, production, "llama", LLAMA)
    assert SUBSCRIPTION not in of_subscriptions()
    others(azure, "DELETE", arm_id)
    read_fleet()
    read_again()
    assert SUBSCRIPTION in of_subscriptions()


def test_failed_leftover_ends_with_its_deletion(azure: Azure, ada: Client, production: Workspace) -> None:
    azure.fault("fail", cause="quota")
    endpoint = settle(azure, submit(ada, production))
    assert endpoint.state == "failed"
    Endpoint.objects.update(sent_at=timezone.now() - timedelta(minutes=3))
    assert set(found(endpoint)) == {"failed"}
    others(azure, "DELETE", endpoint.arm_id)
    read_fleet()
    read_again()
    assert found(endpoint) == {}


def test_creation_is_overdue_after_an_hour(azure: Azure, ada: Client, production: Workspace) -> None:
    endpoint = submit(ada, production)
    one_step(azure)
    assert found(endpoint) == {}
    started_at = Endpoint.objects.get(pk=endpoint.pk).state_since
    refresh_findings(started_at + timedelta(minutes=59))
    assert not endpoint.findings.exists()
    refresh_findings(started_at + timedelta(minutes=61))
    assert endpoint.findings.get().detail == "Creating for over an hour."
    assert endpoint.findings.get().since == started_at
    settle(azure, endpoint)
    assert found(endpoint) == {}


def test_model_is_retiring_then_retired(azure: Azure, listed: Endpoint) -> None:
    model = catalogue.find(DEEPSEEK)
    assert model
    assert model.retires
    Endpoint.objects.filter(pk=listed.pk).update(model_id=f"{DEEPSEEK}/versions/1")
    day = datetime.combine(model.retires, datetime.min.time(), UTC)
    shown = {}
    for days in (-91, -90, -1, 0):
        Workspace.objects.update(findings_due_at=None)
        refresh_findings(day + timedelta(days=days, hours=12))
        shown[days] = [one.kind for one in listed.findings.all()]
    assert shown == {-91: [], -90: ["retiring"], -1: ["retiring"], 0: ["retired"]}
    assert listed.findings.get().since == day
    assert listed.findings.get().detail == "DeepSeek-R1 retired on 13 August 2026."


def test_endpoint_made_elsewhere_has_no_owner(azure: Azure, ada: Client, production: Workspace) -> None:
    others_create(azure, production, "theirs", by="olga@emulator.test")
    read_fleet()
    endpoint = Endpoint.objects.get(name="theirs")
    assert found(endpoint) == {"unowned": "Created by olga@emulator.test."}


def test_drift_is_found_until_it_ends(azure: Azure, listed: Endpoint) -> None:
    others(azure, "PATCH", listed.arm_id, {"tags": {"team": "b"}})
    assert found(listed) == {"drift": "Differs: Tag team."}
    others(azure, "PATCH", listed.arm_id, {"tags": {}})
    assert found(listed) == {}


def test_deleted_endpoint_has_no_finding(azure: Azure, listed: Endpoint) -> None:
    others(azure, "PATCH", listed.arm_id, {"tags": {"team": "b"}})
    assert found(listed)
    others(azure, "DELETE", listed.arm_id)
    read_fleet()
    read_again()
    assert found(listed) == {}


def test_finding_keeps_its_since_while_its_detail_changes(azure: Azure, listed: Endpoint) -> None:
    others(azure, "PATCH", listed.arm_id, {"tags": {"team": "b"}})
    found(listed)
    before = listed.findings.get()
    others(azure, "PATCH", listed.arm_id, {"tags": {"team": "b", "cost": "4711"}})
    found(listed)
    after = listed.findings.get()
    assert (after.pk, after.since, after.detail) == (before.pk, before.since, "Differs: Tag cost, Tag team.")


def test_findings_converge(azure: Azure, listed: Endpoint) -> None:
    set_properties(azure, listed.arm_id, endpointState="Suspended")
    found(listed)
    listed.refresh_from_db()
    before = listed.version, Workspace.objects.get(pk=listed.workspace_id).version
    assert refresh_findings() == 0
    read_fleet()
    refresh_findings()
    listed.refresh_from_db()
    assert (listed.version, Workspace.objects.get(pk=listed.workspace_id).version) == before


def test_new_finding_changes_the_versions(azure: Azure, listed: Endpoint) -> None:
    found(listed)
    listed.refresh_from_db()
    endpoint, workspace = listed.version, Workspace.objects.get(pk=listed.workspace_id).version
    Endpoint.objects.filter(pk=listed.pk).update(owner=None)
    Workspace.objects.update(findings_due_at=None)
    refresh_findings()
    listed.refresh_from_db()
    assert listed.version == endpoint + 1
    assert Workspace.objects.get(pk=listed.workspace_id).version == workspace + 1


def test_refresh_without_a_change_is_one_query(production: Workspace) -> None:
    refresh_findings()
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert refresh_findings() == 0
    assert len(queries) == 1
