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


@contextmanager
def fake_imds(entra_url: str, permissions: list[dict[str, list[str]]] | None = None) -> Iterator[tuple[str, Received]]:
    """Serve it; yields its URL, and the token requests it receives.

    It answers as the IMDS of a virtual machine with a system-assigned and a user-assigned identity, and as ARM with
    these permissions. It forwards everything else to Entra ID, with the client secret in place of an assertion.
    """
    received: Received = []
    permissions = permissions or []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            query = dict(parse_qsl(urlsplit(self.path).query))
            if "/providers/Microsoft.Authorization/permissions" in self.path:
                self._answer(200, {"value": permissions})
            elif "/metadata/identity/" not in self.path:
                self._forward("GET", {})
            elif self.headers["Metadata"] != "true" or query.get("client_id", USER_ASSIGNED_ID) != USER_ASSIGNED_ID:
                self._answer(400, {"error": "invalid_request", "error_description": "Identity not found"})
            else:
                received.append(query)
                form = {"grant_type": "client_credentials", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
                form["scope"] = f"{query['resource']}/.default"
                token = requests.post(f"{entra_url}/{TENANT_ID}/oauth2/v2.0/token", data=form, timeout=10).json()
                self._answer(200, {"access_token": token["access_token"], "expires_in": "86400"})

        def do_POST(self) -> None:
            form = dict(parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
            received.append(form)
            fields = {name: value for name, value in form.items() if not name.startswith("client_assertion")}
            self._forward("POST", fields | {"client_secret": CLIENT_SECRET})

        def _forward(self, method: str, form: dict[str, str]) -> None:
            headers = {"Authorization": self.headers["Authorization"]}
            response = requests.request(method, f"{entra_url}{self.path}", data=form, headers=headers, timeout=10)
            self._answer(response.status_code, response.json())

        def _answer(self, status: int, body: Any) -> None:
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            """Log nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, args=[0.05])
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", received
        finally:
            server.shutdown()
            thread.join()
