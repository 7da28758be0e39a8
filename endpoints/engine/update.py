"""`RowUpdate`, the result of a step, and the updates that many steps share."""

import random
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from endpoints.arm.errors import ArmError
from endpoints.arm.headers import retry_after
from endpoints.arm.http import ArmResponse, ArmResult, NoResponse
from endpoints.arm.operations import (
    DEFAULT_OPERATION_TIMEOUT,
    Done,
    InProgress,
    Outcome,
    PollState,
    pause,
    pause_after_fault,
)
from endpoints.engine.comparison import comparison_columns
from endpoints.engine.outcome import confirms, describe, resolution_of, shows_missing, unread
from endpoints.models import Operation
from endpoints.observed import observed_columns, resource_of
from endpoints.states import NOT_YET_ACCEPTED, Phase, State

# How often in a row a response may say nothing about the resource. The pauses add up to about a minute.
MAX_UNREAD = 6


@dataclass(frozen=True)
class RowUpdate:
    """Columns of the operation and of its endpoint, and the text of an event if there is news.

    `confirmed` says that Azure's response confirms the state, `needs_check` that another read of the endpoint is due.
    `is_unchanged` marks an update of nothing but times, so that many of them can be written in one statement.
    """

    operation: dict[str, Any]
    state: State
    reason: str = ""
    endpoint: dict[str, Any] = field(default_factory=dict)
    text: str = ""
    confirmed: bool = True
    needs_check: bool = False
    is_unchanged: bool = False

    @property
    def is_settled(self) -> bool:
        return "settled_at" in self.operation


def unchanged(operation: Operation, wait: float | None, now: datetime) -> RowUpdate:
    """Azure still works on it, as at the last read."""
    columns = {
        "faults": 0,
        "unreadable": 0,
        "polls": operation.polls + 1,
        "force_token_refresh": False,
        "has_retry_after": wait is not None,
        "next_step_at": next_poll(deadline(operation, now), operation.polls + 1, wait, now),
    }
    return RowUpdate(columns, State(operation.endpoint.state), operation.endpoint.reason, is_unchanged=True)


def in_progress(operation: Operation, step: InProgress, now: datetime) -> RowUpdate:
    if step.fault:
        unreadable = step.state.unreadable - operation.unreadable
        return try_again(operation, step.wait, step.fault, now, unreadable=unreadable)
    poll, is_same = step.state, step.status[:100] == operation.arm_status
    phase = Phase.CONFIRMING if poll.confirming else Phase.FOLLOWING
    state = working_state(operation, accepted=True)
    is_shown = operation.endpoint.state == state and not operation.endpoint.reason
    before = replace(poll_state(operation), faults=0, unreadable=0)
    if is_same and is_shown and phase == operation.phase and poll == before:
        return unchanged(operation, step.wait, now)
    polls = operation.polls + 1 if is_same else 0
    columns = {
        "phase": phase,
        "monitor_url": poll.monitor_url,
        "result_url": poll.result_url,
        "confirmations": poll.confirmations,
        "faults": 0,
        "unreadable": poll.unreadable,
        "polls": polls,
        "arm_status": step.status[:100],
        "has_retry_after": step.wait is not None,
        "deadline_at": deadline(operation, now),
        "next_step_at": next_poll(deadline(operation, now), polls, step.wait, now),
    }
    text = "" if is_same or not step.status else f"Azure reports {step.status}."
    return RowUpdate(columns, state, endpoint=response_columns(operation, step, now), text=text)


def settle(operation: Operation, step: Done, now: datetime) -> RowUpdate:
    columns: dict[str, Any] = {
        "phase": Phase.SETTLED,
        "settled_at": now,
        "next_step_at": None,
        # The URLs are signed secrets, and of no more use.
        "monitor_url": "",
        "result_url": "",
        "outcome": step.outcome,
        "error": step.error.as_json() if step.error else None,
    }
    if step.outcome != Outcome.ERROR:
        columns["arm_status"] = step.outcome.capitalize()
    resolution = resolution_of(operation, step)
    compared = comparison_columns(operation, step, resolution.state, now)
    endpoint = {**response_columns(operation, step, now), **compared, **resolution.endpoint}
    if resolution.is_kept and (problem := unread(step)):
        endpoint |= {"problem": problem[:500], "problem_since": operation.endpoint.problem_since or now}
    if is_missing := shows_missing(operation, step):
        endpoint["missing_since"] = operation.endpoint.missing_since or now
    return RowUpdate(
        columns,
        resolution.state,
        resolution.reason,
        endpoint,
        resolution.text,
        confirmed=confirms(operation, step),
        needs_check=is_missing,
    )


def settle_with_error(operation: Operation, response: ArmResponse, now: datetime) -> RowUpdate:
    return settle(operation, Done(Outcome.ERROR, error=ArmError.from_response(response)), now)


def response_columns(operation: Operation, step: Done | InProgress, now: datetime) -> dict[str, Any]:
    """The columns of the endpoint that a response contains.

    Never store the response of regenerateKeys: it may contain the key.
    """
    return observed_columns(resource_of(step), now) if operation.spec.reads_resource else {}


def client_error(code: str, message: str) -> Done:
    """The end of an operation by a rule of ours."""
    return Done(Outcome.ERROR, error=ArmError(code, message, 0, {}))


def timed_out() -> Done:
    message = "Azure did not finish in the time it gives itself for this. The operation may still be running there."
    return client_error("NotFollowed", message)


def try_again_after(operation: Operation, response: ArmResult, now: datetime) -> RowUpdate:
    """Try again after a transient failure of a read."""
    if isinstance(response, NoResponse):
        return try_again(operation, None, response.reason, now)
    return try_again(operation, retry_after(response), f"Azure returned {response.status}.", now)


def could_not_read(operation: Operation, response: ArmResponse, now: datetime) -> RowUpdate:
    """The response says nothing about the resource: try again a few times, then end with its error.

    A new resource group, for one, may be unknown to some of ARM's replicas for a moment.
    """
    error = ArmError.from_response(response)
    if response.status == 200:
        error = ArmError("UnreadableResponse", "Azure returned 200 with an unreadable body.", 0, {})
    if operation.unreadable < MAX_UNREAD:
        why = describe(error) if error.status else error.message
        return try_again(operation, retry_after(response), why, now, unreadable=1)
    return settle(operation, Done(Outcome.ERROR, error=error), now)


def try_again(operation: Operation, wait: float | None, why: str, now: datetime, unreadable: int = 0) -> RowUpdate:
    """The response said nothing about the operation: try again after a growing pause.

    Only the first fault in a row becomes an event.
    """
    if must_give_up(operation, now):
        return settle(operation, client_error("AzureUnavailable", why), now)
    seconds = wait if wait is not None else pause_after_fault(operation.faults)
    columns = {
        "faults": operation.faults + 1,
        "unreadable": operation.unreadable + unreadable,
        "has_retry_after": wait is not None,
        "next_step_at": min(_gives_up_at(operation), now + timedelta(seconds=seconds * random.uniform(1, 1.2))),  # noqa: S311
    }
    text = "" if operation.faults else f"{why} Trying again."
    return RowUpdate(columns, working_state(operation), f"{why} Trying again.", text=text, confirmed=False)


def is_past_deadline(operation: Operation, now: datetime) -> bool:
    return operation.deadline_at is not None and now >= operation.deadline_at


def must_give_up(operation: Operation, now: datetime) -> bool:
    """Whether the operation is overdue, or was requested so long ago that it will not be sent any more."""
    return now >= _gives_up_at(operation)


def _gives_up_at(operation: Operation) -> datetime:
    return operation.deadline_at or operation.requested_at + DEFAULT_OPERATION_TIMEOUT


def deadline(operation: Operation, now: datetime) -> datetime:
    """When to stop polling. Defaults to one hour from now."""
    return operation.deadline_at or now + DEFAULT_OPERATION_TIMEOUT


def next_poll(until: datetime, polls: int, wait: float | None, now: datetime) -> datetime:
    """When to poll next: not before Retry-After; without it, the pause grows from 3 s to 30 s.

    https://www.rfc-editor.org/rfc/rfc9110#field.retry-after

    The last poll is due at the deadline, even if Retry-After is later.
    """
    seconds = pause(polls) if wait is None else wait
    return min(until, now + timedelta(seconds=seconds * random.uniform(1, 1.05)))  # noqa: S311  (jitter)


def working_state(operation: Operation, accepted: bool = False) -> State:
    """The state to show while the operation runs."""
    spec = operation.spec
    is_queued = operation.phase in NOT_YET_ACCEPTED and operation.phase != Phase.SENDING and not accepted
    return spec.queued_state if is_queued else spec.working_state


def target_url(operation: Operation, resource_url: str) -> str:
    """The URL of the resource, or of an action on it."""
    path, separator, query = resource_url.partition("?")
    return f"{path}{operation.spec.action_path}{separator}{query}"


def poll_state(operation: Operation) -> PollState:
    return PollState(
        method=operation.spec.method,
        monitor_url=operation.monitor_url,
        result_url=operation.result_url,
        confirming=operation.phase == Phase.CONFIRMING,
        confirmations=operation.confirmations,
        faults=operation.faults,
        unreadable=operation.unreadable,
    )
