"""Read the resource before a request is sent, and after one whose response was not recorded."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from endpoints.arm.errors import ArmError
from endpoints.arm.headers import retry_after
from endpoints.arm.http import ArmResponse, ArmResult, NoResponse
from endpoints.arm.operations import DEFAULT_OPERATION_TIMEOUT, TRANSIENT, Done, InProgress, Outcome, PollState
from endpoints.arm.serverless_endpoint import EndpointUpdate, ServerlessEndpoint
from endpoints.engine.update import (
    RowUpdate,
    client_error,
    deadline,
    in_progress,
    is_past_deadline,
    next_poll,
    settle,
    timed_out,
    try_again_after,
    working_state,
)
from endpoints.kinds import Goal
from endpoints.models import Operation
from endpoints.observed import observed_columns, state_at_rest
from endpoints.states import Phase, State

# How often a PUT or DELETE is sent if Azure keeps answering 5xx and the resource does not change.
MAX_SENDS = 6
# A resource that ARM just accepted may be missing from its next responses for a moment, and a deleted one still there.
MAX_MISSING = 3


def on_precheck(operation: Operation, response: ArmResult, now: datetime) -> RowUpdate:
    goal = operation.spec.goal
    if goal is Goal.RESPONSE:
        return outcome_unknown(operation, now)
    if goal is Goal.ABSENT and operation.phase == Phase.QUEUED:
        text = "Deleted here. Nothing was ever sent to Azure, so nothing was deleted there."
        return replace(settle(operation, Done(Outcome.SUCCEEDED), now), text=text)
    if isinstance(response, NoResponse) or response.status in TRANSIENT:
        return try_again_after(operation, response, now)
    return ON_RESOURCE[goal](operation, response, now)


def outcome_unknown(operation: Operation, now: datetime) -> RowUpdate:
    message = "The connection broke while Azure was making a new key. A second request would make another one."
    return settle(operation, client_error("OutcomeUnknown", message), now)


def _resume_creation(operation: Operation, response: ArmResponse, now: datetime) -> RowUpdate:
    if response.status == 404:
        return _on_missing(operation, now)
    if response.status != 200:
        return _settle_with_error(operation, response, now)
    resource = ServerlessEndpoint.from_json(response.object)
    if operation.phase == Phase.SENDING or operation.endpoint.sent_at:
        return _continue_creation(operation, resource, now)
    message = f"The workspace already holds an endpoint named {operation.endpoint.name}. Nothing was changed in Azure."
    return settle(operation, client_error("AlreadyExists", message), now)


def _on_missing(operation: Operation, now: datetime) -> RowUpdate:
    if operation.sends >= MAX_SENDS and operation.error:
        failed = Done(Outcome.ERROR, error=ArmError.from_json(operation.error))
        return replace(settle(operation, failed, now), state=State.FAILED)
    if operation.sends:
        return _send_again(operation, State.CREATING, "It is not in Azure; sending it again.", now)
    return _send_again(operation, State.QUEUED, "The name is free in the workspace.", now)


def _continue_creation(operation: Operation, resource: ServerlessEndpoint, now: datetime) -> RowUpdate:
    """Azure holds what an earlier PUT of ours made: send again if that failed, else follow it."""
    status = resource.provisioning_state
    if operation.phase == Phase.QUEUED and status.lower() in {"failed", "canceled"}:
        text = f"Azure still holds the previous attempt ({status}); sending again."
        return _send_again(operation, State.QUEUED, text, now)
    if resource.model_id and resource.model_id.lower() != operation.endpoint.model_id.lower():
        return _model_mismatch(operation, resource, now)
    return _follow_resource(operation, "Azure already holds it; following it from here.", resource, now)


def _model_mismatch(operation: Operation, resource: ServerlessEndpoint, now: datetime) -> RowUpdate:
    """An earlier request was carried out after all, and this one has another model: show what Azure holds."""
    message = f"Azure holds {operation.endpoint.name} with the model {resource.model_id}. Nothing was sent."
    update = settle(operation, client_error("ModelMismatch", message), now)
    state, reason = state_at_rest(resource)
    endpoint = {**observed_columns(resource, now), "model_id": resource.model_id}
    return replace(update, state=state, reason=reason, endpoint=endpoint, text=message)


def _follow_resource(operation: Operation, text: str, resource: ServerlessEndpoint, now: datetime) -> RowUpdate:
    deadline_at = now + DEFAULT_OPERATION_TIMEOUT
    columns = {"phase": Phase.FOLLOWING, "next_step_at": now, "faults": 0, "deadline_at": deadline_at}
    state = working_state(operation, accepted=True)
    return RowUpdate(columns, state, endpoint=observed_columns(resource, now), text=text)


def _resume_update(operation: Operation, response: ArmResponse, now: datetime) -> RowUpdate:
    """A PATCH left and its response is not known. It must not be sent twice, so the resource decides."""
    if response.status != 200:
        return _settle_with_error(operation, response, now)
    resource = ServerlessEndpoint.from_json(response.object)
    if resource.provisioning_state.lower() == "updating":
        return _follow_resource(operation, "Azure is applying the change; following it from here.", resource, now)
    if resource.includes(EndpointUpdate.from_json(operation.body or {})):
        return settle(operation, Done(Outcome.SUCCEEDED, response.object), now)
    update = settle(operation, client_error("ChangeNotSeen", "Azure does not show the requested change."), now)
    state, reason = state_at_rest(resource)
    return replace(update, state=state, reason=reason, endpoint=observed_columns(resource, now))


def on_deletion_read(operation: Operation, response: ArmResponse, now: datetime) -> RowUpdate:
    """A GET of what is being deleted: only a 404 proves the end."""
    if response.status == 404:
        return settle(operation, Done(Outcome.SUCCEEDED), now)
    if response.status != 200:
        return _settle_with_error(operation, response, now)
    resource = ServerlessEndpoint.from_json(response.object)
    if is_past_deadline(operation, now):
        return replace(settle(operation, timed_out(), now), endpoint=observed_columns(resource, now))
    if resource.provisioning_state.lower() == "deleting":
        state = PollState("DELETE", confirming=operation.phase == Phase.CONFIRMING)
        step = InProgress(state, retry_after(response), resource.provisioning_state, response.object)
        return in_progress(operation, step, now)
    return _still_there(operation, response, resource, now)


def _still_there(operation: Operation, response: ArmResponse, resource: ServerlessEndpoint, now: datetime) -> RowUpdate:
    observed = observed_columns(resource, now)
    if operation.phase == Phase.SENDING and operation.sends < MAX_SENDS:
        update = _send_again(operation, State.DELETING, "Azure still holds it; sending the deletion again.", now)
        return replace(update, endpoint=observed)
    if operation.confirmations < MAX_MISSING:
        columns = {
            "phase": Phase.CONFIRMING,
            "confirmations": operation.confirmations + 1,
            "next_step_at": next_poll(deadline(operation, now), operation.confirmations, retry_after(response), now),
        }
        return RowUpdate(columns, State.DELETING, endpoint=observed)
    failed = client_error("NotDeleted", "Azure reported the end of the deletion and still shows the endpoint.")
    return replace(settle(operation, failed, now), endpoint=observed)


ON_RESOURCE: dict[Goal, Callable[[Operation, ArmResponse, datetime], RowUpdate]] = {
    Goal.EXISTS: _resume_creation,
    Goal.INCLUDES: _resume_update,
    Goal.ABSENT: on_deletion_read,
}


def _send_again(operation: Operation, state: State, text: str, now: datetime) -> RowUpdate:
    columns: dict[str, Any] = {"phase": Phase.CLEAR, "next_step_at": now, "faults": 0}
    return RowUpdate(columns, state, text=text)


def _settle_with_error(operation: Operation, response: ArmResponse, now: datetime) -> RowUpdate:
    return settle(operation, Done(Outcome.ERROR, error=ArmError.from_response(response)), now)
