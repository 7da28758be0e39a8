"""Refreshes, against the emulator over HTTP."""

from datetime import timedelta

from django.test import Client
from django.utils import timezone

from accounts.models import User
from endpoints.models import Endpoint, Operation, Workspace
from tests.support.azure import Azure
from tests.support.buttons import delete, press
from tests.support.creation import one_step, settle, submit, texts
from tests.support.worker import run_due


def test_refused_refresh_leaves_the_endpoint_online(azure: Azure, ada: Client, chat: Endpoint) -> None:
    press(ada, chat, "refresh")
    User.objects.update(roles=[])
    assert settle(azure, chat).state == "online"
    assert texts(chat)[-1] == "Could not be checked: You do not have access any more"


def test_refresh_finds_the_end_of_an_overdue_creation(azure: Azure, ada: Client, workspaces: list[Workspace]) -> None:
    endpoint = submit(ada, workspaces[0], "slow-chat")
    one_step(azure)
    Operation.objects.update(deadline_at=timezone.now() - timedelta(seconds=1))
    assert settle(azure, endpoint, rounds=1).state == "unknown"
    assert "Check now" in ada.get(endpoint.get_absolute_url()).content.decode()
    assert press(ada, endpoint, "refresh") == 303
    assert settle(azure, endpoint).state == "online"
    assert azure.count_accepted("PUT", "/slow-chat") == 1


def test_refresh_detects_a_deletion_made_elsewhere(azure: Azure, ada: Client, chat: Endpoint) -> None:
    azure.fault("deleted-elsewhere", times=1)
    press(ada, chat, "refresh")
    assert settle(azure, chat).state == "deleted"
    assert texts(chat)[-1] == "It no longer exists in Azure."
    assert "note error" not in ada.get(chat.get_absolute_url()).content.decode()


def test_refresh_of_a_failed_creation_stays_failed(azure: Azure, ada: Client, workspaces: list[Workspace]) -> None:
    azure.fault("refuse", cause="policy")
    endpoint = settle(azure, submit(ada, workspaces[0]))
    press(ada, endpoint, "refresh")
    endpoint = settle(azure, endpoint)
    assert (endpoint.state, endpoint.reason) == ("failed", "It does not exist in Azure.")


def test_endpoint_has_one_running_operation(ada: Client, chat: Endpoint) -> None:
    delete(ada, chat)
    assert press(ada, chat, "refresh") == 303
    assert "Wait until the operation ends" in ada.get(chat.get_absolute_url()).content.decode()
    assert chat.operations.filter(settled_at=None).count() == 1


def test_refresh_resumes_a_quarantined_operation(azure: Azure, ada: Client, workspaces: list[Workspace]) -> None:
    endpoint = submit(ada, workspaces[0])
    one_step(azure)
    Operation.objects.update(monitor_url="https://evil.example/status", next_step_at=timezone.now())
    run_due()
    page = ada.get(endpoint.get_absolute_url()).content.decode()
    assert "Endpoint Desk could not continue. Trying again in 15 minutes." in page
    assert "ForeignOrigin" in page
    Operation.objects.update(monitor_url="")
    press(ada, endpoint, "refresh")
    azure.advance(60)
    run_due()
    endpoint.refresh_from_db()
    assert endpoint.state == "online"
    assert endpoint.operations.count() == 1
