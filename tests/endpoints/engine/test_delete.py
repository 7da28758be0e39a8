"""Deletions, against the emulator over HTTP."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import AuditEntry
from endpoints.models import Endpoint, Workspace
from tests.conftest import SignIn
from tests.support.absences import LIKELY, OTHERS, Fault
from tests.support.azure import Azure
from tests.support.buttons import delete, press
from tests.support.creation import one_step, settle, submit, texts
from tests.support.strangers import strangers_endpoint
from tests.support.worker import run_due


def test_deletion_ends_when_the_resource_is_gone(azure: Azure, ada: Client, chat: Endpoint) -> None:
    assert delete(ada, chat) == 303
    one_step(azure)
    assert settle(azure, chat).state == "deleted"
    assert azure.resource(chat.name) is None
    assert texts(chat)[-1] == "Deleted"


def test_deletion_of_an_online_endpoint_needs_its_name(ada: Client, chat: Endpoint) -> None:
    response = ada.post(f"{chat.get_absolute_url()}delete", {"submission_id": str(uuid4()), "typed_name": "chart"})
    assert response.status_code == 422
    assert "The name does not match. Type chat to delete it." in response.content.decode()
    assert chat.operations.count() == 1


def test_double_click_deletes_once(ada: Client, chat: Endpoint) -> None:
    form = {"submission_id": str(uuid4()), "typed_name": "chat"}
    assert [press(ada, chat, "delete", **form) for _ in range(2)] == [303, 409]
    assert chat.operations.count() == 2


def test_endpoint_being_created_cannot_be_deleted(azure: Azure, ada: Client, workspaces: list[Workspace]) -> None:
    endpoint = submit(ada, workspaces[0])
    assert delete(ada, endpoint) == 409
    assert "cannot be deleted now" in ada.get(f"{endpoint.get_absolute_url()}delete").content.decode()


def test_deleted_name_can_be_used_again(azure: Azure, ada: Client, chat: Endpoint, workspaces: list[Workspace]) -> None:
    delete(ada, chat)
    settle(azure, chat)
    again = settle(azure, submit(ada, workspaces[0]))
    assert (again.pk, again.state, azure.count_accepted("PUT", "/chat")) == (chat.pk, "online", 2)


def test_deletion_of_a_missing_resource_succeeds(azure: Azure, ada: Client, chat: Endpoint) -> None:
    azure.fault("deleted-elsewhere", times=1)
    delete(ada, chat)
    assert settle(azure, chat).state == "deleted"


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("result-204", {}),
        ("no-monitor", {"where": "delete", "location": "result"}),
        ("no-monitor", {"where": "delete", "location": "none"}),
        ("server-error", {"where": "delete", "times": 2, "status": 503}),
        ("server-error", {"where": "delete", "times": 1, "status": 500, "when": "after"}),
        ("drop", {"where": "delete", "times": 1}),
        ("drop", {"where": "delete", "times": 1, "when": "after"}),
        ("throttle", {"where": "delete", "times": 1, "retry_after": 1}),
        ("not-found", {"where": "status"}),
        ("html", {"where": "status", "times": 2}),
        ("drop", {"where": "resource", "times": 2}),
        ("drift", {"where": "delete", "seconds": 30}),
        ("expired-token", {"where": "delete", "times": 1}),
    ],
)
def test_deletion_survives_a_fault(
    azure: Azure, ada: Client, chat: Endpoint, kind: str, settings: dict[str, Any]
) -> None:
    azure.fault(kind, match="*", **settings)
    delete(ada, chat)
    assert settle(azure, chat).state == "deleted", texts(chat)
    assert azure.resource(chat.name) is None


def test_refused_deletion_leaves_the_endpoint_online(azure: Azure, ada: Client, chat: Endpoint) -> None:
    azure.fault("error", where="delete", status=403, code="AuthorizationFailed", message="No.")
    delete(ada, chat)
    endpoint = settle(azure, chat)
    assert endpoint.state == "online"
    assert "Not deleted: You do not have access in Azure" in texts(endpoint)


def test_deletion_that_fails_in_azure_is_failed(azure: Azure, ada: Client, chat: Endpoint) -> None:
    azure.fault("fail", where="delete")
    delete(ada, chat)
    endpoint = settle(azure, chat)
    assert (endpoint.state, endpoint.operations.latest("requested_at").outcome) == ("failed", "failed")


@pytest.mark.parametrize("fault", OTHERS)
def test_404_of_anything_else_deletes_nothing(azure: Azure, ada: Client, chat: Endpoint, fault: Fault) -> None:
    for where in ("delete", "resource"):
        azure.fault(fault[0], where=where, **fault[1])
    delete(ada, chat)
    assert settle(azure, chat).state == "online", texts(chat)
    assert chat.problem.startswith("Azure returned 404")
    assert azure.count_accepted("DELETE", "/chat") == 0


def test_vague_404s_do_not_confirm_a_deletion(azure: Azure, ada: Client, chat: Endpoint) -> None:
    for where in ("delete", "resource"):
        azure.fault(LIKELY[0], where=where, **LIKELY[1])
    delete(ada, chat)
    assert settle(azure, chat).state == "unknown"
    assert texts(chat)[-1].startswith("The deletion could not be confirmed")


@pytest.mark.parametrize("fault", OTHERS)
def test_deletion_survives_some_404s(azure: Azure, ada: Client, chat: Endpoint, fault: Fault) -> None:
    azure.fault(fault[0], where="delete", **fault[1], times=2)
    delete(ada, chat)
    assert settle(azure, chat).state == "deleted", texts(chat)
    assert azure.resource("chat") is None


@pytest.mark.parametrize("where", ["delete", "resource"])
def test_single_404_does_not_prove_a_deletion(azure: Azure, ada: Client, chat: Endpoint, where: str) -> None:
    azure.fault("server-error", where="delete", times=1)
    azure.fault("not-found", where=where, shape="resource", times=1)
    delete(ada, chat)
    one_step(azure)
    one_step(azure)
    chat.refresh_from_db()
    assert chat.state == "deleting"
    assert settle(azure, chat).state == "deleted"
    assert azure.resource("chat") is None


def test_two_404s_are_read_some_seconds_apart(azure: Azure, ada: Client, chat: Endpoint) -> None:
    azure.fault("not-found", where="delete", shape="resource")
    azure.fault("not-found", where="resource", shape="resource")
    delete(ada, chat)
    run_due()
    due = chat.operations.get(settled_at=None).next_step_at
    assert due is not None
    assert timedelta(seconds=4) < due - timezone.now() < timedelta(seconds=6)
    assert settle(azure, chat).state == "deleted"


def test_finished_deletion_is_confirmed_by_a_vague_404(azure: Azure, ada: Client, chat: Endpoint) -> None:
    azure.fault(LIKELY[0], where="resource", **LIKELY[1])
    delete(ada, chat)
    assert settle(azure, chat).state == "deleted"


@pytest.mark.parametrize("fault", OTHERS)
def test_finished_deletion_needs_a_404_of_the_endpoint(azure: Azure, ada: Client, chat: Endpoint, fault: Fault) -> None:
    azure.fault(fault[0], where="resource", **fault[1])
    delete(ada, chat)
    assert settle(azure, chat).state == "unknown"
    assert texts(chat)[-1].startswith("The deletion could not be confirmed")


def test_found_endpoint_is_deleted_like_any_other(azure: Azure, ada: Client, found: Endpoint) -> None:
    assert delete(ada, found) == 303
    assert settle(azure, found).state == "deleted"
    assert azure.resource(found.name) is None


def test_deletion_of_an_unsent_creation_spares_others(azure: Azure, ada: Client, workspaces: list[Workspace]) -> None:
    azure.fault("not-found", where="resource", shape="group")
    endpoint = settle(azure, submit(ada, workspaces[0]))
    azure.no_faults()
    strangers_endpoint(azure, workspaces[0])
    delete(ada, endpoint)
    endpoint = settle(azure, endpoint)
    assert (endpoint.state, endpoint.owner) == ("online", None)
    assert azure.resource("chat")


def test_parked_creation_can_be_deleted(
    azure: Azure, ada: Client, sign_in: SignIn, workspaces: list[Workspace]
) -> None:
    endpoint = submit(sign_in("oscar"), workspaces[0])
    one_step(azure)
    azure.revoke("oscar")
    assert settle(azure, endpoint).state == "needs-sign-in"
    assert delete(ada, endpoint) == 303
    assert settle(azure, endpoint).state == "deleted"
    assert azure.resource(endpoint.name) is None
    assert "It waited for Oscar Operator to sign in, until Ada Admin made another request." in texts(endpoint)
    assert AuditEntry.objects.filter(action="endpoint-created", outcome="failed").count() == 1
