"""The identities that send and poll operations."""

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


@pytest.fixture(autouse=True)
def fresh_worker() -> None:
    new_worker()


def senders(azure: Azure, method: str, part: str) -> set[str]:
    return {row["who"] for row in azure.requests(method) if part in row["path"]}


def test_user_sends_and_polls_by_default(azure: Azure, ada: Client, workspaces: list[Workspace]) -> None:
    settle(azure, submit(ada, workspaces[0]))
    assert senders(azure, "PUT", "/chat") == senders(azure, "GET", "mfeOperationsStatus") == {"ada@emulator.test"}


@override_settings(WATCHER_IDENTITY="client")
def test_watcher_polls_what_a_user_sent(azure: Azure, ada: Client, workspaces: list[Workspace]) -> None:
    endpoint = submit(ada, workspaces[0])
    one_step(azure)
    TokenCache.objects.all().delete()
    assert settle(azure, endpoint).state == "online"
    assert senders(azure, "PUT", "/chat") == {"ada@emulator.test"}
    assert senders(azure, "GET", "mfeOperationsStatus").isdisjoint({"ada@emulator.test"})


@override_settings(WATCHER_IDENTITY="client")
def test_watcher_reads_one_list_for_all_users() -> None:
    assert tokens.poll_identity_key(1) == tokens.poll_identity_key(2)


def test_application_sends_for_users_without_azure_access(
    azure: Azure, sign_in: SignIn, workspaces: list[Workspace]
) -> None:
    client = sign_in("oscar")
    azure.fault("forbidden", where="arm", person="oscar@emulator.test")
    application = {"ENTRA_CLIENT_ID": PIPELINE_CLIENT_ID, "ENTRA_CLIENT_SECRET": PIPELINE_CLIENT_SECRET}
    with override_settings(ARM_WRITES_AS="app", **application):
        endpoint = settle(azure, submit(client, workspaces[0]))
        assert endpoint.state == "online"
        assert client.get(endpoint.get_absolute_url()).status_code == 200
    assert "oscar@emulator.test" not in senders(azure, "", "/subscriptions/")


def test_token_is_dropped_when_its_user_signs_out(azure: Azure, ada: Client, workspaces: list[Workspace]) -> None:
    endpoint = submit(ada, workspaces[0])
    one_step(azure)
    one_step(azure)
    ada.post("/auth/sign-out")
    one_step(azure)
    endpoint.refresh_from_db()
    assert endpoint.state == "needs-sign-in"
