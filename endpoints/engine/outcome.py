"""From the end of an operation to its endpoint: the state to show, its reason, and the text of the event."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from endpoints.arm.operations import Done, Outcome
from endpoints.explanations import explain
from endpoints.kinds import Goal
from endpoints.models import Operation
from endpoints.observed import resource_of, state_at_rest
from endpoints.states import Phase, State


@dataclass(frozen=True)
class Resolution:
    state: State
    reason: str
    text: str
    endpoint: dict[str, Any] = field(default_factory=dict)


def resolution_of(operation: Operation, step: Done) -> Resolution:
    return AFTER[operation.spec.goal](operation, step)


def _after_creation(operation: Operation, step: Done) -> Resolution:
    if step.outcome == Outcome.SUCCEEDED:
        return _described(*state_at_rest(resource_of(step)))
    return _described(State.UNKNOWN if _may_be_in_azure(operation, step) else State.FAILED, _cause(step))


def _after_deletion(operation: Operation, step: Done) -> Resolution:
    if step.outcome == Outcome.SUCCEEDED:
        return Resolution(State.DELETED, "", operation.spec.done_text, {"inference_uri": ""})
    text, observed = operation.spec.failed_text.format(cause=_cause(step)), operation.endpoint.observed
    if _may_be_in_azure(operation, step):
        return Resolution(State.UNKNOWN, _cause(step), text)
    if step.outcome == Outcome.ERROR and observed and observed.is_resource:
        return Resolution(*state_at_rest(observed), text)
    return Resolution(State.FAILED, _cause(step), text)


def _after_change(operation: Operation, step: Done) -> Resolution:
    """A change that failed leaves the endpoint as it was."""
    if step.outcome == Outcome.SUCCEEDED:
        resource = resource_of(step) if operation.spec.reads_resource else operation.endpoint.observed
        return Resolution(*state_at_rest(resource), operation.spec.done_text)
    text = operation.spec.failed_text.format(cause=_cause(step))
    if _is_missing(step):
        return _not_in_azure(operation, text)
    if operation.spec.reads_resource and _may_be_in_azure(operation, step):
        return Resolution(State.UNKNOWN, _cause(step), text)
    return Resolution(*state_at_rest(operation.endpoint.observed), text)


AFTER: dict[Goal, Callable[[Operation, Done], Resolution]] = {
    Goal.EXISTS: _after_creation,
    Goal.INCLUDES: _after_change,
    Goal.ABSENT: _after_deletion,
    Goal.RESPONSE: _after_change,
}


def _is_missing(step: Done) -> bool:
    """Whether Azure reports that the endpoint does not exist; a missing operation has another error."""
    return step.outcome == Outcome.ERROR and step.error is not None and step.error.status == 404


def _not_in_azure(operation: Operation, text: str = "") -> Resolution:
    if operation.endpoint.observed:
        return Resolution(State.DELETED, "", text or "It no longer exists in Azure.", {"inference_uri": ""})
    failed = _described(State.FAILED, "It does not exist in Azure.")
    return replace(failed, text=text or failed.text)


def _described(state: State, reason: str) -> Resolution:
    return Resolution(state, reason, f"{state.label}: {reason}" if reason else state.label)


def _cause(step: Done) -> str:
    return explain(step.error).title if step.error else "Azure gave no reason."


def _may_be_in_azure(operation: Operation, step: Done) -> bool:
    """Whether Azure may have acted on the request although its end was not read."""
    return step.outcome == Outcome.ERROR and operation.phase in {Phase.SENDING, Phase.FOLLOWING, Phase.CONFIRMING}
