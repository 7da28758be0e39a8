"""The web server of the emulator: a thread for each connection, so that one that hangs delays no other.

It passes the connection itself to the application, which a server for production never would: closing it without a
response is one of the faults. The standard library's handler parses headers as mail, which takes three times as long
as the application behind it, so this one parses them itself.
"""

import contextlib
import io
import select
import signal
import socket
import socketserver
import ssl
import sys
from collections.abc import Callable, Iterable
from email.utils import formatdate
from http import HTTPStatus
from types import FrameType
from typing import Any
from urllib.parse import unquote_to_bytes

from emulator.numbers import whole_number

Environ = dict[str, Any]
Application = Callable[..., Iterable[bytes]]

CONNECTION_KEY = "emulator.connection"
POLL_SECONDS = 0.5
MAX_HEAD = 65_536
MAX_BODY = 16_000_000
CGI_HEADERS = {"content-type", "content-length"}


class Connection:
    """The client's connection, for an application that misbehaves on purpose."""

    def __init__(self, wire: socket.socket) -> None:
        self._wire = wire

    def close(self, last_words: bytes = b"") -> None:
        with contextlib.suppress(OSError):
            self._wire.sendall(last_words)
            self._wire.shutdown(socket.SHUT_RDWR)

    def wait_until_closed(self) -> None:
        """Send nothing until the client hangs up."""
        with contextlib.suppress(OSError):
            while not self._has_ended():
                pass
        self.close()

    def _has_ended(self) -> bool:
        readable, _, _ = select.select([self._wire], [], [], POLL_SECONDS)
        return bool(readable) and not self._wire.recv(1, socket.MSG_PEEK)


def connection_of(environ: Environ) -> Connection:
    connection: Connection = environ[CONNECTION_KEY]
    return connection


class _Unreadable(Exception):
    """A request that is not valid HTTP, or not supported. The status says why, and the connection is closed.

    https://datatracker.ietf.org/doc/html/rfc9112
    """

    def __init__(self, status: HTTPStatus) -> None:
        super().__init__(status.phrase)
        self.status = status


class _Handler(socketserver.StreamRequestHandler):
    server: "_Server"
    disable_nagle_algorithm = True

    def setup(self) -> None:
        if self.server.tls:
            # Here, in the thread of the connection: a client with a slow handshake delays no other.
            self.request = self.server.tls.wrap_socket(self.request, server_side=True)
        super().setup()

    def handle(self) -> None:
        with contextlib.suppress(OSError):
            try:
                while self._serve_request():
                    pass
            except _Unreadable as error:
                self.request.sendall(_head(f"{error.status} {error.status.phrase}", [("Connection", "close")]))

    def _serve_request(self) -> bool:
        """Read one request and send its response; False after the last one of the connection."""
        environ = self._environ()
        if environ is None:
            return False
        head: list[Any] = []
        response = self.server.application(environ, lambda *status_and_headers: head.extend(status_and_headers))
        try:
            self._send(head[0], head[1], response, is_head=environ["REQUEST_METHOD"] == "HEAD")
        finally:
            if hasattr(response, "close"):
                response.close()
        wants_close = environ.get("HTTP_CONNECTION", "").lower() == "close"
        return environ["SERVER_PROTOCOL"] == "HTTP/1.1" and not wants_close

    def _send(self, status: str, headers: list[tuple[str, str]], response: Iterable[bytes], *, is_head: bool) -> None:
        if getattr(response, "streaming", False):
            self.request.sendall(_head(status, [*headers, ("Transfer-Encoding", "chunked")]))
            for part in filter(None, response):
                self.request.sendall(b"%x\r\n%b\r\n" % (len(part), part))
            self.request.sendall(b"0\r\n\r\n")
            return
        body = b"".join(response)
        if not status.startswith(("204", "304")):
            headers = [*headers, ("Content-Length", str(len(body)))]
        self.request.sendall(_head(status, headers) + (b"" if is_head else body))

    def _environ(self) -> Environ | None:
        """The next request; None if the client sends no more."""
        line = self.rfile.readline(MAX_HEAD)
        if not line.strip():
            return None
        try:
            method, target, protocol = line.decode("latin-1").split()
        except ValueError:
            raise _Unreadable(HTTPStatus.BAD_REQUEST) from None
        path, _, query = target.partition("?")
        environ: Environ = {
            "REQUEST_METHOD": method,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
            "QUERY_STRING": query,
            "SERVER_NAME": self.server.server_address[0],
            "SERVER_PORT": str(self.server.server_address[1]),
            "SERVER_PROTOCOL": protocol,
            "REMOTE_ADDR": self.client_address[0],
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "https" if self.server.tls else "http",
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
            CONNECTION_KEY: Connection(self.request),
        }
        self._read_headers(environ)
        environ["wsgi.input"] = io.BytesIO(self._body(environ))
        return environ

    def _read_headers(self, environ: Environ) -> None:
        left = MAX_HEAD
        while (line := self.rfile.readline(left)) not in {b"\r\n", b"\n"}:
            left -= len(line)
            name, colon, value = line.decode("latin-1").partition(":")
            if left <= 0:
                raise _Unreadable(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
            if not colon or not line.endswith(b"\n"):
                raise _Unreadable(HTTPStatus.BAD_REQUEST)
            if "_" in name:
                continue  # in WSGI it would pass for the header with a dash
            key = name.upper().replace("-", "_")
            environ[key if name.lower() in CGI_HEADERS else f"HTTP_{key}"] = value.strip()

    def _body(self, environ: Environ) -> bytes:
        if "HTTP_TRANSFER_ENCODING" in environ:
            raise _Unreadable(HTTPStatus.LENGTH_REQUIRED)
        length = whole_number(environ.get("CONTENT_LENGTH", "0"))
        if length is None:
            raise _Unreadable(HTTPStatus.BAD_REQUEST)
        if length > MAX_BODY:
            raise _Unreadable(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        if environ.get("HTTP_EXPECT", "").lower() == "100-continue":
            self.request.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        return self.rfile.read(length)


def _head(status: str, headers: list[tuple[str, str]]) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Date: {formatdate(usegmt=True)}", *(f"{name}: {value}" for name, value in headers)]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, application: Application, host: str, port: int, tls: ssl.SSLContext | None) -> None:
        self.application, self.tls = application, tls
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, port), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A failed handshake is the client's problem; anything else is a bug."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


def serve(
    application: Application,
    host: str,
    port: int,
    *,
    ready: Callable[[], None],
    tls: ssl.SSLContext | None = None,
) -> None:
    """Serve until SIGTERM or Ctrl-C. Raises OSError if it cannot listen."""
    server = _Server(application, host, port, tls)

    def stop(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)
    ready()
    try:
        server.serve_forever(poll_interval=0.1)
    except KeyboardInterrupt:
        server.server_close()
