"""Signs of life of worker and beat: files that they touch while they do their work, for health checks to look at."""

import time
from pathlib import Path
from typing import Any

from django.conf import settings

# Several sweeps may be late before somebody should be woken.
FRESH_SECONDS = 30.0


def of_worker(**signal: Any) -> None:
    """The worker has taken up a task; beat gives it one every second."""
    _touch("worker")


def of_beat(**signal: Any) -> None:
    """Beat has handed a sweep to the broker."""
    _touch("beat")


def is_fresh(name: str) -> bool:
    try:
        return time.time() - _file(name).stat().st_mtime < FRESH_SECONDS
    except FileNotFoundError:
        return False


def _touch(name: str) -> None:
    path = _file(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


def _file(name: str) -> Path:
    path: Path = settings.DATA_DIR / f"{name}.heartbeat"
    return path
