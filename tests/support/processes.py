"""Processes for tests: Redis, PostgreSQL, and the commands of the project.

A test that needs a program which is not installed is skipped with a reason, or fails when FAIL_ON_SKIP=1.
"""

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import pytest

from tests.support.environment import free_port

ROOT = Path(__file__).parents[2]


def skip_or_fail(reason: str) -> NoReturn:
    if os.environ.get("FAIL_ON_SKIP") == "1":
        pytest.fail(f"FAIL_ON_SKIP=1: {reason}")
    pytest.skip(reason)


def faked_time(offset: str) -> dict[str, str]:
    """The environment of a process whose clock is off by this much, such as +60s."""
    libraries = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    if not libraries:
        skip_or_fail("faketime is not installed.")
    return {"LD_PRELOAD": str(libraries[0]), "FAKETIME": offset, "FAKETIME_DONT_FAKE_MONOTONIC": "1"}


def eventually(probe: Callable[[], Any], seconds: float = 30, every: float = 0.1) -> Any:
    """Call until the result is true; returns the last result, true or not."""
    deadline = time.monotonic() + seconds
    while not (result := probe()) and time.monotonic() < deadline:
        time.sleep(every)
    return result


def children_of(pid: int) -> list[int]:
    """All descendants of a process, from /proc."""
    parents: dict[int, int] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents[int(folder.name)] = int(fields[1])
    descendants, generation = [], [pid]
    while generation:
        generation = [child for child, parent in parents.items() if parent in generation]
        descendants += generation
    return descendants


def is_alive(pid: int) -> bool:
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def command_line(pid: int) -> str:
    try:
        return (Path("/proc") / str(pid) / "cmdline").read_text().replace("\0", " ")
    except OSError:
        return ""


@contextmanager
def running(command: list[str], log: Path, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """A command of the project, stopped with SIGTERM or, if that does not work, with SIGKILL."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=ROOT, env={**os.environ, **environment}, stdout=output, stderr=output, start_new_session=True
        )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def manage(*arguments: str) -> list[str]:
    return [sys.executable, "manage.py", *arguments]


@dataclass
class Server:
    """A server that can be killed, and restarted with its data."""

    url: str
    command: list[str]
    log: Path
    answers: Callable[[str], bool]

    def __enter__(self) -> "Server":
        self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._process.close()

    def start(self) -> None:
        self._process = ExitStack()
        self._pid = self._process.enter_context(running(self.command, self.log)).pid
        assert eventually(lambda: self.answers(self.url)), self.log.read_text()

    def end(self, number: signal.Signals) -> None:
        os.kill(self._pid, number)
        self._process.close()


def redis_on(folder: Path) -> Server:
    """A Redis without persistence."""
    program = shutil.which("redis-server") or skip_or_fail("redis-server is not installed.")
    port = free_port()
    command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    return Server(f"redis://127.0.0.1:{port}/0", command, folder / "redis.log", _redis_answers)


def postgres_on(folder: Path) -> Server:
    """A new PostgreSQL cluster. It refuses to run as root, so then it runs as the user nobody."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin")) or _in_path("initdb")
    if not programs:
        skip_or_fail("PostgreSQL is not installed.")
    data, port = folder / "postgres", free_port()
    as_nobody: list[str] = []
    if os.geteuid() == 0:
        as_nobody = ["setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups"]
        temporary = Path(tempfile.gettempdir())
        for path in (folder, *folder.parents):
            if temporary in path.parents:
                path.chmod(0o755)  # so that the user nobody can reach its own folder
        data.mkdir()
        os.chown(data, pwd.getpwnam("nobody").pw_uid, -1)
    initdb = [str(programs[-1] / "initdb"), "-D", str(data), "-U", "desk", "-A", "trust", "--no-sync", "-E", "UTF8"]
    subprocess.run([*as_nobody, *initdb], check=True, capture_output=True, cwd="/")
    options = ["-D", str(data), "-p", str(port), "-h", "127.0.0.1", "-k", str(data), "-F"]
    command = [*as_nobody, str(programs[-1] / "postgres"), *options]
    return Server(f"postgres://desk@127.0.0.1:{port}/postgres", command, folder / "postgres.log", _postgres_answers)


@contextmanager
def redis_server(folder: Path) -> Iterator[str]:
    with redis_on(folder) as server:
        yield server.url


@contextmanager
def postgres_server(folder: Path) -> Iterator[str]:
    with postgres_on(folder) as server:
        yield server.url


def _redis_answers(url: str) -> bool:
    import redis

    client = redis.Redis.from_url(url)
    try:
        return bool(client.ping())
    except redis.ConnectionError:
        return False
    finally:
        client.close()


def _postgres_answers(url: str) -> bool:
    import psycopg

    try:
        psycopg.connect(url, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


def _in_path(program: str) -> list[Path]:
    path = shutil.which(program)
    return [Path(path).parent] if path else []


def chromium() -> str:
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return path
    skip_or_fail("No Chromium is installed.")
