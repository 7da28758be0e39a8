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
class Resolution:
    state: State
    reason: str
    text: str
    endpoint: dict[str, Any] = field(default_factory=dict)


def resolve(operation: Operation, step: Done) -> Resolution:
    """Read from the operation's row and how it ended."""
    return AFTER[operation.spec.goal](operation, step)


def _after_creation(operation: Operation, step: Done) -> Resolution:
    if step.outcome == Outcome.SUCCEEDED:
        return _described(*state_at_rest(step.resource))
    return _described(State.UNKNOWN if _may_be_in_azure(operation, step) else State.FAILED, _cause(step))


def _after_deletion(operation: Operation, step: Done) -> Resolution:
    if step.outcome == Outcome.SUCCEEDED:
        return Resolution(State.DELETED, "", operation.spec.done_text, {"inference_uri": ""})
    text = operation.spec.failed_text.format(cause=_cause(step))
    if _may_be_in_azure(operation, step):
        return Resolution(State.UNKNOWN, _cause(step), text)
    if step.outcome == Outcome.ERROR and properties_of(operation.endpoint.observed):
        return Resolution(*state_at_rest(operation.endpoint.observed), text)
    return Resolution(State.FAILED, _cause(step), text)


def _after_change(operation: Operation, step: Done) -> Resolution:
    """The endpoint itself goes on as it was, whatever became of the change."""
    if step.outcome == Outcome.SUCCEEDED:
        resource = step.resource if operation.spec.reads_resource else operation.endpoint.observed
        return Resolution(*state_at_rest(resource), operation.spec.done_text)
    text = operation.spec.failed_text.format(cause=_cause(step))
    if _is_missing(step):
        return _not_held(operation, text)
    if operation.spec.reads_resource and _may_be_in_azure(operation, step):
        return Resolution(State.UNKNOWN, _cause(step), text)
    return Resolution(*state_at_rest(operation.endpoint.observed), text)


def _after_refresh(operation: Operation, step: Done) -> Resolution:
    """Azure's status for the latest operation is not that for the service: what could not be changed goes on."""
    state, reason = state_at_rest(step.resource)
    if step.outcome == Outcome.SUCCEEDED or state == State.ONLINE:
        return _described(state, reason)
    if _is_missing(step):
        return _not_held(operation)
    seen = state_at_rest(operation.endpoint.observed)
    if step.outcome == Outcome.ERROR and operation.phase == Phase.QUEUED and seen[0] == State.ONLINE:
        return Resolution(*seen, operation.spec.failed_text.format(cause=_cause(step)))
    return _described(State.UNKNOWN if step.outcome == Outcome.ERROR else State.FAILED, _cause(step))


AFTER = {
    Goal.EXISTS: _after_creation,
    Goal.INCLUDES: _after_change,
    Goal.ABSENT: _after_deletion,
    Goal.RESPONSE: _after_change,
    Goal.REFRESHED: _after_refresh,
}


def _is_missing(step: Done) -> bool:
    """Whether Azure said that there is no such endpoint, which it says of operations in another way."""
    return step.outcome == Outcome.ERROR and step.error is not None and step.error.status == 404


def _not_held(operation: Operation, text: str = "") -> Resolution:
    if operation.endpoint.observed:
        return Resolution(State.DELETED, "", text or "Azure does not hold it any more.", {"inference_uri": ""})
    failed = _described(State.FAILED, "Azure does not hold it.")
    return replace(failed, text=text or failed.text)


def _described(state: State, reason: str) -> Resolution:
    return Resolution(state, reason, f"{state.label}: {reason}" if reason else state.label)


def _cause(step: Done) -> str:
    return explain(step.error).title if step.error else "Azure gave no reason."


def _may_be_in_azure(operation: Operation, step: Done) -> bool:
    """Whether Azure may have acted on it although no end was read."""
    return step.outcome == Outcome.ERROR and operation.phase in {Phase.SENDING, Phase.FOLLOWING, Phase.CONFIRMING}
