"""The budget."""

from endpoints.arm.budget import READS, Budget
from tests.arm.answers import answer

ADA, OSCAR = ("ada", "production"), ("oscar", "production")


def spend(budget: Budget, now: float) -> int:
    """How many are given at this moment."""
    given = 0
    while budget.take(ADA, now) == 0:
        given += 1
    return given


def test_polls_leave_the_reserve_to_people() -> None:
    assert spend(Budget(READS), 0) == READS.bucket - READS.reserve


def test_it_fills_up_steadily() -> None:
    budget = Budget(READS)
    spend(budget, 0)
    assert spend(budget, 2) == 2 * READS.refill


def test_who_is_sent_away_comes_back_one_after_the_other() -> None:
    budget = Budget(READS)
    spend(budget, 0)
    waits = [budget.take(ADA, 0) for _ in range(50)]
    assert waits == sorted(waits)
    assert 1.9 < waits[-1] - waits[0] < 2.1


def test_each_identity_has_its_own() -> None:
    budget = Budget(READS)
    spend(budget, 0)
    assert budget.take(OSCAR, 0) == 0


def test_what_others_took_is_learnt_from_the_answers() -> None:
    budget = Budget(READS)
    budget.learn(ADA, answer(200, x_ms_ratelimit_remaining_subscription_reads="70"), 0)
    assert spend(budget, 0) == 10


def test_a_429_closes_it_for_as_long_as_azure_says() -> None:
    budget = Budget(READS)
    budget.learn(ADA, answer(429, Retry_After="6"), 0)
    assert budget.take(ADA, 5.5) > 0.5
    assert budget.take(ADA, 20) == 0
