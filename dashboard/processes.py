"""The processes that make up an installation, each as the command that becomes it."""

import os
import sys
from pathlib import Path
from typing import NoReturn

BIN = Path(sys.executable).parent


def web(host: str, port: int, *, workers: int, threads: int) -> list[str]:
    """Few threads a worker: Python runs one at a time, and more of them only get in each other's way."""
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
    """What people asked for has a queue of its own, so that no click waits behind a sweep."""
    quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "WARNING"]
    return [
        *_celery("worker"),
        "--pool",
        "threads",
        "--concurrency",
        str(concurrency),
        "--queues",
        "asked,sweep",
        *quiet,
    ]


def beat(schedule: str) -> list[str]:
    return [*_celery("beat"), "--schedule", schedule, "--pidfile", "", "--loglevel", "WARNING"]


def become(command: list[str]) -> NoReturn:
    """Go on as another program, with the same process id, so that signals reach it."""
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(command[0], command)  # noqa: S606  (no shell is meant)


def _celery(name: str) -> list[str]:
    return [sys.executable, "-m", "celery", "--app", "dashboard", "--quiet", name]
