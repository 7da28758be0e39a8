"""How much may still be asked of ARM, learnt from what its answers say is left.

ARM gives each identity in each subscription a bucket of reads, one of writes and one of deletes, which fill up
steadily. The counter in every answer tells what everybody has taken from it, other tools included.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from endpoints.arm.headers import retry_after
from endpoints.arm.http import ArmResponse

# An identity and a subscription.
Account = tuple[str, str]


@dataclass(frozen=True)
class Limit:
    """What a bucket holds, what flows in each second, and how much is left to what people do meanwhile."""

    name: str
    bucket: float
    refill: float
    reserve: float

    def remaining(self, response: ArmResponse) -> float | None:
        """What an answer says is left in the bucket."""
        text = response.headers.get(f"x-ms-ratelimit-remaining-subscription-{self.name}", "")
        return float(text) if text.isascii() and text.isdigit() else None


# Microsoft's published figures.
READS: Final = Limit("reads", 250.0, 25.0, 60.0)
WRITES: Final = Limit("writes", 200.0, 10.0, 20.0)
DELETES: Final = Limit("deletes", 200.0, 10.0, 20.0)
LIMITS: Final = {"GET": READS, "PUT": WRITES, "PATCH": WRITES, "POST": WRITES, "DELETE": DELETES}


@dataclass(frozen=True)
class Grant:
    """How many may go now; the first of the others in `wait` seconds, each further one when the bucket has its drop."""

    granted: int
    wait: float = 0.0


class Budget(Protocol):
    """What is left to each account. Times are the budget's own, so that machines need not agree about them."""

    def take(self, account: Account, limit: Limit, number: int, reserve: float) -> Grant:
        """Take up to `number`, as long as `reserve` is left."""

    def observe(self, account: Account, limit: Limit, remaining: float | None, blocked_for: float) -> None:
        """Believe what an answer says is left; after a 429 nothing goes for `blocked_for` seconds."""


def blocked_for(response: ArmResponse) -> float:
    """The seconds for which a 429 closes its account; 0 for every other answer."""
    return (retry_after(response) or 1.0) if response.status == 429 else 0.0


@dataclass
class _Bucket:
    """`waiting` counts those sent away, so that they come back one after the other."""

    left: float
    at: float
    waiting: float = 0.0
    blocked_until: float = 0.0

    def flow(self, now: float, limit: Limit) -> None:
        passed = max(0.0, now - self.at)
        self.left = min(limit.bucket, self.left + passed * limit.refill)
        self.waiting = max(0.0, self.waiting - passed * limit.refill)
        self.at = now


class MemoryBudget(Budget):
    """For one process, or for several that only share what ARM's counters tell. Safe to share between threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: dict[tuple[Account, str], _Bucket] = {}

    def take(self, account: Account, limit: Limit, number: int, reserve: float) -> Grant:
        with self._lock:
            bucket = self._bucket(account, limit)
            closed = max(0.0, bucket.blocked_until - bucket.at)
            granted = 0 if closed else max(0, min(number, int(bucket.left - reserve)))
            bucket.left -= granted
            if granted == number:
                return Grant(granted)
            missing = max(0.0, reserve + 1 - bucket.left)
            wait = closed + (missing + bucket.waiting) / limit.refill
            bucket.waiting += number - granted
            return Grant(granted, wait)

    def observe(self, account: Account, limit: Limit, remaining: float | None, blocked_for: float) -> None:
        with self._lock:
            bucket = self._bucket(account, limit)
            if remaining is not None:
                bucket.left = min(bucket.left, remaining)
            if blocked_for:
                bucket.left = 0.0
                bucket.blocked_until = max(bucket.blocked_until, bucket.at + blocked_for)

    def reset(self) -> None:
        """Begin with full buckets again."""
        with self._lock:
            self._buckets.clear()

    def _bucket(self, account: Account, limit: Limit) -> _Bucket:
        now = self._clock()
        bucket = self._buckets.setdefault((account, limit.name), _Bucket(limit.bucket, now))
        bucket.flow(now, limit)
        return bucket
