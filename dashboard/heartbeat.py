"""Heartbeats of worker and beat: files that they touch as they work, for health checks."""

import time
from pathlib import Path
from typing import Any

from django.conf import settings

# Several sweeps may be late before a process counts as dead.
MAX_AGE_SECONDS = 30.0


def of_worker(**signal: Any) -> None:
    """The worker has started a task; beat sends one every second."""
    _touch("worker")


def of_beat(**signal: Any) -> None:
    """Beat has published a sweep."""
    _touch("beat")


def is_fresh(name: str) -> bool:
    try:
        return time.time() - _file(name).stat().st_mtime < MAX_AGE_SECONDS
    except FileNotFoundError:
        return False


def _touch(name: str) -> None:
    path = _file(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


def _file(name: str) -> Path:
    path: Path = settings.DATA_DIR / f"{name}.heartbeat"
    return path
