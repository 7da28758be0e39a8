"""An installation whose workers and beats a test starts, kills, stops and lets go on."""

import multiprocessing
import os
import signal
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from redis import Redis

from dashboard import processes
from emulator.seed import FIRST_WORKSPACES
from tests.support.azure import Azure
from tests.support.django_process import begin
from tests.support.processes import ROOT, Server, eventually, manage

# A lease is 5 s longer than both of these.
TIMEOUTS = {"ARM_CONNECT_TIMEOUT_SECONDS": "1", "ARM_READ_TIMEOUT_SECONDS": "2"}


@dataclass
class Fleet:
    """Processes have names; one that ends by itself is started again under its name, as a supervisor does.

    Compose runs the commands of manage.py. `make run` starts straight away what they become, and so does a fleet
    without PostgreSQL.
    """

    folder: Path
    environment: dict[str, str]
    azure: Azure
    redis: Server | None = None
    postgres: Server | None = None
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    restarts: dict[str, int] = field(default_factory=dict)
    _commands: dict[str, Callable[[], None]] = field(default_factory=dict)
    _stack: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> "Fleet":
        self._desk = ProcessPoolExecutor(
            1, multiprocessing.get_context("spawn"), initializer=begin, initargs=(self.environment,)
        )
        self._stack.enter_context(self._desk)
        self.ask("open_up")
        return self

    def __exit__(self, *exception: object) -> None:
        self._commands.clear()
        for name in list(self.processes):
            self.kill(name)
        self._stack.close()

    def worker(self, name: str = "worker", **environment: str) -> None:
        self._start(name, manage("worker") if self.postgres else processes.worker(concurrency=4), environment)

    def beat(self, name: str = "beat") -> None:
        schedule = str(self.folder / "data" / "beat-schedule")
        self._start(name, manage("beat") if self.postgres else processes.beat(schedule), {})

    def kill(self, name: str) -> None:
        """SIGKILL; nobody starts it again."""
        self._commands.pop(name, None)
        process = self.processes.pop(name)
        process.kill()
        process.wait()

    def end(self, name: str) -> int:
        """SIGTERM, as for a deployment."""
        self._commands.pop(name)
        process = self.processes.pop(name)
        process.terminate()
        return process.wait(30)

    def stop(self, name: str) -> None:
        self.processes[name].send_signal(signal.SIGSTOP)

    def go_on(self, name: str) -> None:
        self.processes[name].send_signal(signal.SIGCONT)

    def ask(self, what: str, *arguments: Any) -> Any:
        """Call a function of `tests.support.desk_rows` in its own process."""
        return self._desk.submit(_call, what, arguments).result(60)

    def row(self, name: str) -> Any:
        return self.ask("row", name)

    def until(self, what: Callable[[], Any], seconds: float = 120) -> None:
        """Wait for it, and supervise meanwhile. Time enough for a machine that runs other tests beside this one."""

        def look() -> Any:
            self._supervise()
            return what()

        assert eventually(look, seconds, 0.2), self.log()

    def until_settled(self, *names: str, seconds: float = 120) -> None:
        self.until(lambda: all(self.row(name).phase == "settled" for name in names), seconds)

    def until_held(self, *names: str) -> None:
        """Wait until a request about each of them is in the fault that `hold` has switched on for it."""
        scopes = {f"name {name}" for name in names}
        self.until(lambda: not scopes & {fault["scope"] for fault in faults(self.azure)})

    def forget_messages(self) -> None:
        """Empty the broker."""
        if self.redis:
            with Redis.from_url(self.redis.url) as client:
                client.flushall()
        for message in (self.folder / "data" / "broker" / "queue").glob("*.msg"):
            message.unlink(missing_ok=True)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Let nobody else write an operation."""
        if self.postgres:
            with psycopg.connect(self.environment["DATABASE_URL"]) as connection:
                connection.execute("LOCK TABLE endpoints_operation IN EXCLUSIVE MODE")
                yield
        else:
            file = self.folder / "data" / "endpoint-desk.sqlite3"
            with closing(sqlite3.connect(file, isolation_level=None)) as database:
                database.execute("BEGIN IMMEDIATE")
                yield

    def log(self) -> str:
        return "\n".join(f"== {path.name}\n{path.read_text()[-3000:]}" for path in self.folder.glob("*.log"))

    def _start(self, name: str, command: list[str], environment: dict[str, str]) -> None:
        def start() -> None:
            with (self.folder / f"{name}.log").open("ab") as log:
                self.processes[name] = subprocess.Popen(
                    command, cwd=ROOT, env={**os.environ, **self.environment, **environment}, stdout=log, stderr=log
                )

        start()
        self._commands[name] = start

    def _supervise(self) -> None:
        for name, start in self._commands.items():
            if self.processes[name].poll() is not None:
                self.restarts[name] = self.restarts.get(name, 0) + 1
                start()


def hold(azure: Azure, name: str, where: str, when: str = "before") -> None:
    """Let the next request of this sort hang until its client is gone, before or after Azure has carried it out."""
    azure.fault("hang", where=where, when=when, name=name, times=1)


def faults(azure: Azure) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = azure.http.get(f"{azure.url}/emulator/faults", timeout=10).json()["faults"]
    return found


def resource(azure: Azure, name: str) -> Any:
    """What Azure holds under this name in any of the workspaces."""
    headers = {"Authorization": f"Bearer {azure.application_token()}"}
    for workspace in FIRST_WORKSPACES:
        url = f"{azure.url}{workspace.resource_id}/serverlessEndpoints/{name}?api-version=2025-09-01"
        answer = azure.http.get(url, headers=headers, timeout=10)
        if answer.ok:
            found: dict[str, Any] = answer.json()
            return found
    return None


def times_sent(azure: Azure, method: str, ending: str) -> int:
    return len(azure.requests(method, ending))


def _call(what: str, arguments: tuple[Any, ...]) -> Any:
    from django.db import connection

    from tests.support import desk_rows

    connection.close()  # the database may have been restarted since
    return getattr(desk_rows, what)(*arguments)


def migrated(environment: dict[str, str]) -> None:
    subprocess.run(manage("migrate"), cwd=ROOT, env={**os.environ, **environment}, check=True, capture_output=True)
