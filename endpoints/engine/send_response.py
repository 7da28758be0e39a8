"""The responses to requests that change something in Azure: accepted, refused, or lost."""

from dataclasses import replace
from datetime import datetime

from endpoints.arm.absence import Absence, absence
from endpoints.arm.errors import ArmError
from endpoints.arm.headers import operation_timeout
from endpoints.arm.http import ArmResponse, ArmResult
from endpoints.arm.operations import DEFAULT_OPERATION_TIMEOUT, Done, InProgress, Outcome, Retry
from endpoints.arm.polling import ACCEPTED, begin
from endpoints.arm.serverless_endpoint import ServerlessEndpoint
from endpoints.engine.deletion import on_refused_as_missing
from endpoints.engine.poll_response import confirm_deletion, on_terminal
from endpoints.engine.precheck import outcome_unknown
from endpoints.engine.provenance import created, is_by_another_principal
from endpoints.engine.update import (
    RowUpdate,
    could_not_read,
    next_poll,
    response_columns,
    settle,
    try_again,
    working_state,
)
from endpoints.kinds import Goal
from endpoints.models import Operation
from endpoints.states import Phase, State


def on_send(operation: Operation, url: str, response: ArmResult, now: datetime) -> RowUpdate:
    step = begin(operation.spec.method, response, url)
    if isinstance(step, Retry):
        return _on_retry(operation, step, response, now)
    if isinstance(step, Done):
        update = _on_immediate_result(operation, step, response, now)
    else:
        update = _on_accepted(operation, step, response, now)
    if operation.spec.goal is Goal.EXISTS and isinstance(response, ArmResponse) and response.status in ACCEPTED:
        return _with_owner(operation, response, update)
    return update


def _with_owner(operation: Operation, response: ArmResponse, update: RowUpdate) -> RowUpdate:
    """The owner is the user whose PUT Azure accepted, unless it changed an endpoint that someone else made meanwhile.

    Azure returns 200 instead of 201 if the resource existed:
    https://learn.microsoft.com/en-us/rest/api/azureml/serverless-endpoints/create-or-update#response
    """
    resource = ServerlessEndpoint.from_json(response.object)
    if response.status != 200 or not is_by_another_principal(operation, resource):
        return replace(update, endpoint={**update.endpoint, "owner_id": operation.requested_by_id})
    text = f"{update.text} It changed an endpoint that existed already{created(resource)}."
    return replace(update, endpoint={**update.endpoint, "owner_id": None}, text=text)


def _on_accepted(operation: Operation, step: InProgress, response: ArmResult, now: datetime) -> RowUpdate:
    limit = operation_timeout(response) if isinstance(response, ArmResponse) else None
    deadline_at = now + (limit or DEFAULT_OPERATION_TIMEOUT)
    columns = {
        "phase": Phase.FOLLOWING,
        "monitor_url": step.state.monitor_url,
        "result_url": step.state.result_url,
        "faults": 0,
        "unreadable": 0,
        "polls": 0,
        "arm_status": step.status[:100],
        "has_retry_after": step.wait is not None,
        "deadline_at": deadline_at,
        "next_step_at": next_poll(deadline_at, 0, step.wait, now),
    }
    status = f" with the status {step.status}" if step.status else ""
    state = working_state(operation, accepted=True)
    endpoint = response_columns(operation, step, now)
    return RowUpdate(columns, state, endpoint=endpoint, text=f"Azure accepted the request{status}.")


def _on_retry(operation: Operation, step: Retry, response: ArmResult, now: datetime) -> RowUpdate:
    """Azure did not take the request, or may have: then the next step reads the resource before it sends again."""
    update = try_again(operation, step.wait, step.fault, now)
    columns = {
        # In both phases the resource is read again: by then, Azure may hold another one under the name.
        "phase": Phase.SENDING if step.may_have_arrived else Phase.QUEUED,
        "error": ArmError.from_response(response).as_json() if isinstance(response, ArmResponse) else None,
    }
    state = update.state if update.is_settled else working_state(operation, accepted=step.may_have_arrived)
    return replace(update, operation={**columns, **update.operation}, state=state)


def _on_immediate_result(operation: Operation, step: Done, response: ArmResult, now: datetime) -> RowUpdate:
    """The response to the request itself was the last one."""
    if step.outcome_unknown:
        return _on_outcome_unknown(operation, now)
    status = response.status if isinstance(response, ArmResponse) else 0
    if step.outcome != Outcome.ERROR or 400 <= status != 404:
        return on_terminal(operation, step, now)
    if status == 404:
        assert isinstance(response, ArmResponse)  # noqa: S101  (for the type checker)
        return _on_send_not_found(operation, step, response, now)
    if operation.spec.goal is Goal.ABSENT:
        return confirm_deletion(operation, f"Azure returned {status}.", now)
    return replace(settle(operation, step, now), state=State.UNKNOWN)


def _on_send_not_found(operation: Operation, step: Done, response: ArmResponse, now: datetime) -> RowUpdate:
    if operation.spec.goal is Goal.ABSENT:
        return on_refused_as_missing(operation, response, now)
    is_of_parent = absence(response, operation.endpoint.arm_id) is Absence.OF_PARENT
    if operation.spec.goal is not Goal.EXISTS or not is_of_parent:
        return settle(operation, step, now)
    update = could_not_read(operation, response, now)
    return update if update.is_settled else replace(update, operation={**update.operation, "phase": Phase.QUEUED})


def _on_outcome_unknown(operation: Operation, now: datetime) -> RowUpdate:
    """Azure may have carried out a PATCH or POST, which must not be sent twice."""
    if not operation.spec.reads_resource:
        return outcome_unknown(operation, now)
    update = try_again(operation, None, "Azure did not confirm the change.", now)
    return replace(update, operation={"phase": Phase.SENDING, **update.operation})
