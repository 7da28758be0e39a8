"""The status, the resource and the doubt about arrival that come with a decision to continue."""

import pytest

from endpoints.arm.http import NoResponse
from endpoints.arm.operations import InProgress, PollState, Retry
from endpoints.arm.polling import begin, follow
from tests.support.arm_responses import MONITOR_URL, RESOURCE_URL, RESULT_URL, arm_response, resource


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_only_a_429_proves_that_a_put_was_not_processed(status: int) -> None:
    progress = begin("PUT", arm_response(status), RESOURCE_URL)
    assert isinstance(progress, Retry)
    assert progress.may_have_arrived == (status != 429)


@pytest.mark.parametrize("may_have_arrived", [True, False])
def test_put_without_a_response_may_have_arrived(may_have_arrived: bool) -> None:
    progress = begin("PUT", NoResponse("gone", may_have_arrived, 1), RESOURCE_URL)
    assert isinstance(progress, Retry)
    assert (progress.may_have_arrived, progress.fault) == (may_have_arrived, "gone")


def test_progress_has_the_status_of_the_service() -> None:
    response = arm_response(200, {"status": "Hibernating"})
    progress = follow(PollState(monitor_url=MONITOR_URL), response, RESOURCE_URL)
    assert isinstance(progress, InProgress)
    assert (progress.status, progress.resource) == ("Hibernating", None)


@pytest.mark.parametrize("state", [PollState(), PollState(result_url=RESULT_URL)])
def test_progress_has_the_resource_of_the_response(state: PollState) -> None:
    progress = follow(state, arm_response(200, resource("Updating")), RESOURCE_URL)
    assert isinstance(progress, InProgress)
    assert (progress.status, progress.resource) == ("Updating", resource("Updating"))


def test_failed_resource_comes_with_the_failure() -> None:
    progress = begin("PUT", arm_response(201, resource("Failed")), RESOURCE_URL)
    assert not isinstance(progress, InProgress | Retry)
    assert progress.resource == resource("Failed")
