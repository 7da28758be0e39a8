"""One step of an operation: from what its row holds and what ARM answers to what the row holds next.

`plan` names the single call that is due, `conclude` reads its answer. Neither asks a clock, the network or the
database, so each can be tested alone; `sweep.py` claims the rows, sends the calls and records the changes.
"""

import random
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from endpoints.arm.challenge import claims_challenge
from endpoints.arm.errors import ArmError
from endpoints.arm.headers import operation_timeout, retry_after
from endpoints.arm.http import Answer, Call, Lost
from endpoints.arm.operations import TRANSIENT, Held, Outcome, Resend, Running, Settled, begin_put, follow
from endpoints.explain import explain
from endpoints.models import Operation
from endpoints.observe import endpoint_state, is_moving, observed_columns, properties_of, state_at_rest
from endpoints.states import Phase, State

FIRST_POLL, SLOWEST_POLL = 3.0, 30.0
SLOWEST_RETRY = 60.0
# How often a PUT is sent when Azure keeps answering 5xx and holds nothing afterwards.
MOST_SENDS = 6
# A resource that ARM just accepted may be missing from its next answers for a moment.
MOST_MISSING = 3
# How long an operation is followed when ARM does not say, and how long a request waits for ARM to take it.
FOLLOWED_FOR = timedelta(hours=1)


@dataclass(frozen=True)
class Change:
    """What a step writes: columns of the operation and of its endpoint, and a line of history when there is news."""

    operation: dict[str, Any]
    state: State
    reason: str = ""
    endpoint: dict[str, Any] = field(default_factory=dict)
    text: str = ""
    confirmed: bool = True


def plan(operation: Operation, resource_url: str, now: datetime) -> Call:
    """The one call to ARM that comes next."""
    if operation.phase == Phase.CLEAR:
        return Call("PUT", resource_url, operation.body)
    if operation.phase in {Phase.FOLLOWING, Phase.CONFIRMING} and not _is_overdue(operation, now):
        return Call("GET", _held(operation).next_url(resource_url))
    return Call("GET", resource_url)


def conclude(operation: Operation, call: Call, resource_url: str, reply: Answer | Lost, now: datetime) -> Change:
    """What the row holds after ARM's reply to `plan`'s call."""
    if isinstance(reply, Answer) and reply.status == 401:
        return _challenged(operation, reply, now)
    if call.method == "PUT":
        return _sent(operation, resource_url, reply, now)
    if operation.phase in {Phase.QUEUED, Phase.SENDING}:
        return _looked(operation, reply, now)
    return _followed(operation, resource_url, reply, now)


def park(operation: Operation, reason: str, claims: str, now: datetime) -> Change:
    """Wait for the person to sign in; nothing is due until then."""
    columns = {"next_step_at": None, "needs_sign_in": True, "claims": claims, "wants_fresh_token": False}
    return Change(columns, State.NEEDS_SIGN_IN, reason, text=reason, confirmed=False)


def postpone(operation: Operation, reason: str, now: datetime) -> Change:
    """Nothing could be asked; come again later."""
    return _again(operation, None, reason, now)


def refuse(operation: Operation, code: str, message: str, now: datetime) -> Change:
    """End an operation that this dashboard does not allow any more."""
    return _settle(operation, Settled(Outcome.ERROR, error=ArmError(code, message, 0, {})), now)


def _challenged(operation: Operation, reply: Answer, now: datetime) -> Change:
    """Azure did not take the token: ask for a new one once, or for the person. A refused PUT was not carried out."""
    back = {"phase": operation.phase}
    if claims := claims_challenge(reply):
        change = park(operation, "Azure asks for a stronger sign-in, such as multifactor authentication.", claims, now)
    elif operation.wants_fresh_token:
        change = park(operation, "Azure did not accept the sign-in.", "", now)
    else:
        change = Change({"next_step_at": now, "wants_fresh_token": True}, _working_state(operation))
    return replace(change, operation={**change.operation, **back})


def _looked(operation: Operation, reply: Answer | Lost, now: datetime) -> Change:
    """Before a PUT, and after one whose answer was not recorded: does Azure hold the resource?"""
    if isinstance(reply, Lost) or reply.status in TRANSIENT:
        return _fault(operation, reply, now)
    if reply.status == 404:
        return _absent(operation, now)
    if reply.status != 200:
        return _settle(operation, Settled(Outcome.ERROR, error=ArmError.of_answer(reply)), now)
    if operation.phase == Phase.SENDING or operation.endpoint.sent_at:
        return _adopt(operation, reply, now)
    message = f"The workspace already holds an endpoint named {operation.endpoint.name}. Nothing was changed in Azure."
    error = ArmError("AlreadyExists", message, 0, {})
    return _settle(operation, Settled(Outcome.ERROR, error=error), now)


def _absent(operation: Operation, now: datetime) -> Change:
    if operation.sends >= MOST_SENDS and operation.error:
        change = _settle(operation, Settled(Outcome.ERROR, error=ArmError.from_json(operation.error)), now)
        return replace(change, state=State.FAILED)
    columns = {"phase": Phase.CLEAR, "next_step_at": now, "faults": 0}
    text = "Azure does not hold it, so it is sent again." if operation.sends else "The name is free in the workspace."
    return Change(columns, State.QUEUED if not operation.sends else State.CREATING, text=text)


def _adopt(operation: Operation, reply: Answer, now: datetime) -> Change:
    """Azure holds what an earlier PUT of ours made: send it again if that failed, else follow it."""
    word = properties_of(reply.object).get("provisioningState")
    if operation.phase == Phase.QUEUED and str(word).lower() in {"failed", "canceled"}:
        text = f"Azure still holds the attempt before ({word}); it is sent again."
        return Change({"phase": Phase.CLEAR, "next_step_at": now, "faults": 0}, State.QUEUED, text=text)
    columns = {"phase": Phase.FOLLOWING, "next_step_at": now, "faults": 0, "deadline_at": now + FOLLOWED_FOR}
    endpoint = observed_columns(reply.object, now)
    return Change(columns, State.CREATING, endpoint=endpoint, text="Azure already holds it; it is followed from here.")


def _sent(operation: Operation, resource_url: str, reply: Answer | Lost, now: datetime) -> Change:
    step = begin_put(reply, resource_url)
    if isinstance(step, Resend):
        return _resend(operation, step, reply, now)
    if isinstance(step, Settled):
        change = _arrived(operation, step, now)
        taken = isinstance(reply, Answer) and reply.status < 400
        return replace(change, state=State.UNKNOWN) if taken and step.outcome == Outcome.ERROR else change
    limit = operation_timeout(reply) if isinstance(reply, Answer) else None
    change = _running(operation, step, now)
    columns = {"phase": Phase.FOLLOWING, "deadline_at": now + (limit or FOLLOWED_FOR), "polls": 0}
    text = f"Azure accepted the request{_says(step.word)}."
    return replace(change, operation={**change.operation, **columns}, text=text)


def _resend(operation: Operation, step: Resend, reply: Answer | Lost, now: datetime) -> Change:
    """Azure did not take the PUT, or perhaps did: then the next step looks before anything is sent again."""
    change = _again(operation, step.wait, step.fault, now)
    error = ArmError.of_answer(reply).as_json() if isinstance(reply, Answer) else None
    columns = {"phase": Phase.SENDING if step.perhaps_received else Phase.CLEAR, "error": error}
    state = State.CREATING if step.perhaps_received else State.QUEUED
    return replace(change, operation={**change.operation, **columns}, state=state)


def _followed(operation: Operation, resource_url: str, reply: Answer | Lost, now: datetime) -> Change:
    overdue = _is_overdue(operation, now)
    step = follow(Held() if overdue else _held(operation), reply, resource_url)
    if isinstance(step, Settled):
        return _arrived(operation, step, now)
    return _give_up(operation, step, now) if overdue else _running(operation, step, now)


def _arrived(operation: Operation, step: Settled, now: datetime) -> Change:
    """An end was read. Some ends only mean that the status could not be read that way."""
    error = step.error
    if step.outcome == Outcome.ERROR and error and operation.phase in {Phase.FOLLOWING, Phase.CONFIRMING}:
        if operation.monitor_url and operation.phase == Phase.FOLLOWING:
            text = f"The status of the operation cannot be read ({error.code}); the endpoint itself is read instead."
            columns = {"monitor_url": "", "result_url": "", "unreadable": 0, "next_step_at": now}
            return Change(columns, State.CREATING, text=text)
        if error.status == 404 and operation.unreadable < MOST_MISSING:
            return _again(operation, None, "Azure does not show the endpoint yet.", now, unreadable=1)
    if step.outcome == Outcome.SUCCEEDED and (step.resource is None or is_moving(step.resource)):
        return _not_quite_there(operation, step, now)
    return _settle(operation, step, now)


def _not_quite_there(operation: Operation, step: Settled, now: datetime) -> Change:
    """The operation succeeded and the service is on its way: read the resource until it is there or time is up."""
    if _is_overdue(operation, now):
        return _settle(operation, step, now)
    columns = {"phase": Phase.CONFIRMING, "polls": operation.polls + 1, "faults": 0}
    columns["deadline_at"] = operation.deadline_at or now + FOLLOWED_FOR
    columns["next_step_at"] = _next_poll(operation.polls, None, now) if step.resource else now
    word = endpoint_state(step.resource)
    text = "" if operation.arm_status == word else f"Azure finished the operation{_says(word)}."
    columns["arm_status"] = word[:100]
    return Change(columns, State.CREATING, endpoint=observed_columns(step.resource, now), text=text)


def _running(operation: Operation, step: Running, now: datetime) -> Change:
    if step.fault:
        return _again(operation, step.wait, step.fault, now, unreadable=step.held.unreadable - operation.unreadable)
    held, same = step.held, step.word == operation.arm_status
    polls = operation.polls + 1 if same else 0
    columns = {
        "phase": Phase.CONFIRMING if held.confirming else Phase.FOLLOWING,
        "monitor_url": held.monitor_url,
        "result_url": held.result_url,
        "confirmations": held.confirmations,
        "faults": 0,
        "unreadable": held.unreadable,
        "polls": polls,
        "arm_status": step.word[:100],
        "wants_fresh_token": False,
        "next_step_at": _next_poll(polls, step.wait, now),
    }
    text = "" if same or not step.word else f"Azure says {step.word}."
    return Change(columns, State.CREATING, endpoint=observed_columns(step.resource, now), text=text)


def _give_up(operation: Operation, step: Running, now: datetime) -> Change:
    """Past the deadline one last look told no end: say so instead of guessing."""
    message = "Azure did not finish in the time it gives itself for this. The operation may still be running there."
    error = ArmError("NotFollowed", message, 0, {})
    change = _settle(operation, Settled(Outcome.ERROR, error=error), now)
    return replace(change, endpoint={**change.endpoint, **observed_columns(step.resource, now)})


def _settle(operation: Operation, step: Settled, now: datetime) -> Change:
    columns: dict[str, Any] = {"phase": Phase.SETTLED, "settled_at": now, "next_step_at": None}
    # The URLs have done their work, and are secrets.
    columns |= {"monitor_url": "", "result_url": "", "outcome": step.outcome, "wants_fresh_token": False}
    columns["error"] = step.error.as_json() if step.error else None
    if step.outcome != Outcome.ERROR:
        columns["arm_status"] = step.outcome.capitalize()
    state, reason = _settled_state(operation, step)
    text = f"{state.label}: {reason}" if reason else state.label
    return Change(columns, state, reason, observed_columns(step.resource, now), text)


def _settled_state(operation: Operation, step: Settled) -> tuple[State, str]:
    if step.outcome == Outcome.SUCCEEDED:
        return state_at_rest(step.resource)
    reason = explain(step.error).title if step.error else "Azure gave no reason."
    perhaps_in_azure = operation.phase in {Phase.SENDING, Phase.FOLLOWING, Phase.CONFIRMING}
    return (State.UNKNOWN if step.outcome == Outcome.ERROR and perhaps_in_azure else State.FAILED), reason


def _fault(operation: Operation, reply: Answer | Lost, now: datetime) -> Change:
    if isinstance(reply, Lost):
        return _again(operation, None, reply.reason, now)
    return _again(operation, retry_after(reply), f"Azure answered {reply.status}.", now)


def _again(operation: Operation, wait: float | None, why: str, now: datetime, unreadable: int = 0) -> Change:
    """Nothing was learnt: come again after a growing pause, and tell it once in a row of faults."""
    overdue = now >= (operation.deadline_at or operation.asked_at + FOLLOWED_FOR)
    if overdue:
        return _settle(operation, Settled(Outcome.ERROR, error=ArmError("AzureUnavailable", why, 0, {})), now)
    pause = wait if wait is not None else min(SLOWEST_RETRY, 2.0**operation.faults)
    columns = {
        "faults": operation.faults + 1,
        "unreadable": operation.unreadable + unreadable,
        "next_step_at": now + timedelta(seconds=pause * random.uniform(1, 1.2)),  # noqa: S311  (jitter)
    }
    text = "" if operation.faults else f"{why} It is tried again."
    return Change(columns, _working_state(operation), f"{why} Trying again.", text=text, confirmed=False)


def _next_poll(polls: int, wait: float | None, now: datetime) -> datetime:
    """When to ask again: Retry-After is a lower bound, without it the pause grows from 3 s to 30 s."""
    pause = wait if wait is not None else min(SLOWEST_POLL, FIRST_POLL * 1.2**polls)
    return now + timedelta(seconds=pause * random.uniform(1, 1.1))  # noqa: S311  (jitter)


def _working_state(operation: Operation) -> State:
    return State.QUEUED if operation.phase in {Phase.QUEUED, Phase.CLEAR} else State.CREATING


def _held(operation: Operation) -> Held:
    return Held(
        monitor_url=operation.monitor_url,
        result_url=operation.result_url,
        confirming=operation.phase == Phase.CONFIRMING,
        confirmations=operation.confirmations,
        faults=operation.faults,
        unreadable=operation.unreadable,
    )


def _is_overdue(operation: Operation, now: datetime) -> bool:
    return operation.deadline_at is not None and now >= operation.deadline_at


def _says(word: str) -> str:
    return f" and says {word}" if word else ""
