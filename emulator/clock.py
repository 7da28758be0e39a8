"""Two clocks: the wall clock, by which clients check tokens, and the clock of operations, which can be advanced."""

import time
from datetime import UTC, datetime

MAX_SECONDS = 10 * 365 * 86_400.0
_ahead = 0.0


def now() -> float:
    """Seconds since 1970 on the clock of operations."""
    return time.time() + _ahead


def wall() -> float:
    """Seconds since 1970 on the wall clock."""
    return time.time()


def ahead() -> float:
    """How far the clock of operations is ahead of the wall clock."""
    return _ahead


def restart(at: float = 0.0) -> None:
    """Set the clock of operations to the wall clock, or this far ahead of it."""
    global _ahead
    _ahead = at


def advance(seconds: float) -> None:
    """Raises ValueError for a negative or absurd number."""
    global _ahead
    if not 0 <= seconds <= MAX_SECONDS:
        raise ValueError("The clock moves forward only, by ten years at most.")
    _ahead += seconds


def iso(moment: float) -> str:
    """A time as this front end writes it: with an offset, never with a Z."""
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="microseconds")
