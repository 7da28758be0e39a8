"""The rate limit that all workers share, in a real Redis."""

import time
from collections.abc import Iterator

import pytest
import redis

from endpoints.arm.budget import READS, WRITES, Grant, MemoryBudget
from endpoints.engine.rate_limit import RedisBudget
from tests.support.processes import redis_server

ADA, OSCAR = ("ada", "production"), ("oscar", "production")


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with redis_server(tmp_path_factory.mktemp("redis")) as url:
        yield url


def stopped_clock() -> float:
    return 0.0


def test_redis_budget_counts_like_the_one_in_memory(redis_url: str) -> None:
    shared, own = RedisBudget(redis_url), MemoryBudget(stopped_clock)
    shared.reset()
    for budget in (shared, own):
        budget.observe(OSCAR, READS, 70, 0)
    for account, number, reserve in [(ADA, 100, 60), (ADA, 200, 60), (ADA, 30, 10), (OSCAR, 20, 60), (OSCAR, 5, 0)]:
        ours, expected = (budget.take(account, READS, number, reserve) for budget in (shared, own))
        assert ours.granted in {expected.granted, expected.granted + 1}, "time passes between two calls"
        assert ours.wait == pytest.approx(expected.wait, abs=0.1)


def test_workers_share_one_budget(redis_url: str) -> None:
    first, second = RedisBudget(redis_url), RedisBudget(redis_url)
    first.reset()
    assert first.take(ADA, WRITES, 1000, 20).granted == 180
    assert second.take(ADA, WRITES, 1000, 20).granted <= 2


def test_429_blocks_all_workers(redis_url: str) -> None:
    first, second = RedisBudget(redis_url), RedisBudget(redis_url)
    first.reset()
    first.observe(ADA, READS, None, 7)
    grant = second.take(ADA, READS, 1, 0)
    assert grant.granted == 0
    assert 6.5 < grant.wait < 7.2
    assert second.take(OSCAR, READS, 1, 0) == Grant(1)


def test_redis_keeps_a_bucket_while_a_429_blocks_it(redis_url: str) -> None:
    budget = RedisBudget(redis_url)
    budget.reset()
    budget.observe(ADA, READS, None, 3600)
    server = redis.Redis.from_url(redis_url)
    [key] = server.keys("*budget*")
    assert server.ttl(key) >= 3600


def test_budget_refills_steadily(redis_url: str) -> None:
    budget = RedisBudget(redis_url)
    budget.reset()
    budget.take(ADA, READS, 1000, 0)
    started = time.monotonic()
    time.sleep(0.5)
    granted = budget.take(ADA, READS, 1000, 0).granted
    assert READS.refill * 0.5 - 1 <= granted <= READS.refill * (time.monotonic() - started) + 2


def test_emptied_redis_starts_with_a_full_budget(redis_url: str) -> None:
    budget = RedisBudget(redis_url)
    budget.take(ADA, READS, 1000, 0)
    redis.Redis.from_url(redis_url).flushall()
    assert budget.take(ADA, READS, 1, 0) == Grant(1)


def test_worker_without_redis_follows_azures_counters(caplog: pytest.LogCaptureFixture) -> None:
    budget = RedisBudget("redis://127.0.0.1:9/0")
    started = time.monotonic()
    budget.observe(ADA, READS, 12, 0)
    granted = budget.take(ADA, READS, 100, 10).granted
    assert 2 <= granted <= 2 + READS.refill * (time.monotonic() - started)
    assert "Redis is down" in caplog.text
