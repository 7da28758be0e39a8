"""What the end of an operation means for its endpoint: the state a person sees, why, and the line of history."""

from dataclasses import dataclass, field, replace
from typing import Any

from endpoints.arm.operations import Done, Outcome
from endpoints.engine.observe import properties_of, state_at_rest
from endpoints.explanations import explain
from endpoints.kinds import Goal
from endpoints.models import Operation
from endpoints.states import Phase, State


@dataclass(frozen=True)
class End:
    state: State
    reason: str
    text: str
    endpoint: dict[str, Any] = field(default_factory=dict)


def state_at_end(operation: Operation, step: Done) -> End:
    """Read from the operation's row and how it ended."""
    return BY_GOAL[operation.spec.goal](operation, step)


def _of_creation(operation: Operation, step: Done) -> End:
    if step.outcome == Outcome.SUCCEEDED:
        return _told(*state_at_rest(step.resource))
    return _told(State.UNKNOWN if _perhaps_in_azure(operation, step) else State.FAILED, _cause(step))


def _of_deletion(operation: Operation, step: Done) -> End:
    if step.outcome == Outcome.SUCCEEDED:
        return End(State.DELETED, "", operation.spec.done_text, {"inference_uri": ""})
    text = operation.spec.failed_text.format(cause=_cause(step))
    if _perhaps_in_azure(operation, step):
        return End(State.UNKNOWN, _cause(step), text)
    if step.outcome == Outcome.ERROR and properties_of(operation.endpoint.observed):
        return End(*state_at_rest(operation.endpoint.observed), text)
    return End(State.FAILED, _cause(step), text)


def _of_change(operation: Operation, step: Done) -> End:
    """The endpoint itself goes on as it was, whatever became of the change."""
    if step.outcome == Outcome.SUCCEEDED:
        resource = step.resource if operation.spec.reads_resource else operation.endpoint.observed
        return End(*state_at_rest(resource), operation.spec.done_text)
    text = operation.spec.failed_text.format(cause=_cause(step))
    if _is_missing(step):
        return _not_held(operation, text)
    if operation.spec.reads_resource and _perhaps_in_azure(operation, step):
        return End(State.UNKNOWN, _cause(step), text)
    return End(*state_at_rest(operation.endpoint.observed), text)


def _of_look(operation: Operation, step: Done) -> End:
    """Azure's status for the latest operation is not that for the service: what could not be changed goes on."""
    state, reason = state_at_rest(step.resource)
    if step.outcome == Outcome.SUCCEEDED or state == State.ONLINE:
        return _told(state, reason)
    if _is_missing(step):
        return _not_held(operation)
    seen = state_at_rest(operation.endpoint.observed)
    if step.outcome == Outcome.ERROR and operation.phase == Phase.QUEUED and seen[0] == State.ONLINE:
        return End(*seen, operation.spec.failed_text.format(cause=_cause(step)))
    return _told(State.UNKNOWN if step.outcome == Outcome.ERROR else State.FAILED, _cause(step))


BY_GOAL = {
    Goal.EXISTS: _of_creation,
    Goal.INCLUDES: _of_change,
    Goal.ABSENT: _of_deletion,
    Goal.RESPONSE: _of_change,
    Goal.REFRESHED: _of_look,
}


def _is_missing(step: Done) -> bool:
    """Whether Azure said that there is no such endpoint, which it says of operations in another way."""
    return step.outcome == Outcome.ERROR and step.error is not None and step.error.status == 404


def _not_held(operation: Operation, text: str = "") -> End:
    if operation.endpoint.observed:
        return End(State.DELETED, "", text or "Azure does not hold it any more.", {"inference_uri": ""})
    failed = _told(State.FAILED, "Azure does not hold it.")
    return replace(failed, text=text or failed.text)


def _told(state: State, reason: str) -> End:
    return End(state, reason, f"{state.label}: {reason}" if reason else state.label)


def _cause(step: Done) -> str:
    return explain(step.error).title if step.error else "Azure gave no reason."


def _perhaps_in_azure(operation: Operation, step: Done) -> bool:
    """Whether Azure may have acted on it although no end was read."""
    return step.outcome == Outcome.ERROR and operation.phase in {Phase.SENDING, Phase.FOLLOWING, Phase.CONFIRMING}
