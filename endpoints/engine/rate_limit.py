"""The rate limit that all workers of this installation share: in Redis, or in memory if there is no Redis."""

import logging

import redis
from django.conf import settings

from endpoints.arm.budget import Account, Budget, Grant, Limit, MemoryBudget

logger = logging.getLogger(__name__)

PREFIX = "endpoint-desk:budget:"
# An untouched bucket is full again after this time, unless a 429 blocks it for longer.
BUCKET_TTL_SECONDS = 600
# The rules of MemoryBudget, carried out in Redis by its clock. Numbers travel as text, since Redis cuts fractions off.
BUCKET = """
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
local size, refill = tonumber(ARGV[2]), tonumber(ARGV[3])
local kept = redis.call('HMGET', KEYS[1], 'left', 'at', 'waiting', 'blocked_until')
local passed = math.max(0, now - (tonumber(kept[2]) or now))
local left = math.min(size, (tonumber(kept[1]) or size) + passed * refill)
local waiting = math.max(0, (tonumber(kept[3]) or 0) - passed * refill)
local blocked_until = tonumber(kept[4]) or 0
local granted, wait = 0, 0
if ARGV[1] == 'take' then
    local number, reserve = tonumber(ARGV[4]), tonumber(ARGV[5])
    local closed = math.max(0, blocked_until - now)
    if closed == 0 then granted = math.max(0, math.min(number, math.floor(left - reserve))) end
    left = left - granted
    if granted < number then
        wait = closed + (math.max(0, reserve + 1 - left) + waiting) / refill
        waiting = waiting + number - granted
    end
else
    local remaining, blocked_for = tonumber(ARGV[4]), tonumber(ARGV[5])
    if remaining then left = math.min(left, remaining) end
    if blocked_for > 0 then
        left = 0
        blocked_until = math.max(blocked_until, now + blocked_for)
    end
end
redis.call('HSET', KEYS[1], 'left', tostring(left), 'at', string.format('%.6f', now), 'waiting', tostring(waiting),
    'blocked_until', string.format('%.6f', blocked_until))
redis.call('EXPIRE', KEYS[1], math.ceil(math.max(tonumber(ARGV[6]), blocked_until - now)))
return {tostring(granted), tostring(wait)}
"""


class RedisBudget(Budget):
    """Shared by all processes that use the same Redis. While it is down, each follows ARM's own counters."""

    def __init__(self, url: str) -> None:
        self._redis = redis.Redis.from_url(url, socket_connect_timeout=1, socket_timeout=2)
        self._script = self._redis.register_script(BUCKET)
        self._alone = MemoryBudget()

    def take(self, account: Account, limit: Limit, number: int, reserve: float) -> Grant:
        try:
            granted, wait = self._run("take", account, limit, number, reserve)
        except redis.RedisError:
            logger.warning("Redis is down: this worker follows Azure's rate limit without the others.")
            return self._alone.take(account, limit, number, reserve)
        return Grant(int(granted), float(wait))

    def observe(self, account: Account, limit: Limit, remaining: float | None, blocked_for: float) -> None:
        self._alone.observe(account, limit, remaining, blocked_for)
        try:
            self._run("observe", account, limit, "" if remaining is None else remaining, blocked_for)
        except redis.RedisError:
            logger.warning("Redis is down: the other workers do not learn what is left of Azure's rate limit.")

    def reset(self) -> None:
        """Fill all buckets."""
        self._alone.reset()
        for key in self._redis.scan_iter(match=f"{PREFIX}*"):
            self._redis.delete(key)

    def _run(self, verb: str, account: Account, limit: Limit, *numbers: str | float) -> list[bytes]:
        key = f"{PREFIX}{limit.name}:{':'.join(account)}"
        arguments = [verb, limit.bucket, limit.refill, *numbers, BUCKET_TTL_SECONDS]
        result: list[bytes] = self._script(keys=[key], args=arguments)
        return result


def make_budget() -> RedisBudget | MemoryBudget:
    return RedisBudget(settings.REDIS_URL) if settings.REDIS_URL else MemoryBudget()
