"""The budget that all workers share, in a real Redis."""

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


def standing_still() -> float:
    return 0.0


def test_it_counts_as_the_one_in_memory_does(redis_url: str) -> None:
    shared, alone = RedisBudget(redis_url), MemoryBudget(standing_still)
    shared.reset()
    for budget in (shared, alone):
        budget.observe(OSCAR, READS, 70, 0)
    for account, number, reserve in [(ADA, 100, 60), (ADA, 200, 60), (ADA, 30, 10), (OSCAR, 20, 60), (OSCAR, 5, 0)]:
        one, other = (budget.take(account, READS, number, reserve) for budget in (shared, alone))
        assert one.granted in {other.granted, other.granted + 1}, "a moment passes between two calls"
        assert one.wait == pytest.approx(other.wait, abs=0.1)


def test_workers_share_it(redis_url: str) -> None:
    one, other = RedisBudget(redis_url), RedisBudget(redis_url)
    one.reset()
    assert one.take(ADA, WRITES, 1000, 20).granted == 180
    assert other.take(ADA, WRITES, 1000, 20).granted <= 2


def test_a_429_of_one_worker_closes_it_for_all(redis_url: str) -> None:
    one, other = RedisBudget(redis_url), RedisBudget(redis_url)
    one.reset()
    one.observe(ADA, READS, None, 7)
    grant = other.take(ADA, READS, 1, 0)
    assert grant.granted == 0
    assert 6.5 < grant.wait < 7.2
    assert other.take(OSCAR, READS, 1, 0) == Grant(1)


def test_an_account_is_remembered_for_as_long_as_a_429_closes_it(redis_url: str) -> None:
    budget = RedisBudget(redis_url)
    budget.reset()
    budget.observe(ADA, READS, None, 3600)
    server = redis.Redis.from_url(redis_url)
    [key] = server.keys("*budget*")
    assert server.ttl(key) >= 3600


def test_it_fills_up_steadily(redis_url: str) -> None:
    budget = RedisBudget(redis_url)
    budget.reset()
    budget.take(ADA, READS, 1000, 0)
    started = time.monotonic()
    time.sleep(0.5)
    granted = budget.take(ADA, READS, 1000, 0).granted
    assert READS.refill * 0.5 - 1 <= granted <= READS.refill * (time.monotonic() - started) + 2


def test_an_emptied_redis_starts_full_and_learns_again(redis_url: str) -> None:
    budget = RedisBudget(redis_url)
    budget.take(ADA, READS, 1000, 0)
    redis.Redis.from_url(redis_url).flushall()
    assert budget.take(ADA, READS, 1, 0) == Grant(1)


def test_without_redis_each_worker_keeps_to_what_it_has_learnt(caplog: pytest.LogCaptureFixture) -> None:
    budget = RedisBudget("redis://127.0.0.1:9/0")
    budget.observe(ADA, READS, 12, 0)
    assert budget.take(ADA, READS, 100, 10).granted == 2
    assert "Redis does not answer" in caplog.text
