"""A server on loopback that answers as it was told, and keeps every request as it arrived."""

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
class Wire:
    """An answer as bytes, or the way in which none arrives: `reset`, `close`, `cut off`, `hang` or `drip`."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    content: bytes = b""
    fault: str = ""

    def __bytes__(self) -> bytes:
        lines = [f"HTTP/1.1 {self.status} As told", *(f"{name}: {value}" for name, value in self.headers)]
        if self.status != 204 and self.fault != "drip":
            lines.append(f"Content-Length: {len(self.content)}")
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + self.content


@dataclass(frozen=True)
class Arrived:
    """A request: its line byte for byte, its headers, its body, and when it came."""

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


class Scripted(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, answer: Callable[[Arrived], Wire]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer = answer
        self.arrived: list[Arrived] = []
        self.connections: set[object] = set()
        self.ending = threading.Event()

    @property
    def home(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Scripted
    protocol_version = "HTTP/1.1"

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        arrived = Arrived(self.requestline, self.headers, body)
        self.server.connections.add(self.client_address)
        self.server.arrived.append(arrived)
        wire = self.server.answer(arrived)
        match wire.fault:
            case "":
                self.wfile.write(bytes(wire))
            case "reset":
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.rfile.close()
                self.connection.close()
                self.close_connection = True
            case "close":
                self.close_connection = True
            case "cut off":
                self.wfile.write(bytes(wire)[:-1])
                self.close_connection = True
            case "hang":
                self.server.ending.wait(60)
                self.close_connection = True
            case "drip":
                self._drip(bytes(wire))
                self.close_connection = True

    def _drip(self, answer: bytes) -> None:
        """The body one byte at a time."""
        head, end, body = answer.partition(b"\r\n\r\n")
        with suppress(OSError):
            self.wfile.write(head + end)
            for byte in body:
                self.wfile.write(bytes([byte]))
                if self.server.ending.wait(0.1):
                    return

    do_GET = do_PUT = do_PATCH = do_DELETE = do_POST = _answer  # noqa: N815 (http.server's names)

    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def scripted(answer: Callable[[Arrived], Wire]) -> Iterator[Scripted]:
    server = Scripted(answer)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.ending.set()
        server.shutdown()
        thread.join()
        server.server_close()
