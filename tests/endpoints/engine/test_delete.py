"""Deletions, against the emulator over HTTP."""

from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from accounts.models import AuditEntry
from endpoints.models import Endpoint, Workspace
from tests.conftest import SignIn
from tests.support.azure import Azure
from tests.support.buttons import delete, press
from tests.support.creation import one_step, settle, submit, texts


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


def test_deletion_spares_a_resource_made_elsewhere(
    azure: Azure, ada: Client, chat: Endpoint, workspaces: list[Workspace]
) -> None:
    Endpoint.objects.all().delete()
    endpoint = settle(azure, submit(ada, workspaces[0]))
    assert (endpoint.state, endpoint.reason) == ("failed", "The name is taken in this workspace")
    assert delete(ada, endpoint) == 303
    assert settle(azure, endpoint).state == "deleted"
    assert azure.resource(endpoint.name)


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
