"""Every change of an endpoint that the table shows increments the version of its workspace."""

from collections.abc import Callable

from django.test import Client

from endpoints import services
from endpoints.models import Endpoint, Workspace
from endpoints.services import delete_endpoint
from tests.support.azure import Azure
from tests.support.creation import Act, one_step, settle, submit


def version(workspace: Workspace) -> int:
    return Workspace.objects.get(pk=workspace.pk).version


def grows(workspace: Workspace, act: Callable[[], object]) -> bool:
    before = version(workspace)
    act()
    return version(workspace) > before


def test_creation_bumps_its_workspace(azure: Azure, ada: Client, workspaces: list[Workspace]) -> None:
    assert grows(workspaces[0], lambda: submit(ada, workspaces[0]))
    endpoint = Endpoint.objects.get()
    assert grows(workspaces[0], lambda: settle(azure, endpoint))
    assert version(workspaces[1]) == 1


def test_deletion_bumps_its_workspace(azure: Azure, chat: Endpoint, as_ada: Act) -> None:
    assert grows(chat.workspace, lambda: as_ada(delete_endpoint))
    assert grows(chat.workspace, lambda: settle(azure, chat))


def test_new_key_bumps_its_workspace(azure: Azure, chat: Endpoint, as_ada: Act) -> None:
    assert grows(chat.workspace, lambda: as_ada(services.regenerate_key, "Primary"))
    assert grows(chat.workspace, lambda: settle(azure, chat))


def test_confirmation_alone_bumps_nothing(azure: Azure, ada: Client, workspaces: list[Workspace]) -> None:
    endpoint = submit(ada, workspaces[0])
    for _ in range(3):
        one_step(azure)
    confirmed_at, before = Endpoint.objects.get().confirmed_at, version(workspaces[0])
    one_step(azure)
    assert version(workspaces[0]) == before
    endpoint.refresh_from_db()
    assert endpoint.confirmed_at != confirmed_at
