"""What a step tells besides where to ask next: ARM's status, the resource, and whether a request may have arrived."""

import pytest

from endpoints.arm.http import NoResponse
from endpoints.arm.operations import InProgress, PollState, Retry
from endpoints.arm.polling import begin, follow
from tests.support.arm_responses import MONITOR, RESOURCE, RESULT, answer, resource


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_only_a_429_says_that_a_put_was_not_carried_out(status: int) -> None:
    step = begin("PUT", answer(status), RESOURCE)
    assert isinstance(step, Retry)
    assert step.may_have_arrived == (status != 429)


@pytest.mark.parametrize("perhaps", [True, False])
def test_a_lost_put_may_have_been_received(perhaps: bool) -> None:
    step = begin("PUT", NoResponse("gone", perhaps, 1), RESOURCE)
    assert isinstance(step, Retry)
    assert (step.may_have_arrived, step.fault) == (perhaps, "gone")


def test_a_running_step_tells_arms_own_word() -> None:
    step = follow(PollState(monitor_url=MONITOR), answer(200, {"status": "Hibernating"}), RESOURCE)
    assert isinstance(step, InProgress)
    assert (step.status, step.resource) == ("Hibernating", None)


@pytest.mark.parametrize("state", [PollState(), PollState(result_url=RESULT)])
def test_a_running_step_tells_the_resource_that_it_read(state: PollState) -> None:
    step = follow(state, answer(200, resource("Updating")), RESOURCE)
    assert isinstance(step, InProgress)
    assert (step.status, step.resource) == ("Updating", resource("Updating"))


def test_a_failed_resource_comes_with_its_failure() -> None:
    step = begin("PUT", answer(201, resource("Failed")), RESOURCE)
    assert not isinstance(step, InProgress | Retry)
    assert step.resource == resource("Failed")
