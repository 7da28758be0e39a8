"""Updates, against the emulator over HTTP."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from endpoints import services
from endpoints.arm.serverless_endpoint import EndpointUpdate
from endpoints.models import Endpoint, EndpointCheck, Operation, Workspace
from tests.support.absences import UNPROVED, Fault
from tests.support.azure import Azure
from tests.support.creation import Act, one_step, settle, submit, texts
from tests.support.fleet import read_fleet

TAGS = EndpointUpdate(tags={"team": "search"})


def test_update_is_applied_and_the_endpoint_stays_online(azure: Azure, chat: Endpoint, as_ada: Act) -> None:
    as_ada(services.update_endpoint, TAGS)
    assert settle(azure, chat).state == "online"
    assert (azure.resource(chat.name) or {})["tags"] == {"team": "search"}
    assert chat.observed is not None
    assert chat.observed.tags == {"team": "search"}


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("at-once", {}),
        ("no-monitor", {"where": "patch", "location": "result"}),
        ("no-monitor", {"where": "patch", "location": "none"}),
        ("throttle", {"where": "patch", "times": 2, "retry_after": 1}),
        ("drop", {"where": "patch", "times": 1, "when": "after"}),
        ("server-error", {"where": "patch", "times": 1, "status": 504, "when": "after"}),
        ("not-found", {"where": "status"}),
    ],
)
def test_update_is_sent_once_despite_a_fault(
    azure: Azure, chat: Endpoint, as_ada: Act, kind: str, settings: dict[str, Any]
) -> None:
    azure.fault(kind, match="*", **settings)
    operation = as_ada(services.update_endpoint, TAGS)
    assert settle(azure, chat).state == "online", texts(chat)
    operation.refresh_from_db()
    assert operation.outcome == "succeeded", texts(chat)
    reached = [row for row in azure.requests("PATCH", "/chat") if row["status"] != 429]
    assert len(reached) == 1


def test_update_that_azure_does_not_show_is_not_repeated(azure: Azure, chat: Endpoint, as_ada: Act) -> None:
    azure.fault("server-error", where="patch", times=1, status=500)
    operation = as_ada(services.update_endpoint, TAGS)
    endpoint = settle(azure, chat)
    operation.refresh_from_db()
    assert (operation.outcome, (operation.error or {})["code"]) == ("error", "ChangeNotSeen")
    assert azure.count("PATCH", "/chat") == 1
    assert endpoint.state == "online"


def test_update_of_a_missing_resource_makes_a_check_due(azure: Azure, chat: Endpoint, as_ada: Act) -> None:
    azure.fault("deleted-elsewhere", where="patch", times=1)
    as_ada(services.update_endpoint, TAGS)
    assert settle(azure, chat).state == "online"
    assert chat.missing_since is not None
    assert EndpointCheck.objects.get().endpoint == chat
    assert texts(chat)[-1] == "Not changed: Azure cannot find the resource"


@pytest.mark.parametrize("fault", UNPROVED)
@pytest.mark.parametrize("change", [services.update_endpoint, services.regenerate_key])
def test_other_404_leaves_the_endpoint_online(
    azure: Azure, chat: Endpoint, as_ada: Act, change: Callable[..., Operation], fault: Fault
) -> None:
    confirmed_at = chat.confirmed_at
    for where in ("patch", "regenerate"):
        azure.fault(fault[0], where=where, **fault[1])
    as_ada(change, TAGS if change is services.update_endpoint else "Primary")
    assert settle(azure, chat).state == "online"
    assert (chat.missing_since, chat.confirmed_at) == (None, confirmed_at)
    assert chat.problem.startswith("Azure returned 404")
    assert chat.problem_since is not None


def test_404_after_an_accepted_change_is_not_a_deletion(azure: Azure, chat: Endpoint, as_ada: Act) -> None:
    as_ada(services.update_endpoint, TAGS)
    one_step(azure)
    azure.fault("not-found", where="arm", shape="group")
    assert settle(azure, chat).state == "online"


def test_next_confirmation_clears_the_problem(azure: Azure, chat: Endpoint, as_ada: Act) -> None:
    azure.fault("not-found", where="patch", shape="group", times=1)
    as_ada(services.update_endpoint, TAGS)
    assert settle(azure, chat).problem == "Azure returned 404 ResourceGroupNotFound."
    as_ada(services.update_endpoint, TAGS)
    assert settle(azure, chat).problem == ""
    assert chat.problem_since is None


def test_deleted_endpoint_cannot_be_updated(azure: Azure, chat: Endpoint, as_ada: Act) -> None:
    as_ada(services.delete_endpoint)
    settle(azure, chat)
    with pytest.raises(services.Gone, match="chat is deleted"):
        as_ada(services.update_endpoint, TAGS)
    assert chat.operations.count() == 2


def test_failed_update_does_not_restore_a_deleted_state(
    azure: Azure, ada: Client, chat: Endpoint, as_ada: Act, workspaces: list[Workspace]
) -> None:
    as_ada(services.delete_endpoint)
    settle(azure, chat)
    azure.fault("refuse", cause="policy", times=1)
    assert settle(azure, submit(ada, workspaces[0])).state == "failed"
    azure.fault("error", where="patch", status=409, code="Conflict", times=1)
    as_ada(services.update_endpoint, TAGS)
    assert settle(azure, chat).state != "online"


def test_failed_update_leaves_the_endpoint_online(azure: Azure, chat: Endpoint, as_ada: Act) -> None:
    azure.fault("fail", where="patch", times=1)
    as_ada(services.update_endpoint, TAGS)
    assert settle(azure, chat).state == "online"
    read_fleet()
    chat.refresh_from_db()
    assert chat.state == "online"
