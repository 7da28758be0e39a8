"""The responses to polls: how an operation goes on in Azure, and how it ends."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from endpoints.arm.http import ArmResponse, ArmResult
from endpoints.arm.operations import TRANSIENT, Done, InProgress, Outcome, PollState
from endpoints.arm.polling import follow
from endpoints.arm.serverless_endpoint import ServerlessEndpoint
from endpoints.engine.deletion import MAX_MISSING, PROOFS, on_deletion_read
from endpoints.engine.update import (
    RowUpdate,
    deadline,
    in_progress,
    is_past_deadline,
    next_poll,
    poll_state,
    response_columns,
    settle,
    target_url,
    timed_out,
    try_again,
    working_state,
)
from endpoints.kinds import Goal
from endpoints.models import Operation
from endpoints.observed import is_moving, observed_columns, resource_of
from endpoints.states import Phase, State


def on_poll(operation: Operation, resource_url: str, response: ArmResult, now: datetime) -> RowUpdate:
    overdue, state = is_past_deadline(operation, now), poll_state(operation)
    if overdue and not operation.spec.reads_resource:
        return settle(operation, timed_out(), now)
    reads_resource = overdue or state.next_url(resource_url) in {"", resource_url}
    is_answered = isinstance(response, ArmResponse) and response.status not in TRANSIENT
    if operation.spec.goal is Goal.ABSENT and reads_resource and is_answered:
        assert isinstance(response, ArmResponse)  # noqa: S101  (for the type checker)
        return on_deletion_read(operation, response, now)
    step = follow(PollState(state.method) if overdue else state, response, target_url(operation, resource_url))
    if isinstance(step, Done):
        return on_terminal(operation, step, now)
    return _give_up(operation, step, now) if overdue else in_progress(operation, step, now)


def on_terminal(operation: Operation, step: Done, now: datetime) -> RowUpdate:
    """An end was read. Some ends only mean that the status cannot be read this way."""
    if step.outcome == Outcome.ERROR:
        return _on_unreadable_status(operation, step, now) or settle(operation, step, now)
    if step.outcome == Outcome.SUCCEEDED:
        return _on_success(operation, step, now)
    return settle(operation, step, now)


def _on_unreadable_status(operation: Operation, step: Done, now: datetime) -> RowUpdate | None:
    """Another way to read how the operation goes; None if there is none."""
    is_polling = operation.phase in {Phase.FOLLOWING, Phase.CONFIRMING} and not is_past_deadline(operation, now)
    if not (step.error and is_polling and operation.spec.reads_resource):
        return None
    if (operation.monitor_url or operation.result_url) and operation.phase == Phase.FOLLOWING:
        text = f"The status of the operation cannot be read ({step.error.code}); reading the endpoint itself instead."
        columns = {"monitor_url": "", "result_url": "", "unreadable": 0, "next_step_at": now}
        return RowUpdate(columns, working_state(operation), text=text)
    if step.error.status == 404 and operation.unreadable < MAX_MISSING:
        return try_again(operation, None, "Azure does not show the endpoint yet.", now, unreadable=1)
    return None


def _on_success(operation: Operation, step: Done, now: datetime) -> RowUpdate:
    if operation.spec.goal is Goal.ABSENT:
        return confirm_deletion(operation, "Azure finished the deletion.", now, PROOFS)
    if operation.spec.reads_resource and not is_past_deadline(operation, now):
        resource = resource_of(step)
        if resource is None or is_moving(resource):
            return _not_yet_online(operation, resource, now)
    return settle(operation, step, now)


def confirm_deletion(operation: Operation, text: str, now: datetime, proofs: int = 0) -> RowUpdate:
    """A finished deletion is not yet an absent resource: read the resource until it is gone."""
    columns: dict[str, Any] = {"phase": Phase.CONFIRMING, "monitor_url": "", "result_url": "", "polls": 0, "faults": 0}
    columns |= {"next_step_at": now, "deadline_at": deadline(operation, now), "absences": proofs, "unreadable": 0}
    return RowUpdate(columns, State.DELETING, text=text)


def _not_yet_online(operation: Operation, resource: ServerlessEndpoint | None, now: datetime) -> RowUpdate:
    """The operation succeeded and the service is still starting: read the resource until it serves or time is up."""
    until = deadline(operation, now)
    status = resource.endpoint_state if resource else ""
    columns = {
        "phase": Phase.CONFIRMING,
        "polls": operation.polls + 1,
        "faults": 0,
        "deadline_at": until,
        "next_step_at": next_poll(until, operation.polls, None, now) if resource else now,
        "arm_status": status[:100],
    }
    reported = f" and reports {status}" if status else ""
    text = "" if operation.arm_status == status else f"Azure finished the operation{reported}."
    state = working_state(operation, accepted=True)
    return RowUpdate(columns, state, endpoint=observed_columns(resource, now), text=text)


def _give_up(operation: Operation, step: InProgress, now: datetime) -> RowUpdate:
    """A last read after the deadline showed no end: say so instead of guessing."""
    update = settle(operation, timed_out(), now)
    return replace(update, endpoint={**update.endpoint, **response_columns(operation, step, now)})
