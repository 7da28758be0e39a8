"""What requests and urllib3 do not do by themselves: ask for a URL byte for byte, and end in time whatever happens."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from socket import SHUT_RDWR, socket
from typing import Any
from urllib.parse import urlsplit

from requests.adapters import HTTPAdapter

# Not a header, but the only way past urllib3 to the connection.
ASKED = "asked"


@dataclass
class Asked:
    """What a connection is asked for, and the socket on which it was."""

    target: str
    sock: socket | None = None
    is_cut: bool = False

    @classmethod
    def by(cls, url: str) -> "Asked":
        """For what follows the origin, as it is."""
        target = url.partition("#")[0].partition("://")[2].removeprefix(urlsplit(url).netloc)
        return cls(target if target.startswith("/") else f"/{target}")

    @contextmanager
    def cut_after(self, seconds: float | None) -> Iterator[None]:
        """End what is under way in time: a timeout of sockets is one of every single read, and a server may drip."""
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


class _ByteForByte:
    """A connection that asks for exactly the target it was given; urllib3 would re-encode a signed query."""

    def request(self, method: str, url: str, body: Any = None, headers: Any = None, **options: Any) -> None:
        headers = dict(headers)
        asked = headers.pop(ASKED)
        # Only a plain proxy is asked for a whole URL.
        target = asked.target if url.startswith("/") else url
        super().request(method, target, body, headers, **options)  # type: ignore[misc]
        asked.sock = self.sock  # type: ignore[attr-defined]


class Adapter(HTTPAdapter):
    def get_connection_with_tls_context(self, *args: Any, **options: Any) -> Any:
        pool: Any = super().get_connection_with_tls_context(*args, **options)
        connection = pool.ConnectionCls
        if not issubclass(connection, _ByteForByte):
            pool.ConnectionCls = type("Connection", (_ByteForByte, connection), {})
        return pool
