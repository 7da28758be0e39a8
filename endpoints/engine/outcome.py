"""From the end of an operation to its endpoint: the state to show, its reason, and the text of the event."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from endpoints.arm.absence import Absence, absence_in
from endpoints.arm.errors import ArmError
from endpoints.arm.operations import TRANSIENT, Done, Outcome
from endpoints.explanations import explain
from endpoints.kinds import Goal
from endpoints.models import Operation
from endpoints.observed import resource_of, state_at_rest, state_of
from endpoints.states import Phase, State


@dataclass(frozen=True)
class Resolution:
    """`is_kept` says that the state is the last one that Azure reported, and not from the end of this operation."""

    state: State
    reason: str
    text: str
    endpoint: dict[str, Any] = field(default_factory=dict)
    is_kept: bool = False


def resolution_of(operation: Operation, step: Done) -> Resolution:
    return AFTER[operation.spec.goal](operation, step)


def confirms(operation: Operation, step: Done) -> bool:
    """Whether the end of an operation is Azure's own word on the state of the endpoint."""
    if step.outcome != Outcome.ERROR:
        return True
    # Azure refused the PUT, so the creation has failed.
    is_refused = step.error is not None and step.error.status >= 400
    return operation.spec.goal is Goal.EXISTS and operation.phase == Phase.CLEAR and is_refused


def shows_missing(operation: Operation, step: Done) -> bool:
    """Whether Azure reported, once, that the endpoint that an operation depends on does not exist."""
    goal = operation.spec.goal
    if step.error is None or goal is Goal.ABSENT:
        return False
    is_creation = goal is Goal.EXISTS and operation.phase not in {Phase.FOLLOWING, Phase.CONFIRMING}
    return not is_creation and absence_in(step.error, operation.endpoint.arm_id) is Absence.PROVED


def unread(step: Done) -> str:
    """Why the response says nothing about the endpoint, as a sentence; empty if it does."""
    error = step.error
    if step.outcome != Outcome.ERROR or error is None:
        return ""
    if error.code in {"AzureUnavailable", "UnreadableResponse", "UnreadableStatus"}:
        return error.message
    return describe(error) if error.status == 404 or error.status in TRANSIENT else ""


def describe(error: ArmError) -> str:
    """The status and the code as a sentence."""
    code = "" if error.code == str(error.status) else f" {error.code[:100]}"
    return f"Azure returned {error.status}{code}."


def _after_creation(operation: Operation, step: Done) -> Resolution:
    if step.outcome == Outcome.SUCCEEDED:
        return _described(*state_at_rest(resource_of(step)))
    return _described(State.UNKNOWN if _may_be_in_azure(operation, step) else State.FAILED, _cause(step))


def _after_deletion(operation: Operation, step: Done) -> Resolution:
    if step.outcome == Outcome.SUCCEEDED:
        return Resolution(State.DELETED, "", operation.spec.done_text, {"inference_uri": ""})
    if _may_be_in_azure(operation, step):
        return Resolution(State.UNKNOWN, _cause(step), f"The deletion could not be confirmed: {_cause(step)}")
    text, observed = operation.spec.failed_text.format(cause=_cause(step)), operation.endpoint.observed
    if step.outcome == Outcome.ERROR and observed and observed.is_resource:
        return _kept(operation, text)
    return Resolution(State.FAILED, _cause(step), text)


def _after_change(operation: Operation, step: Done) -> Resolution:
    """A change that failed leaves the endpoint as it was."""
    if step.outcome == Outcome.SUCCEEDED:
        resource = resource_of(step) if operation.spec.reads_resource else None
        shown = state_of(resource) if resource else state_at_rest(operation.endpoint.observed)
        return Resolution(*shown, operation.spec.done_text)
    text = operation.spec.failed_text.format(cause=_cause(step))
    is_404 = step.error is not None and step.error.status == 404
    if operation.spec.reads_resource and _may_be_in_azure(operation, step) and not is_404:
        return Resolution(State.UNKNOWN, _cause(step), text)
    return _kept(operation, text)


AFTER: dict[Goal, Callable[[Operation, Done], Resolution]] = {
    Goal.EXISTS: _after_creation,
    Goal.INCLUDES: _after_change,
    Goal.ABSENT: _after_deletion,
    Goal.RESPONSE: _after_change,
}


def _kept(operation: Operation, text: str) -> Resolution:
    """The state that Azure last reported."""
    return Resolution(*state_at_rest(operation.endpoint.observed), text, is_kept=True)


def _described(state: State, reason: str) -> Resolution:
    return Resolution(state, reason, f"{state.label}: {reason}" if reason else state.label)


def _cause(step: Done) -> str:
    return explain(step.error).title if step.error else "Azure gave no reason."


def _may_be_in_azure(operation: Operation, step: Done) -> bool:
    """Whether Azure may have acted on the request, or on an earlier one, although its end was not read."""
    if step.outcome != Outcome.ERROR:
        return False
    return operation.phase in {Phase.SENDING, Phase.FOLLOWING, Phase.CONFIRMING} or _was_sent_before(operation, step)


def _was_sent_before(operation: Operation, step: Done) -> bool:
    sent_at = operation.endpoint.sent_at
    is_precheck = operation.spec.goal is Goal.EXISTS and operation.phase == Phase.QUEUED
    return is_precheck and bool(unread(step)) and sent_at is not None and sent_at < operation.requested_at
