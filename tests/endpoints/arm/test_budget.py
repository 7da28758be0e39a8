"""The budget."""

from endpoints.arm.budget import READS, Budget, Grant, MemoryBudget, blocked_for
from tests.support.arm_responses import answer

ADA, OSCAR = ("ada", "production"), ("oscar", "production")


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def full() -> tuple[MemoryBudget, Clock]:
    clock = Clock()
    return MemoryBudget(clock), clock


def take(budget: Budget, number: int) -> Grant:
    return budget.take(ADA, READS, number, READS.reserve)


def test_polls_leave_the_reserve_to_people() -> None:
    budget, _ = full()
    assert take(budget, 1000).granted == READS.bucket - READS.reserve


def test_what_people_ask_for_may_use_the_reserve() -> None:
    budget, _ = full()
    take(budget, 1000)
    assert budget.take(ADA, READS, 50, 0) == Grant(50)


def test_it_fills_up_steadily() -> None:
    budget, clock = full()
    take(budget, 1000)
    clock.now = 2
    assert take(budget, 1000).granted == 2 * READS.refill


def test_who_is_sent_away_comes_back_behind_those_before() -> None:
    budget, _ = full()
    first = take(budget, 1000)
    second = take(budget, 50)
    behind = (1000 - first.granted) / READS.refill
    assert round(second.wait - first.wait, 3) == behind


def test_each_identity_has_its_own() -> None:
    budget, _ = full()
    take(budget, 1000)
    assert budget.take(OSCAR, READS, 1, READS.reserve) == Grant(1)


def test_what_others_took_is_learnt_from_the_answers() -> None:
    budget, _ = full()
    remaining = READS.remaining(answer(200, x_ms_ratelimit_remaining_subscription_reads="70"))
    budget.observe(ADA, READS, remaining, 0)
    assert take(budget, 1000).granted == 10


def test_a_429_closes_it_for_as_long_as_azure_says() -> None:
    budget, clock = full()
    budget.observe(ADA, READS, None, blocked_for(answer(429, Retry_After="6")))
    clock.now = 5.5
    assert take(budget, 1).granted == 0
    clock.now = 20
    assert take(budget, 1).granted == 1
