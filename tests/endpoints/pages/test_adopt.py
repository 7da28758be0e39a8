"""Give an endpoint an owner."""

from html import unescape

import pytest
from django.test import Client

from accounts.models import AuditEntry, User
from endpoints.models import Endpoint, Workspace
from tests.conftest import SignIn
from tests.support.azure import Azure
from tests.support.buttons import delete, press
from tests.support.creation import settle, submit, texts
from tests.support.fleet import others_create, read_fleet


@pytest.fixture
def found(azure: Azure, ada: Client, workspaces: list[Workspace]) -> Endpoint:
    """An endpoint that Olga made in Azure."""
    ada.get("/")
    others_create(azure, workspaces[0], "theirs", by="olga@emulator.test")
    read_fleet()
    return Endpoint.objects.get(name="theirs")


def pk_of(person: str) -> str:
    return str(User.objects.get(username=f"{person}@emulator.test").pk)


def page_of(client: Client, endpoint: Endpoint) -> str:
    return unescape(client.get(endpoint.get_absolute_url()).content.decode())


def test_page_says_who_created_it(ada: Client, found: Endpoint) -> None:
    page = page_of(ada, found)
    assert "Not created here" in page
    assert "Created in Azure by olga@emulator.test (User)." in page
    assert "Give it an owner…" in page


def test_operator_is_not_offered_to_adopt(sign_in: SignIn, found: Endpoint) -> None:
    oscar = sign_in("oscar")
    assert "Give it an owner…" not in page_of(oscar, found)
    assert press(oscar, found, "adopt", owner=pk_of("oscar")) == 403
    assert Endpoint.objects.get(pk=found.pk).owner is None


def test_adopted_endpoint_has_an_owner_who_may_delete_it(ada: Client, sign_in: SignIn, found: Endpoint) -> None:
    oscar = sign_in("oscar")
    assert press(ada, found, "adopt", owner=pk_of("oscar")) == 303
    assert "Not created here" not in page_of(ada, found)
    assert delete(oscar, found) == 303


def test_adoption_is_recorded(ada: Client, found: Endpoint) -> None:
    press(ada, found, "adopt", owner=pk_of("ada"))
    assert texts(found)[-1] == "Owner: no one → Ada Admin."
    entry = AuditEntry.objects.get(action="endpoint-adopted")
    assert (entry.actor_name, entry.target) == ("ada@emulator.test", found.arm_id)
    assert entry.details == {"from": "", "to": "ada@emulator.test"}


def test_adoption_is_shown_in_the_table(ada: Client, found: Endpoint) -> None:
    version = Workspace.objects.get(pk=found.workspace_id).version
    press(ada, found, "adopt", owner=pk_of("ada"))
    assert Workspace.objects.get(pk=found.workspace_id).version == version + 1
    assert Endpoint.objects.get(pk=found.pk).version == found.version + 1


def test_admin_is_the_default_owner(ada: Client, sign_in: SignIn, found: Endpoint) -> None:
    sign_in("oscar")
    page = ada.get(f"{found.get_absolute_url()}adopt").content.decode()
    assert f'<option value="{pk_of("ada")}" selected>' in page
    assert f'<option value="{pk_of("oscar")}">' in page


def test_viewer_cannot_become_the_owner(ada: Client, sign_in: SignIn, found: Endpoint) -> None:
    sign_in("vera")
    assert press(ada, found, "adopt", owner=pk_of("vera")) == 422
    assert Endpoint.objects.get(pk=found.pk).owner is None


def test_endpoint_is_handed_over(azure: Azure, ada: Client, sign_in: SignIn, workspaces: list[Workspace]) -> None:
    oscar = sign_in("oscar")
    endpoint = settle(azure, submit(oscar, workspaces[0]))
    press(ada, endpoint, "adopt", owner=pk_of("ada"))
    assert texts(endpoint)[-1] == "Owner: Oscar Operator → Ada Admin."
    assert delete(oscar, endpoint) == 403


def test_same_owner_changes_nothing(ada: Client, found: Endpoint) -> None:
    for _ in range(2):
        press(ada, found, "adopt", owner=pk_of("ada"))
    assert AuditEntry.objects.filter(action="endpoint-adopted").count() == 1
