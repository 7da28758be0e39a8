"""Endpoint Desk calls Entra ID and ARM, and no other host, whatever a response says."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
import requests
from django.conf import settings
from django.test import Client

from accounts import entra
from endpoints.models import Workspace
from tests.conftest import SignIn
from tests.support.azure import Azure
from tests.support.creation import settle, submit

Paths = list[str]


@pytest.fixture
def elsewhere() -> Iterator[tuple[str, Paths]]:
    """The URL of another host, and the paths requested from it."""
    paths: Paths = []

    class Elsewhere(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            paths.append(self.path)
            self.send_error(404)

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, format: str, *args: object) -> None:
            """Log nothing."""

    with HTTPServer(("127.0.0.1", 0), Elsewhere) as server:
        thread = Thread(target=server.serve_forever, args=[0.05])
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", paths
        server.shutdown()
        thread.join()


def test_entra_session_refuses_other_hosts(elsewhere: tuple[str, Paths]) -> None:
    with pytest.raises(requests.exceptions.InvalidSchema):
        entra.http().get(elsewhere[0])
    assert elsewhere[1] == []


@pytest.mark.django_db
@pytest.mark.parametrize("where", ["discovery", "jwks", "token"])
def test_entra_redirects_to_other_hosts_are_not_followed(
    azure: Azure, elsewhere: tuple[str, Paths], where: str
) -> None:
    browser = Client(headers={"host": settings.PUBLIC_HOST})
    back = azure.pick(browser.get("/auth/start")["Location"], "ada").removeprefix(settings.PUBLIC_BASE_URL)
    entra.reset_clients()
    azure.fault("redirect", where=where, to=f"{elsewhere[0]}/elsewhere")
    assert browser.get(back).status_code in {403, 503}
    assert elsewhere[1] == []


@pytest.mark.parametrize("where", ["put", "resource", "status", "workspace", "workspaces", "subscriptions"])
def test_arm_redirects_to_other_hosts_are_not_followed(
    azure: Azure, elsewhere: tuple[str, Paths], sign_in: SignIn, workspaces: list[Workspace], where: str
) -> None:
    client = sign_in("ada")
    endpoint = submit(client, workspaces[0])
    azure.fault("redirect", where=where, to=f"{elsewhere[0]}/elsewhere")
    settle(azure, endpoint, rounds=3)
    client.get("/workspaces/new", {"subscription": workspaces[0].subscription_id})
    assert elsewhere[1] == []


def test_monitor_urls_on_other_hosts_are_not_followed(
    azure: Azure, elsewhere: tuple[str, Paths], sign_in: SignIn, workspaces: list[Workspace]
) -> None:
    azure.fault("foreign-monitor", origin=elsewhere[0])
    settle(azure, submit(sign_in("ada"), workspaces[0]), rounds=3)
    assert azure.requests("PUT", "/chat")
    assert elsewhere[1] == []
