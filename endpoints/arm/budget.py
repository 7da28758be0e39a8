"""How many requests ARM still accepts, as its responses report it.

ARM throttles with token buckets: each identity has one for reads, one for writes and one for deletes in each
subscription, all refilled at a steady rate. The counter in every response includes the requests of other tools.
https://learn.microsoft.com/en-us/azure/azure-resource-manager/management/request-limits-and-throttling
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
    """The size of a bucket, its refill per second, and the reserve that polls leave for requests of users."""

    name: str
    bucket: float
    refill: float
    reserve: float

    def remaining(self, response: ArmResponse) -> float | None:
        """The requests left in the bucket, as a response reports them.

        https://learn.microsoft.com/en-us/azure/azure-resource-manager/management/request-limits-and-throttling#remaining-requests
        """
        text = response.headers.get(f"x-ms-ratelimit-remaining-subscription-{self.name}", "")
        return float(text) if text.isascii() and text.isdigit() else None


# The sizes and refill rates are Microsoft's.
# https://learn.microsoft.com/en-us/azure/azure-resource-manager/management/request-limits-and-throttling
READS: Final = Limit("reads", 250.0, 25.0, 60.0)
WRITES: Final = Limit("writes", 200.0, 10.0, 20.0)
DELETES: Final = Limit("deletes", 200.0, 10.0, 20.0)
LIMITS: Final = {"GET": READS, "PUT": WRITES, "PATCH": WRITES, "POST": WRITES, "DELETE": DELETES}


@dataclass(frozen=True)
class Grant:
    """How many requests may be sent now. The first of the others may follow in `wait` seconds."""

    granted: int
    wait: float = 0.0


class Budget(Protocol):
    """The buckets of all accounts. A budget has a clock of its own, so that hosts need no common one."""

    def take(self, account: Account, limit: Limit, number: int, reserve: float) -> Grant:
        """Take up to `number` requests, but leave `reserve` of them in the bucket."""

    def observe(self, account: Account, limit: Limit, remaining: float | None, blocked_for: float) -> None:
        """Note the requests left according to a response, and block the bucket for some seconds after a 429."""


def blocked_for(response: ArmResponse) -> float:
    """The seconds for which a 429 blocks its account; 0 for every other response.

    https://learn.microsoft.com/en-us/azure/azure-resource-manager/management/request-limits-and-throttling#error-code
    """
    return (retry_after(response) or 1.0) if response.status == 429 else 0.0


@dataclass
class _Bucket:
    """`waiting` counts the requests that were refused, so that they return one after the other."""

    left: float
    at: float
    waiting: float = 0.0
    blocked_until: float = 0.0

    def refill(self, now: float, limit: Limit) -> None:
        passed = max(0.0, now - self.at)
        self.left = min(limit.bucket, self.left + passed * limit.refill)
        self.waiting = max(0.0, self.waiting - passed * limit.refill)
        self.at = now


class MemoryBudget(Budget):
    """A budget of one process. Several processes share what ARM's counters report. Safe to share between threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: dict[tuple[Account, str], _Bucket] = {}

    def take(self, account: Account, limit: Limit, number: int, reserve: float) -> Grant:
        with self._lock:
            bucket = self._bucket(account, limit)
            blocked = max(0.0, bucket.blocked_until - bucket.at)
            granted = 0 if blocked else max(0, min(number, int(bucket.left - reserve)))
            bucket.left -= granted
            if granted == number:
                return Grant(granted)
            missing = max(0.0, reserve + 1 - bucket.left)
            wait = blocked + (missing + bucket.waiting) / limit.refill
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
        """Start with full buckets again."""
        with self._lock:
            self._buckets.clear()

    def _bucket(self, account: Account, limit: Limit) -> _Bucket:
        now = self._clock()
        bucket = self._buckets.setdefault((account, limit.name), _Bucket(limit.bucket, now))
        bucket.refill(now, limit)
        return bucket
