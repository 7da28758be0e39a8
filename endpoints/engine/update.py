"""What a step of an operation writes into its row, and the changes that many steps end in."""

import random
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from endpoints.arm.errors import ArmError
from endpoints.arm.headers import retry_after
from endpoints.arm.http import ArmResult, NoResponse
from endpoints.arm.operations import Done, InProgress, Outcome, PollState, pause, pause_after_fault
from endpoints.engine.observe import observed_columns
from endpoints.engine.outcome import resolve
from endpoints.kinds import Goal
from endpoints.models import Operation
from endpoints.states import NOT_YET_ACCEPTED, Phase, State

# How long an operation is followed when ARM does not say, and how long a request waits for ARM to take it.
FOLLOWED_FOR = timedelta(hours=1)


@dataclass(frozen=True)
class RowUpdate:
    """What a step writes: columns of the operation and of its endpoint, and a line of history when there is news.

    `is_unchanged` says that nothing but the time has changed, so that many of them can be written at once.
    """

    operation: dict[str, Any]
    state: State
    reason: str = ""
    endpoint: dict[str, Any] = field(default_factory=dict)
    text: str = ""
    confirmed: bool = True
    is_unchanged: bool = False

    @property
    def is_end(self) -> bool:
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


def running(operation: Operation, step: InProgress, now: datetime) -> RowUpdate:
    if step.fault:
        return again(operation, step.wait, step.fault, now, unreadable=step.state.unreadable - operation.unreadable)
    poll, same = step.state, step.status[:100] == operation.arm_status
    phase = Phase.CONFIRMING if poll.confirming else Phase.FOLLOWING
    state = working_state(operation, following=True, status=step.status)
    seen = operation.endpoint.state == state and not operation.endpoint.reason
    if same and seen and phase == operation.phase and poll == replace(poll_state(operation), faults=0, unreadable=0):
        return unchanged(operation, step.wait, now)
    polls = operation.polls + 1 if same else 0
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
    text = "" if same or not step.status else f"Azure says {step.status}."
    return RowUpdate(columns, state, endpoint=seen_columns(operation, step.resource, now), text=text)


def settle(operation: Operation, step: Done, now: datetime) -> RowUpdate:
    columns: dict[str, Any] = {"phase": Phase.SETTLED, "settled_at": now, "next_step_at": None}
    # The URLs have done their work, and are secrets.
    columns |= {"monitor_url": "", "result_url": "", "outcome": step.outcome}
    columns["error"] = step.error.as_json() if step.error else None
    if step.outcome != Outcome.ERROR:
        columns["arm_status"] = step.outcome.capitalize()
    end = resolve(operation, step)
    seen = seen_columns(operation, step.resource, now)
    return RowUpdate(columns, end.state, end.reason, {**seen, **end.endpoint}, end.text)


def seen_columns(operation: Operation, resource: dict[str, Any] | None, now: datetime) -> dict[str, Any]:
    """What an answer shows of the endpoint. What comes of a new key may be the key, in whatever it is wrapped."""
    return observed_columns(resource, now) if operation.spec.reads_resource else {}


def ended_in_error(code: str, message: str) -> Done:
    return Done(Outcome.ERROR, error=ArmError(code, message, 0, {}))


def not_followed() -> Done:
    message = "Azure did not finish in the time it gives itself for this. The operation may still be running there."
    return ended_in_error("NotFollowed", message)


def fault(operation: Operation, response: ArmResult, now: datetime) -> RowUpdate:
    if isinstance(response, NoResponse):
        return again(operation, None, response.reason, now)
    return again(operation, retry_after(response), f"Azure answered {response.status}.", now)


def again(operation: Operation, wait: float | None, why: str, now: datetime, unreadable: int = 0) -> RowUpdate:
    """Nothing was learnt: come again after a growing pause, and tell it once in a row of faults."""
    if time_is_up(operation, now):
        return settle(operation, ended_in_error("AzureUnavailable", why), now)
    seconds = wait if wait is not None else pause_after_fault(operation.faults)
    columns = {
        "faults": operation.faults + 1,
        "unreadable": operation.unreadable + unreadable,
        "has_retry_after": wait is not None,
        "next_step_at": min(_time_is_up_at(operation), now + timedelta(seconds=seconds * random.uniform(1, 1.2))),  # noqa: S311
    }
    text = "" if operation.faults else f"{why} It is tried again."
    return RowUpdate(columns, working_state(operation), f"{why} Trying again.", text=text, confirmed=False)


def is_overdue(operation: Operation, now: datetime) -> bool:
    return operation.deadline_at is not None and now >= operation.deadline_at


def time_is_up(operation: Operation, now: datetime) -> bool:
    return now >= _time_is_up_at(operation)


def _time_is_up_at(operation: Operation) -> datetime:
    return operation.deadline_at or operation.requested_at + FOLLOWED_FOR


def deadline(operation: Operation, now: datetime) -> datetime:
    """Until when it is followed; one that is followed from now on has its time before it."""
    return operation.deadline_at or now + FOLLOWED_FOR


def next_poll(until: datetime, polls: int, wait: float | None, now: datetime) -> datetime:
    """When to ask again: Retry-After is a lower bound, without it the pause grows from 3 s to 30 s.

    At the deadline the last look is due, however long Azure asked to wait.
    """
    seconds = pause(polls) if wait is None else wait
    return min(until, now + timedelta(seconds=seconds * random.uniform(1, 1.05)))  # noqa: S311  (jitter)


def working_state(operation: Operation, following: bool = False, status: str = "") -> State:
    """What a person sees while it runs."""
    if operation.spec.goal is Goal.REFRESHED and status.lower() in {State.UPDATING, State.DELETING}:
        return State(status.lower())
    starting = operation.phase in NOT_YET_ACCEPTED and operation.phase != Phase.SENDING and not following
    return operation.spec.queued_state if starting else operation.spec.working_state


def poll_state(operation: Operation) -> PollState:
    return PollState(
        method="PUT" if operation.spec.goal is Goal.REFRESHED else operation.spec.method,
        monitor_url=operation.monitor_url,
        result_url=operation.result_url,
        confirming=operation.phase == Phase.CONFIRMING,
        confirmations=operation.confirmations,
        faults=operation.faults,
        unreadable=operation.unreadable,
    )
