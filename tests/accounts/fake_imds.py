"""A host with managed identities, as its metadata service (IMDS) and Azure show it, in front of the emulator.

https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests

from emulator.directory import CLIENT_ID, CLIENT_SECRET, TENANT_ID

USER_ASSIGNED_ID = "5c90b7ae-0000-4c1f-bb0e-e0d35a1b0099"
Received = list[dict[str, str]]


class _Server(ThreadingHTTPServer):
    def __init__(self, entra_url: str, permissions: list[dict[str, list[str]]]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.entra_url = entra_url
        self.permissions = permissions
        self.received: Received = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        query = dict(parse_qsl(urlsplit(self.path).query))
        if "/providers/Microsoft.Authorization/permissions" in self.path:
            self._respond(200, {"value": self.server.permissions})
        elif "/metadata/identity/" not in self.path:
            self._forward("GET", {})
        elif self.headers["Metadata"] != "true" or query.get("client_id", USER_ASSIGNED_ID) != USER_ASSIGNED_ID:
            self._respond(400, {"error": "invalid_request", "error_description": "Identity not found"})
        else:
            self.server.received.append(query)
            self._respond(200, {"access_token": self._token(query["resource"]), "expires_in": "86400"})

    def do_POST(self) -> None:
        form = dict(parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
        self.server.received.append(form)
        fields = {name: value for name, value in form.items() if not name.startswith("client_assertion")}
        self._forward("POST", fields | {"client_secret": CLIENT_SECRET})

    def _token(self, resource: str) -> str:
        form = {"grant_type": "client_credentials", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
        form["scope"] = f"{resource}/.default"
        url = f"{self.server.entra_url}/{TENANT_ID}/oauth2/v2.0/token"
        return str(requests.post(url, data=form, timeout=10).json()["access_token"])

    def _forward(self, method: str, form: dict[str, str]) -> None:
        headers = {"Authorization": self.headers["Authorization"]}
        url = f"{self.server.entra_url}{self.path}"
        response = requests.request(method, url, data=form, headers=headers, timeout=10)
        self._respond(response.status_code, response.json())

    def _respond(self, status: int, body: Any) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing."""


@contextmanager
def fake_imds(entra_url: str, permissions: list[dict[str, list[str]]] | None = None) -> Iterator[tuple[str, Received]]:
    """Serve it; yields its URL, and the token requests it receives.

    It answers as the IMDS of a virtual machine with a system-assigned and a user-assigned identity, and as ARM with
    these permissions. It forwards everything else to Entra ID, with the client secret in place of an assertion.
    """
    with _Server(entra_url, permissions or []) as server:
        thread = Thread(target=server.serve_forever, args=[0.05])
        thread.start()
        try:
            yield server.url, server.received
        finally:
            server.shutdown()
            thread.join()
