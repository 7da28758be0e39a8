"""How much may still be asked of ARM, learnt from what its answers say is left.

ARM gives each identity in each subscription a bucket of reads and one of writes, which fill up steadily. Nothing is
shared between processes: the counter in every answer tells each of them what all of them have taken.
"""

import threading
from dataclasses import dataclass
from typing import Final

from endpoints.arm.headers import retry_after
from endpoints.arm.http import Answer

Account = tuple[str, str]


@dataclass(frozen=True)
class Limit:
    """What a bucket holds, what flows in each second, and how much is left to what people do on pages meanwhile."""

    header: str
    bucket: float
    refill: float
    reserve: float


# Microsoft's published figures.
READS: Final = Limit("x-ms-ratelimit-remaining-subscription-reads", 250.0, 25.0, 60.0)
WRITES: Final = Limit("x-ms-ratelimit-remaining-subscription-writes", 200.0, 10.0, 20.0)


@dataclass
class _Bucket:
    """`waiting` counts those sent away, so that they come back one after the other."""

    left: float
    at: float
    waiting: float = 0.0
    closed_until: float = 0.0

    def flow(self, now: float, limit: Limit) -> None:
        passed = max(0.0, now - self.at)
        self.left = min(limit.bucket, self.left + passed * limit.refill)
        self.waiting = max(0.0, self.waiting - passed * limit.refill)
        self.at = now


class Budget:
    """What is left to every account, which is an identity and a subscription. Safe to share between threads."""

    def __init__(self, limit: Limit) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._buckets: dict[Account, _Bucket] = {}

    def take(self, account: Account, now: float) -> float:
        """Take one and return 0, or return the seconds after which to come back."""
        with self._lock:
            bucket = self._bucket(account, now)
            missing = max(0.0, self._limit.reserve + 1 - bucket.left)
            closed = max(0.0, bucket.closed_until - now)
            if not missing and not closed:
                bucket.left -= 1
                return 0.0
            bucket.waiting += 1
            return closed + (missing + bucket.waiting) / self._limit.refill

    def learn(self, account: Account, answer: Answer, now: float) -> None:
        """Believe what an answer says is left, and wait for all of the account when it is a 429."""
        remaining = answer.headers.get(self._limit.header, "")
        with self._lock:
            bucket = self._bucket(account, now)
            if remaining.isascii() and remaining.isdigit():
                bucket.left = min(bucket.left, float(remaining))
            if answer.status == 429:
                bucket.left = 0.0
                bucket.closed_until = max(bucket.closed_until, now + (retry_after(answer) or 1.0))

    def forget(self) -> None:
        """Begin with full buckets again."""
        with self._lock:
            self._buckets.clear()

    def _bucket(self, account: Account, now: float) -> _Bucket:
        bucket = self._buckets.setdefault(account, _Bucket(self._limit.bucket, now))
        bucket.flow(now, self._limit)
        return bucket
