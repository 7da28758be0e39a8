"""Endpoints that others delete and create again while an operation on the first one runs."""

from typing import Any

import pytest
from django.test import Client

from endpoints import services
from endpoints.arm.serverless_endpoint import EndpointUpdate, ServerlessEndpoint
from endpoints.engine.provenance import is_replaced
from endpoints.models import Endpoint, Workspace
from tests.support.azure import Azure
from tests.support.creation import Act, one_step, settle, submit, texts
from tests.support.fleet import others_create, others_replace

TAGS = EndpointUpdate(tags={"team": "search"})
MADE = {"createdBy": "ada@emulator.test", "createdAt": "2026-01-01T00:00:00Z"}


def test_lost_deletion_is_not_repeated_on_another_endpoint(azure: Azure, chat: Endpoint, as_ada: Act) -> None:
    azure.fault("drop", where="delete", times=1)
    as_ada(services.delete_endpoint)
    one_step(azure)
    other = others_replace(azure, chat)
    settle(azure, chat)
    assert (azure.resource("chat"), chat.owner) == (other, None)
    assert azure.count_accepted("DELETE", "/chat") == 0


def test_finished_deletion_shows_the_next_endpoint(azure: Azure, chat: Endpoint, as_ada: Act) -> None:
    operation = as_ada(services.delete_endpoint)
    one_step(azure)
    azure.advance(60)
    assert azure.resource("chat") is None
    others_create(azure, chat.workspace, "chat", by="pipeline")
    other = azure.resource("chat")
    settle(azure, chat)
    operation.refresh_from_db()
    assert (operation.outcome, chat.state, chat.owner) == ("succeeded", "online", None)
    assert texts(chat)[-1].startswith("Deleted. Azure holds another endpoint named chat, created by ")
    assert azure.resource("chat") == other


def test_accepted_change_confers_no_other_endpoint(azure: Azure, chat: Endpoint, as_ada: Act) -> None:
    azure.fault("no-monitor", where="patch", location="none")
    operation = as_ada(services.update_endpoint, TAGS)
    one_step(azure)
    azure.advance(60)
    others_replace(azure, chat)
    assert settle(azure, chat).owner is None
    operation.refresh_from_db()
    assert (operation.error or {})["code"] == "CreatedElsewhere"


def test_accepted_creation_confers_no_other_endpoint(azure: Azure, ada: Client, workspaces: list[Workspace]) -> None:
    azure.fault("no-monitor", where="put", location="none")
    endpoint = submit(ada, workspaces[0])
    one_step(azure)
    other = others_replace(azure, endpoint)
    assert settle(azure, endpoint).owner is None
    assert azure.resource("chat") == other


def test_endpoint_that_was_never_read_is_compared_with_its_requests(azure: Azure, chat: Endpoint, as_ada: Act) -> None:
    Endpoint.objects.update(observed=None)
    other = others_replace(azure, chat)
    as_ada(services.delete_endpoint)
    assert settle(azure, chat).owner is None
    assert azure.resource("chat") == other


@pytest.mark.parametrize(
    ("system_data", "replaced"),
    [
        (MADE, False),
        (MADE | {"lastModifiedAt": "2026-02-02T00:00:00Z"}, False),
        (MADE | {"createdAt": "2026-01-01T00:00:01Z"}, True),
        (MADE | {"createdBy": "olga@emulator.test"}, True),
        ({"createdBy": "olga@emulator.test"}, False),
        (MADE | {"createdAt": "recently"}, False),
        ({}, False),
    ],
)
def test_creation_shows_whether_it_was_replaced(system_data: dict[str, Any], replaced: bool) -> None:
    before, after = (ServerlessEndpoint.from_json({"systemData": data}) for data in (MADE, system_data))
    assert is_replaced(before, after) == replaced
    assert is_replaced(after, before) == replaced
