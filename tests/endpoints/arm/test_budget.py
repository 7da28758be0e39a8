"""The request budget learns what ARM has left."""

from endpoints.arm.budget import READS, Budget, Grant, MemoryBudget, blocked_for
from tests.support.arm_responses import arm_response

ADA, OSCAR = ("ada", "production"), ("oscar", "production")


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def full_budget() -> tuple[MemoryBudget, Clock]:
    clock = Clock()
    return MemoryBudget(clock), clock


def take(budget: Budget, number: int) -> Grant:
    return budget.take(ADA, READS, number, READS.reserve)


def test_polls_leave_the_reserve_to_users() -> None:
    budget, _ = full_budget()
    assert take(budget, 1000).granted == READS.bucket - READS.reserve


def test_requests_of_users_may_take_the_reserve() -> None:
    budget, _ = full_budget()
    take(budget, 1000)
    assert budget.take(ADA, READS, 50, 0) == Grant(50)


def test_bucket_is_refilled_steadily() -> None:
    budget, clock = full_budget()
    take(budget, 1000)
    clock.now = 2
    assert take(budget, 1000).granted == 2 * READS.refill


def test_refused_request_waits_behind_earlier_ones() -> None:
    budget, _ = full_budget()
    first = take(budget, 1000)
    second = take(budget, 50)
    behind = (1000 - first.granted) / READS.refill
    assert round(second.wait - first.wait, 3) == behind


def test_each_identity_has_its_own_bucket() -> None:
    budget, _ = full_budget()
    take(budget, 1000)
    assert budget.take(OSCAR, READS, 1, READS.reserve) == Grant(1)


def test_requests_of_other_tools_show_in_the_responses() -> None:
    budget, _ = full_budget()
    remaining = READS.remaining(arm_response(200, x_ms_ratelimit_remaining_subscription_reads="70"))
    budget.observe(ADA, READS, remaining, 0)
    assert take(budget, 1000).granted == 10


def test_429_blocks_for_as_long_as_azure_says() -> None:
    budget, clock = full_budget()
    budget.observe(ADA, READS, None, blocked_for(arm_response(429, Retry_After="6")))
    clock.now = 5.5
    assert take(budget, 1).granted == 0
    clock.now = 20
    assert take(budget, 1).granted == 1
