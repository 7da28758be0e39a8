"""A server on loopback that returns scripted responses, or breaks off, and records every request byte for byte."""

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class ScriptedResponse:
    """A response, or with a `fault` of `reset`, `close`, `cut off`, `hang` or `drip` the way in which it fails."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    content: bytes = b""
    fault: str = ""

    def __bytes__(self) -> bytes:
        lines = [f"HTTP/1.1 {self.status} Scripted", *(f"{name}: {value}" for name, value in self.headers)]
        if self.status != 204 and self.fault != "drip":
            lines.append(f"Content-Length: {len(self.content)}")
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + self.content


OK = ScriptedResponse(200, content=b"{}")


@dataclass(frozen=True)
class ReceivedRequest:
    line: str
    headers: Message
    body: bytes
    at: float = field(default_factory=time.monotonic)

    @property
    def method(self) -> str:
        return self.line.split(" ")[0]

    @property
    def target(self) -> str:
        return self.line.split(" ")[1]


class ScriptedServer(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, respond: Callable[[ReceivedRequest], ScriptedResponse]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.respond = respond
        self.received: list[ReceivedRequest] = []
        self.connections: set[object] = set()
        self.stopping = threading.Event()

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: ScriptedServer
    protocol_version = "HTTP/1.1"

    def _handle(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        request = ReceivedRequest(self.requestline, self.headers, body)
        self.server.connections.add(self.client_address)
        self.server.received.append(request)
        response = self.server.respond(request)
        if response.fault:
            self.close_connection = True
            self._fail(response)
        else:
            self.wfile.write(bytes(response))

    def _fail(self, response: ScriptedResponse) -> None:
        match response.fault:
            case "reset":
                # Closing with a linger time of 0 sends RST instead of FIN.
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.rfile.close()
                self.connection.close()
            case "cut off":
                self.wfile.write(bytes(response)[:-1])
            case "hang":
                self.server.stopping.wait(60)
            case "drip":
                self._drip(bytes(response))

    def _drip(self, response: bytes) -> None:
        """Send the body one byte at a time."""
        head, separator, body = response.partition(b"\r\n\r\n")
        with suppress(OSError):
            self.wfile.write(head + separator)
            for byte in body:
                self.wfile.write(bytes([byte]))
                if self.server.stopping.wait(0.1):
                    return

    do_GET = do_PUT = do_PATCH = do_DELETE = do_POST = _handle  # noqa: N815 (http.server's names)

    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def scripted_server(respond: Callable[[ReceivedRequest], ScriptedResponse]) -> Iterator[ScriptedServer]:
    server = ScriptedServer(respond)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.stopping.set()
        server.shutdown()
        thread.join()
        server.server_close()
