"""Two things that requests and urllib3 lack: sending a URL byte for byte, and a limit for the whole exchange."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from socket import SHUT_RDWR, socket
from typing import Any
from urllib.parse import urlsplit

from requests.adapters import HTTPAdapter

# The key of a RawRequest among the headers. It is never sent, but only headers get through urllib3 to the connection.
RAW_REQUEST = "raw-request"


@dataclass
class RawRequest:
    """A request on its way: its target (https://www.rfc-editor.org/rfc/rfc9112#name-request-target) and its socket."""

    target: str
    sock: socket | None = None
    is_cut: bool = False

    @classmethod
    def from_url(cls, url: str) -> "RawRequest":
        """Take everything after the origin, unchanged."""
        target = url.partition("#")[0].partition("://")[2].removeprefix(urlsplit(url).netloc)
        return cls(target if target.startswith("/") else f"/{target}")

    @contextmanager
    def cut_after(self, seconds: float | None) -> Iterator[None]:
        """Shut the socket down after some seconds, since a timeout limits each read only and a server may drip.

        https://requests.readthedocs.io/en/latest/user/quickstart/#timeouts
        """
        timer = threading.Timer(seconds or 0, self._cut)
        if seconds is not None:
            timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _cut(self) -> None:
        self.is_cut = True
        if self.sock:
            with suppress(OSError):
                self.sock.shutdown(SHUT_RDWR)


class _RawConnection:
    """A connection that sends the target unchanged: urllib3 would re-encode it and break the signature in its query."""

    def request(self, method: str, url: str, body: Any = None, headers: Any = None, **options: Any) -> None:
        headers = dict(headers)
        raw = headers.pop(RAW_REQUEST)
        # A plain proxy gets the whole URL: https://www.rfc-editor.org/rfc/rfc9112#name-absolute-form
        target = raw.target if url.startswith("/") else url
        super().request(method, target, body, headers, **options)  # type: ignore[misc]
        raw.sock = self.sock  # type: ignore[attr-defined]


class Adapter(HTTPAdapter):
    def get_connection_with_tls_context(self, *args: Any, **options: Any) -> Any:
        pool: Any = super().get_connection_with_tls_context(*args, **options)
        connection = pool.ConnectionCls
        if not issubclass(connection, _RawConnection):
            pool.ConnectionCls = type("Connection", (_RawConnection, connection), {})
        return pool
