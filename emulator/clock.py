"""The emulator's time: the real clock plus what somebody has advanced it by."""

from __future__ import annotations

import time
from datetime import UTC, datetime

_ahead = 0.0


def now() -> float:
    """Seconds since 1970, as the emulator sees it."""
    return time.time() + _ahead


def advance(seconds: float) -> None:
    global _ahead
    _ahead += seconds


def iso(moment: float) -> str:
    """A moment as this front end writes it: seven decimals at most and an offset, never a Z."""
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="microseconds")
