"""The connection to Entra ID leads to Entra ID alone."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
import requests
from django.conf import settings
from django.test import Client

from accounts import entra, id_token
from tests.azure import Azure

Visits = list[str]


@pytest.fixture
def elsewhere() -> Iterator[tuple[str, Visits]]:
    """Another host, and the paths that it was asked for."""
    visits: Visits = []

    class Elsewhere(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            visits.append(self.path)
            self.send_error(404)

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Elsewhere) as server:
        thread = Thread(target=server.serve_forever, args=[0.05])
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", visits
        server.shutdown()
        thread.join()


def test_it_sends_nothing_to_another_host(elsewhere: tuple[str, Visits]) -> None:
    with pytest.raises(requests.exceptions.InvalidSchema):
        entra.http().get(elsewhere[0])
    assert elsewhere[1] == []


@pytest.mark.django_db
@pytest.mark.parametrize("where", ["discovery", "jwks", "token"])
def test_it_is_led_nowhere_else_by_a_redirect(azure: Azure, elsewhere: tuple[str, Visits], where: str) -> None:
    browser = Client(headers={"host": settings.PUBLIC_HOST})
    back = azure.pick(browser.get("/auth/start")["Location"], "ada").removeprefix(settings.PUBLIC_BASE_URL)
    entra._http_cache.clear()
    id_token._keys.cache_clear()
    azure.fault("redirect", where=where, to=f"{elsewhere[0]}/elsewhere")
    assert browser.get(back).status_code in {403, 503}
    assert elsewhere[1] == []
