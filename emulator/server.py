"""The web server of the emulator: a thread for each connection, so that one that hangs keeps nobody else waiting.

It hands the connection itself to the application, which a server for production never would: closing it without an
answer is one of the faults that clients have to live with.
"""

from __future__ import annotations

import contextlib
import select
import signal
import socket
from collections.abc import Callable
from types import FrameType
from typing import Any, Final, cast

from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler

_NAME: Final = "emulator.connection"
_LOOK_EVERY_SECONDS: Final = 0.5


class Connection:
    """The client's connection, for an application that means to misbehave."""

    def __init__(self, wire: socket.socket) -> None:
        self._wire = wire

    def close(self, last_words: bytes = b"") -> None:
        with contextlib.suppress(OSError):
            self._wire.sendall(last_words)
            self._wire.shutdown(socket.SHUT_RDWR)

    def wait_until_closed(self) -> None:
        """Say nothing until the client has gone away."""
        with contextlib.suppress(OSError):
            while not self._has_ended():
                pass
        self.close()

    def _has_ended(self) -> bool:
        readable, _, _ = select.select([self._wire], [], [], _LOOK_EVERY_SECONDS)
        return bool(readable) and not self._wire.recv(1, socket.MSG_PEEK)


def connection_of(environ: dict[str, Any]) -> Connection:
    connection: Connection = environ[_NAME]
    return connection


class _Server(ThreadedWSGIServer):
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away, or was sent away, is nothing to report."""


class _Handler(WSGIRequestHandler):
    # Head and body of an answer leave together, and at once.
    wbufsize = -1
    disable_nagle_algorithm = True

    def get_environ(self) -> dict[str, Any]:
        return {**super().get_environ(), _NAME: Connection(cast(socket.socket, self.connection))}

    def log_message(self, format: str, *args: Any) -> None:
        """The journal says what came in."""


def serve(application: Callable[..., Any], host: str, port: int, *, ready: Callable[[], None]) -> None:
    """Serve until SIGTERM or Ctrl-C. Raises OSError when it cannot listen there."""
    server = _Server((host, port), _Handler, ipv6=":" in host)
    server.set_app(application)

    def stop(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)
    ready()
    try:
        server.serve_forever(poll_interval=0.1)
    except KeyboardInterrupt:
        server.server_close()
