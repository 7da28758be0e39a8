"""ARM's request budget: a token bucket for each caller, subscription and kind of operation."""

import threading
from dataclasses import dataclass

from emulator import clock
from emulator.arm.errors import ArmError
from emulator.options import options

# Bucket size and refill per second:
# https://learn.microsoft.com/en-us/azure/azure-resource-manager/management/request-limits-and-throttling
LIMITS = {"reads": (250, 25), "writes": (200, 10), "deletes": (200, 10)}
# All callers of a subscription together have this many times the limit of one.
GLOBAL_FACTOR = 15


@dataclass
class Bucket:
    left: float
    at: float


_lock = threading.Lock()
_buckets: dict[tuple[str, str, str], Bucket] = {}


def hit(oid: str, subscription: str, method: str) -> dict[str, str]:
    """Take one from the bucket; returns the headers that report the rest. Raises ArmError with 429 if it is empty."""
    kind = {"GET": "reads", "HEAD": "reads", "DELETE": "deletes"}.get(method, "writes")
    size, refill = (number * options().throttle_scale for number in LIMITS[kind])
    now = clock.now()
    with _lock:
        bucket = _buckets.setdefault((oid, subscription.lower(), kind), Bucket(size, now))
        bucket.left = min(size, bucket.left + (now - bucket.at) * refill)
        bucket.at = now
        if bucket.left < 1:
            raise _too_many(max(1, round((1 - bucket.left) / refill)))
        bucket.left -= 1
        left = int(bucket.left)
    scope = f"subscription-{kind}" if subscription else f"tenant-{kind}"
    headers = {f"x-ms-ratelimit-remaining-{scope}": str(left)}
    if subscription:
        headers[f"x-ms-ratelimit-remaining-subscription-global-{kind}"] = str(int(size * GLOBAL_FACTOR - (size - left)))
    return headers


def reset() -> None:
    with _lock:
        _buckets.clear()


def _too_many(seconds: int) -> ArmError:
    text = f"Number of requests exceeded the limit. Please try again after '{seconds}' seconds."
    return ArmError(429, "SubscriptionRequestsThrottled", text, headers={"Retry-After": str(seconds)})
