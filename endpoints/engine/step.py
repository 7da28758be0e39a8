"""One step of an operation: from its row and Azure's response to the next row.

`plan` names the one request that is due, `conclude` reads its response. Neither reads a clock or the network, and both
depend on the row alone; `calls.py` sends the requests, `record.py` writes the updates. `precheck.py` reads the
resource before a request is sent, and after one whose response was lost.

The rules are those of Azure Resource Manager's asynchronous operations:
https://learn.microsoft.com/en-us/azure/azure-resource-manager/management/async-operations
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from endpoints.arm.challenge import claims_challenge
from endpoints.arm.errors import ArmError
from endpoints.arm.headers import operation_timeout
from endpoints.arm.http import ArmRequest, ArmResponse, ArmResult
from endpoints.arm.operations import (
    DEFAULT_OPERATION_TIMEOUT,
    TRANSIENT,
    Done,
    InProgress,
    Outcome,
    PollState,
    Retry,
)
from endpoints.arm.polling import begin, follow
from endpoints.arm.serverless_endpoint import ServerlessEndpoint
from endpoints.engine.precheck import MAX_MISSING, on_deletion_read, on_precheck, outcome_unknown
from endpoints.engine.update import (
    RowUpdate,
    client_error,
    deadline,
    in_progress,
    is_past_deadline,
    must_give_up,
    next_poll,
    poll_state,
    response_columns,
    settle,
    timed_out,
    try_again,
    working_state,
)
from endpoints.kinds import Goal
from endpoints.models import Operation
from endpoints.observed import is_moving, observed_columns, resource_of
from endpoints.states import Phase, State

# When to try an operation again that raised: its cause is in this program or in a response, and neither changes soon.
QUARANTINE_FOR = timedelta(minutes=15)


def plan(operation: Operation, resource_url: str, now: datetime) -> ArmRequest:
    """The one request to Azure that is due next."""
    if operation.phase == Phase.CLEAR:
        return ArmRequest(operation.spec.method, target_url(operation, resource_url), operation.body)
    if operation.phase in {Phase.FOLLOWING, Phase.CONFIRMING} and not is_past_deadline(operation, now):
        return ArmRequest("GET", poll_state(operation).next_url(resource_url) or resource_url)
    return ArmRequest("GET", resource_url)


def target_url(operation: Operation, resource_url: str) -> str:
    """The URL of the resource, or of an action on it."""
    path, separator, query = resource_url.partition("?")
    return f"{path}{operation.spec.action_path}{separator}{query}"


def conclude(
    operation: Operation, request: ArmRequest, resource_url: str, response: ArmResult, now: datetime
) -> RowUpdate:
    """The update of the row after the response to `plan`'s request."""
    if isinstance(response, ArmResponse) and response.status == 401:
        return _on_unauthorized(operation, response, now)
    update = _read(operation, request, resource_url, response, now)
    # Azure accepted the token, so that the next one may come from the cache again.
    return replace(update, operation={**update.operation, "force_token_refresh": False})


def _read(
    operation: Operation, request: ArmRequest, resource_url: str, response: ArmResult, now: datetime
) -> RowUpdate:
    if request.method != "GET":
        return _on_send(operation, request.url, response, now)
    if operation.phase in {Phase.QUEUED, Phase.SENDING}:
        return on_precheck(operation, response, now)
    return _on_poll(operation, resource_url, response, now)


def park(operation: Operation, reason: str, claims: str, now: datetime) -> RowUpdate:
    """Wait until the user signs in; nothing is due before."""
    columns = {"next_step_at": None, "needs_sign_in": True, "claims": claims, "force_token_refresh": False}
    return RowUpdate(columns, State.NEEDS_SIGN_IN, reason, text=reason, confirmed=False)


def retry_later(operation: Operation, reason: str, now: datetime) -> RowUpdate:
    """Nothing could be sent for now."""
    return try_again(operation, None, reason, now)


def quarantine(operation: Operation, now: datetime) -> RowUpdate:
    """Keep an operation that raised away from the others for a while."""
    if must_give_up(operation, now):
        return settle(
            operation, client_error("NotFollowed", "Endpoint Desk could not continue with this operation."), now
        )
    columns = {"next_step_at": now + QUARANTINE_FOR, "has_retry_after": False}
    reason = f"Endpoint Desk could not continue. Trying again in {QUARANTINE_FOR.seconds // 60} minutes."
    return RowUpdate(columns, State.UNKNOWN, reason, text=reason, confirmed=False)


def refuse(operation: Operation, code: str, message: str, now: datetime) -> RowUpdate:
    """End an operation that the dashboard no longer allows."""
    return settle(operation, client_error(code, message), now)


def _on_unauthorized(operation: Operation, response: ArmResponse, now: datetime) -> RowUpdate:
    """Azure rejected the token and did nothing: get a new one once, then park.

    https://learn.microsoft.com/en-us/entra/identity-platform/claims-challenge
    """
    if claims := claims_challenge(response):
        reason = "Azure requires a stronger sign-in, such as multifactor authentication."
        update = park(operation, reason, claims, now)
    elif operation.force_token_refresh:
        update = park(operation, "Azure rejected the sign-in.", "", now)
    else:
        columns = {"next_step_at": now, "force_token_refresh": True}
        update = RowUpdate(columns, working_state(operation), operation.endpoint.reason)
    # The row says "sending" since before the request left; nothing of it was carried out.
    return replace(update, operation={**update.operation, "phase": operation.phase})


def _on_send(operation: Operation, url: str, response: ArmResult, now: datetime) -> RowUpdate:
    step = begin(operation.spec.method, response, url)
    if isinstance(step, Retry):
        return _on_retry(operation, step, response, now)
    if isinstance(step, Done):
        return _on_immediate_result(operation, step, response, now)
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
        "phase": Phase.SENDING if step.may_have_arrived else Phase.CLEAR,
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
        return _on_terminal(operation, step, now)
    if operation.spec.goal is Goal.ABSENT:
        return _confirm_deletion(operation, f"Azure returned {status}.", now)
    update = settle(operation, step, now)
    return replace(update, state=State.UNKNOWN) if status < 400 else update


def _on_outcome_unknown(operation: Operation, now: datetime) -> RowUpdate:
    """Azure may have carried out a PATCH or POST, which must not be sent twice."""
    if not operation.spec.reads_resource:
        return outcome_unknown(operation, now)
    update = try_again(operation, None, "Azure did not confirm the change.", now)
    return replace(update, operation={"phase": Phase.SENDING, **update.operation})


def _on_poll(operation: Operation, resource_url: str, response: ArmResult, now: datetime) -> RowUpdate:
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
        return _on_terminal(operation, step, now)
    return _give_up(operation, step, now) if overdue else in_progress(operation, step, now)


def _on_terminal(operation: Operation, step: Done, now: datetime) -> RowUpdate:
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
        return _confirm_deletion(operation, "Azure finished the deletion.", now)
    if operation.spec.reads_resource and not is_past_deadline(operation, now):
        resource = resource_of(step)
        if resource is None or is_moving(resource):
            return _not_yet_online(operation, resource, now)
    return settle(operation, step, now)


def _confirm_deletion(operation: Operation, text: str, now: datetime) -> RowUpdate:
    """A finished deletion is not yet an absent resource: read the resource until it is gone."""
    columns: dict[str, Any] = {"phase": Phase.CONFIRMING, "monitor_url": "", "result_url": "", "polls": 0, "faults": 0}
    columns |= {"next_step_at": now, "deadline_at": deadline(operation, now)}
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
