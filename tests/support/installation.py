"""An installation whose workers and beats a test starts, kills, pauses and resumes."""

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
from tests.support.azure import Azure
from tests.support.django_setup import set_up_django
from tests.support.processes import ROOT, Server, eventually, manage

# A lease is 5 s longer than both of these together.
TIMEOUTS = {"ARM_CONNECT_TIMEOUT_SECONDS": "1", "ARM_READ_TIMEOUT_SECONDS": "2"}
# The events of an operation whose worker died or stopped.
RESUMED_AFTER_RESTART = "Worker restarted; resuming."
RESUMED_BY_ANOTHER = "Worker stopped responding; resuming with another one."


@dataclass
class Installation:
    """Its processes have names. A process that exits by itself is restarted, as by a supervisor.

    They are started as `make run` does. The commands of manage.py, which compose runs, become the same processes after
    another start of Django.
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

    def __enter__(self) -> "Installation":
        self._django = ProcessPoolExecutor(
            1, multiprocessing.get_context("spawn"), initializer=set_up_django, initargs=(self.environment,)
        )
        self._stack.enter_context(self._django)
        self.call("register_workspaces")
        return self

    def __exit__(self, *exception: object) -> None:
        self._commands.clear()
        for name in list(self.processes):
            self.kill(name)
        self._stack.close()

    def worker(self, name: str = "worker", **environment: str) -> None:
        self._start(name, processes.worker(concurrency=4), environment)

    def beat(self, name: str = "beat") -> None:
        schedule = str(self.folder / "data" / "beat-schedule")
        self._start(name, processes.beat(schedule), {})

    def kill(self, name: str) -> None:
        """Send SIGKILL, without a restart."""
        self._commands.pop(name, None)
        process = self.processes.pop(name)
        process.kill()
        process.wait()

    def terminate(self, name: str) -> int:
        """Send SIGTERM, as a deployment does; returns the exit code."""
        self._commands.pop(name)
        process = self.processes.pop(name)
        process.terminate()
        return process.wait(30)

    def pause(self, name: str) -> None:
        self.processes[name].send_signal(signal.SIGSTOP)

    def resume(self, name: str) -> None:
        self.processes[name].send_signal(signal.SIGCONT)

    def call(self, action: str, *arguments: Any) -> Any:
        """Call a function of `tests.support.installation_actions` in its own process."""
        return self._django.submit(_call, action, arguments).result(120)

    def row(self, name: str) -> Any:
        return self.call("row", name)

    def wait_until(self, condition: Callable[[], Any], seconds: float = 120) -> None:
        """Wait and supervise. The default allows for a machine that runs other tests at the same time."""

        def probe() -> Any:
            self._supervise()
            return condition()

        assert eventually(probe, seconds, 0.2), self.log()

    def wait_until_settled(self, *names: str, seconds: float = 120) -> None:
        self.wait_until(lambda: all(self.row(name).phase == "settled" for name in names), seconds)

    def wait_until_faulted(self, *names: str) -> None:
        """Wait until a request for each endpoint has met the one fault that is set for it."""
        scopes = {f"name {name}" for name in names}
        self.wait_until(lambda: not scopes & {fault["scope"] for fault in faults(self.azure)})

    def empty_broker(self) -> None:
        if self.redis:
            with Redis.from_url(self.redis.url) as client:
                client.flushall()
        for message in (self.folder / "data" / "broker" / "queue").glob("*.msg"):
            message.unlink(missing_ok=True)

    @contextmanager
    def operations_locked(self) -> Iterator[None]:
        """Let no other process write an operation."""
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


def hang_next(azure: Azure, name: str, where: str, when: str = "before") -> None:
    """Let the next request hang until its client is gone, before or after Azure has carried it out."""
    azure.fault("hang", where=where, when=when, name=name, times=1)


def faults(azure: Azure) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = azure.http.get(f"{azure.url}/emulator/faults", timeout=10).json()["faults"]
    return rows


def _call(action: str, arguments: tuple[Any, ...]) -> Any:
    from django.db import connection

    from tests.support import installation_actions

    connection.close()  # the database may have been restarted since
    return getattr(installation_actions, action)(*arguments)


def migrate(environment: dict[str, str]) -> None:
    subprocess.run(manage("migrate"), cwd=ROOT, env={**os.environ, **environment}, check=True, capture_output=True)
