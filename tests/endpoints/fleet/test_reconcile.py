"""Differences between Azure and the table, made by other people in the emulator and read over HTTP."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import AuditEntry
from endpoints.models import Endpoint, EndpointCheck, Event, Operation, Workspace, WorkspaceRead
from endpoints.services import delete_endpoint
from tests.support.azure import Azure
from tests.support.creation import Act, texts
from tests.support.fleet import others, others_create, read_again, read_fleet

SUSPENDED = {"properties": {"endpointState": "Suspended"}}


def named(name: str) -> Endpoint:
    return Endpoint.objects.get(name=name)


def audited(action: str) -> list[AuditEntry]:
    return list(AuditEntry.objects.filter(action=action))


def test_endpoint_made_elsewhere_appears(azure: Azure, production: Workspace) -> None:
    others_create(azure, production, "theirs", by="olga@emulator.test")
    read_fleet()
    endpoint = named("theirs")
    assert (endpoint.state, endpoint.owner, endpoint.was_requested) == ("online", None, False)
    assert endpoint.inference_uri
    assert texts(endpoint)[0].startswith("Found in Azure. It was not created here, but by olga@emulator.test")


def test_found_endpoint_is_audited_with_its_maker(azure: Azure, production: Workspace) -> None:
    others_create(azure, production, "theirs", by="olga@emulator.test")
    read_fleet()
    (entry,) = audited("found-in-azure")
    assert (entry.actor, entry.details["by"]) == (None, "olga@emulator.test")


def test_found_endpoint_is_reported_once(azure: Azure, production: Workspace) -> None:
    others_create(azure, production, "theirs")
    read_fleet()
    before = Event.objects.count()
    WorkspaceRead.objects.update(body_hash="")
    read_fleet()
    assert Event.objects.count() == before


def test_creation_elsewhere_is_followed(azure: Azure, production: Workspace) -> None:
    others_create(azure, production, "theirs", seconds=100)
    read_fleet()
    assert named("theirs").state == "creating"
    azure.advance(120)
    read_fleet()
    assert named("theirs").state == "online"


def test_change_elsewhere_is_shown_field_by_field(azure: Azure, listed: Endpoint) -> None:
    others(azure, "PATCH", listed.arm_id, {"tags": {"team": "b"}}, by="olga@emulator.test")
    read_fleet()
    listed.refresh_from_db()
    assert listed.drift == [{"field": "Tag team", "before": "", "after": "b"}]
    assert texts(listed)[-1] == "Changed in Azure by olga@emulator.test: Tag team, not set → b."
    assert audited("changed-in-azure")[0].details["by"] == "olga@emulator.test"


def test_drift_ends_when_azure_holds_the_request_again(azure: Azure, listed: Endpoint) -> None:
    others(azure, "PATCH", listed.arm_id, {"tags": {"team": "b"}})
    read_fleet()
    others(azure, "PATCH", listed.arm_id, {"tags": {}})
    read_fleet()
    listed.refresh_from_db()
    assert (listed.drift, listed.drift_since) == (None, None)


def test_own_creation_is_no_drift(listed: Endpoint) -> None:
    assert (listed.drift, listed.state) == (None, "online")
    assert not audited("changed-in-azure")


def test_suspension_is_shown_with_azure_s_word(azure: Azure, listed: Endpoint) -> None:
    others(azure, "PATCH", listed.arm_id, SUSPENDED)
    read_fleet()
    listed.refresh_from_db()
    assert (listed.state, listed.reason) == ("degraded", "Azure reports Suspended.")
    assert texts(listed)[-1] == "Degraded: Azure reports Suspended."


def test_reinstated_endpoint_is_online_again(azure: Azure, listed: Endpoint) -> None:
    others(azure, "PATCH", listed.arm_id, SUSPENDED)
    read_fleet()
    others(azure, "PATCH", listed.arm_id, {"properties": {"endpointState": "Online"}})
    read_fleet()
    listed.refresh_from_db()
    assert (listed.state, listed.reason) == ("online", "")


def test_vanished_endpoint_stays_until_a_second_proof(azure: Azure, listed: Endpoint, production: Workspace) -> None:
    others_create(azure, production, "theirs")
    others(azure, "DELETE", listed.arm_id)
    read_fleet()
    listed.refresh_from_db()
    assert listed.state == "online"
    assert listed.missing_since is not None


def test_vanished_endpoint_is_deleted_after_two_proofs(azure: Azure, listed: Endpoint) -> None:
    others(azure, "DELETE", listed.arm_id)
    read_fleet()
    read_again()
    listed.refresh_from_db()
    assert (listed.state, listed.inference_uri) == ("deleted", "")
    assert texts(listed)[-1] == "Deleted in Azure, not from here."
    assert len(audited("deleted-in-azure")) == 1


def test_endpoint_deleted_soon_after_its_creation_is_noticed(azure: Azure, listed: Endpoint) -> None:
    Endpoint.objects.update(sent_at=timezone.now())
    others(azure, "DELETE", listed.arm_id)
    read_fleet()
    Endpoint.objects.update(sent_at=timezone.now() - timedelta(minutes=3))
    read_fleet()
    listed.refresh_from_db()
    assert listed.missing_since is not None


def test_endpoint_made_again_elsewhere_loses_its_owner(azure: Azure, listed: Endpoint, production: Workspace) -> None:
    others(azure, "DELETE", listed.arm_id)
    azure.advance(600)
    others_create(azure, production, "chat", by="olga@emulator.test")
    read_fleet()
    listed.refresh_from_db()
    assert (listed.state, listed.owner, listed.was_requested) == ("online", None, False)
    assert "by olga@emulator.test" in texts(listed)[-1]


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("server-error", {"status": 503}),
        ("error", {"status": 403, "code": "AuthorizationFailed"}),
        ("error", {"status": 401, "code": "InvalidAuthenticationToken"}),
        ("error", {"status": 409, "code": "Conflict"}),
        ("throttle", {}),
        ("html", {"status": 200}),
        ("html", {"status": 404}),
        ("broken-json", {}),
        ("empty", {}),
        ("drop", {}),
        ("error", {"status": 404, "code": "ResourceGroupNotFound"}),
        ("error", {"status": 404, "code": "SubscriptionNotFound"}),
        ("error", {"status": 404, "code": "NotFound"}),
    ],
)
def test_unreadable_list_changes_no_state(
    azure: Azure, listed: Endpoint, kind: str, settings: dict[str, object]
) -> None:
    azure.fault(kind, where="list", **settings)
    read_fleet()
    listed.refresh_from_db()
    assert (listed.state, listed.missing_since) == ("online", None)
    read = WorkspaceRead.objects.get(workspace=listed.workspace)
    assert read.problem
    assert read.problem_since
    azure.no_faults()
    read_fleet()
    assert WorkspaceRead.objects.get(workspace=listed.workspace).problem == ""


def test_deleted_workspace_takes_its_endpoints_along(azure: Azure, listed: Endpoint, production: Workspace) -> None:
    others(azure, "DELETE", production.arm_id)
    read_fleet()
    assert named("chat").state == "online"
    read_again()
    production.refresh_from_db()
    assert production.gone_at
    assert (named("chat").state, named("chat").reason) == ("deleted", "Its workspace was deleted in Azure.")


def test_unchanged_list_writes_no_endpoint(azure: Azure, listed: Endpoint) -> None:
    read_fleet()
    version = Workspace.objects.get(pk=listed.workspace_id).version
    read_fleet()
    assert Workspace.objects.get(pk=listed.workspace_id).version == version


def test_table_shows_what_others_made(azure: Azure, ada: Client, production: Workspace) -> None:
    others_create(azure, production, "theirs")
    read_fleet()
    assert "theirs" in ada.get("/").content.decode()


def test_empty_lists_alone_prove_nothing(azure: Azure, listed: Endpoint) -> None:
    subscription = listed.arm_id.partition("/resourceGroups/")[0]
    provider = f"{subscription}/providers/Microsoft.MachineLearningServices"
    others(azure, "PATCH", provider, {"registrationState": "NotRegistered", "lists": "empty"})
    read_fleet()
    for _ in range(3):
        EndpointCheck.objects.all().delete()
        read_again()
    listed.refresh_from_db()
    assert listed.state == "online"


def test_two_lists_without_it_are_proof(azure: Azure, listed: Endpoint, production: Workspace) -> None:
    others_create(azure, production, "theirs")
    read_fleet()
    others(azure, "DELETE", listed.arm_id)
    read_fleet()
    EndpointCheck.objects.all().delete()
    read_again()
    listed.refresh_from_db()
    assert listed.state == "deleted"


def test_row_says_since_when_its_workspace_cannot_be_read(azure: Azure, ada: Client, listed: Endpoint) -> None:
    azure.fault("server-error", where="list", status=503)
    read_fleet()
    page = ada.get("/").content.decode()
    assert "Not confirmed since" in page
    notice = re.search(r'id="notice-unreadable">(.*?)</p>', page, re.DOTALL)
    assert notice
    assert "ml-production" in notice[1]
    assert "Azure failed (503 ServiceUnavailable). Since" in notice[1]


def test_parked_operation_ends_if_others_replace_its_endpoint(
    azure: Azure, listed: Endpoint, as_ada: Act, production: Workspace
) -> None:
    operation = as_ada(delete_endpoint)
    Operation.objects.update(needs_sign_in=True, next_step_at=None)
    others(azure, "DELETE", listed.arm_id)
    azure.advance(600)
    others_create(azure, production, "chat", by="olga@emulator.test")
    read_fleet()
    operation.refresh_from_db()
    assert (operation.error or {})["code"] == "CreatedElsewhere"
    listed.refresh_from_db()
    assert (listed.state, listed.owner) == ("online", None)
