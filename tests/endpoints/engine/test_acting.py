"""In whose name operations are sent and followed."""

import pytest
from django.test import Client, override_settings

from accounts.models import TokenCache
from emulator.directory import PIPELINE_CLIENT_ID, PIPELINE_CLIENT_SECRET
from endpoints.engine import tokens
from endpoints.models import Workspace
from tests.conftest import SignIn
from tests.support.azure import Azure
from tests.support.creation import one_step, settle, submit
from tests.support.worker import new_worker


@pytest.fixture
def ada(sign_in: SignIn, workspaces: list[Workspace]) -> Client:
    new_worker()
    return sign_in("ada")


def who(azure: Azure, method: str, part: str) -> set[str]:
    return {one["who"] for one in azure.requests(method) if part in one["path"]}


def test_a_person_sends_and_follows_by_default(azure: Azure, ada: Client, workspaces: list[Workspace]) -> None:
    settle(azure, submit(ada, workspaces[0]))
    assert who(azure, "PUT", "/chat") == who(azure, "GET", "mfeOperationsStatus") == {"ada@emulator.test"}


@override_settings(WATCHER_IDENTITY="client")
def test_a_watcher_follows_what_a_person_sent(azure: Azure, ada: Client, workspaces: list[Workspace]) -> None:
    endpoint = submit(ada, workspaces[0])
    one_step(azure)
    TokenCache.objects.all().delete()
    assert settle(azure, endpoint).state == "online"
    assert who(azure, "PUT", "/chat") == {"ada@emulator.test"}
    assert who(azure, "GET", "mfeOperationsStatus").isdisjoint({"ada@emulator.test"})


@override_settings(WATCHER_IDENTITY="client")
def test_a_watcher_reads_one_list_for_everybody() -> None:
    assert tokens.poll_identity_key(1) == tokens.poll_identity_key(2)


def test_the_application_sends_what_a_person_without_rights_in_azure_asks_for(
    azure: Azure, sign_in: SignIn, workspaces: list[Workspace]
) -> None:
    client = sign_in("oscar")
    azure.fault("forbidden", where="arm", person="oscar@emulator.test")
    application = {"ENTRA_CLIENT_ID": PIPELINE_CLIENT_ID, "ENTRA_CLIENT_SECRET": PIPELINE_CLIENT_SECRET}
    with override_settings(ARM_WRITES_AS="app", **application):
        endpoint = settle(azure, submit(client, workspaces[0]))
        assert endpoint.state == "online"
        assert client.get(endpoint.get_absolute_url()).status_code == 200
    assert "oscar@emulator.test" not in who(azure, "", "/subscriptions/")


def test_a_token_is_kept_no_longer_than_its_sign_in(azure: Azure, ada: Client, workspaces: list[Workspace]) -> None:
    endpoint = submit(ada, workspaces[0])
    one_step(azure)
    one_step(azure)
    ada.post("/auth/sign-out")
    one_step(azure)
    endpoint.refresh_from_db()
    assert endpoint.state == "needs-sign-in"
