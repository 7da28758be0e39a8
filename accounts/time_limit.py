"""A time limit for calls to Entra ID, for pages: a page never waits for a service that hangs."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")

# After a call that took too long, pages make none for this time.
PAUSE_SECONDS = 30.0

_hung_at = float("-inf")


def limited(call: Callable[[], T], seconds: float | None) -> T:
    """Call in a thread, which must not use the database. Raises TimeoutError, at once if a call hung a moment ago."""
    global _hung_at
    if seconds is None:
        return call()
    if time.monotonic() - _hung_at < PAUSE_SECONDS:
        raise TimeoutError
    pool = ThreadPoolExecutor(1, thread_name_prefix="entra")
    future = pool.submit(call)
    pool.shutdown(wait=False)
    try:
        return future.result(seconds)
    except TimeoutError:
        if not future.done():
            _hung_at = time.monotonic()
        raise


def reset() -> None:
    """Forget that a call hung."""
    global _hung_at
    _hung_at = float("-inf")
