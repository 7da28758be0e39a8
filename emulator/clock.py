"""The emulator's two times: the wall clock, by which clients check tokens, and the clock of the operations."""

import time
from datetime import UTC, datetime

FARTHEST = 10 * 365 * 86_400.0
_ahead = 0.0


def now() -> float:
    """Seconds since 1970, as the emulator sees it."""
    return time.time() + _ahead


def wall() -> float:
    """Seconds since 1970, as everybody sees it."""
    return time.time()


def restart() -> None:
    """Put the clock back to the real time."""
    global _ahead
    _ahead = 0.0


def advance(seconds: float) -> None:
    """Raises ValueError for what is no time to come."""
    global _ahead
    if not 0 <= seconds <= FARTHEST:
        raise ValueError("The clock only goes forward, and not for ever.")
    _ahead += seconds


def iso(moment: float) -> str:
    """A moment as this front end writes it: seven decimals at most and an offset, never a Z."""
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="microseconds")
