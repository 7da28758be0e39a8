"""The processes of an installation, each as a command line."""

import os
import sys
from pathlib import Path
from typing import NoReturn

BIN = Path(sys.executable).parent


def web(host: str, port: int, *, workers: int, threads: int) -> list[str]:
    """Few threads per worker: Python runs one at a time, so more would only contend for the lock."""
    numbers = ["--port", str(port), "--workers", str(workers), "--blocking-threads", str(threads)]
    rest = [
        "--backpressure",
        "256",
        "--respawn-failed-workers",
        "--workers-kill-timeout",
        "10",
        "--log-level",
        "warning",
    ]
    return [str(BIN / "granian"), "--interface", "wsgi", "--host", host, *numbers, *rest, "dashboard.wsgi:application"]


def worker(*, concurrency: int) -> list[str]:
    """Requests have a queue of their own, so that no click waits behind a sweep."""
    quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "WARNING"]
    return [
        *_celery("worker"),
        "--pool",
        "threads",
        "--concurrency",
        str(concurrency),
        "--queues",
        "requests,sweep",
        *quiet,
    ]


def beat(schedule: str) -> list[str]:
    return [*_celery("beat"), "--schedule", schedule, "--pidfile", "", "--loglevel", "WARNING"]


def exec_process(command: list[str]) -> NoReturn:
    """Replace this process with the program, which keeps the process id and so receives its signals."""
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(command[0], command)  # noqa: S606  (no shell is meant)


def _celery(name: str) -> list[str]:
    return [sys.executable, "-m", "celery", "--app", "dashboard", "--quiet", name]
