"""One step of an operation: from what its row holds and what ARM answers to what the row holds next.

`plan` names the single call that is due, `conclude` reads its answer. Neither asks a clock or the network, and all they
look at stands in the row; `loop.py` sends the calls, `record.py` writes the changes.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from endpoints.arm.challenge import claims_challenge
from endpoints.arm.errors import ArmError
from endpoints.arm.headers import operation_timeout, retry_after
from endpoints.arm.http import ArmRequest, ArmResponse, ArmResult, NoResponse
from endpoints.arm.operations import (
    TRANSIENT,
    Done,
    InProgress,
    Outcome,
    PollState,
    Retry,
    begin,
    follow,
)
from endpoints.engine.observe import (
    endpoint_state,
    holds,
    is_moving,
    model_id,
    observed_columns,
    provisioning_state,
    state_at_rest,
)
from endpoints.engine.update import (
    FOLLOWED_FOR,
    RowUpdate,
    again,
    deadline,
    ended_in_error,
    fault,
    is_overdue,
    next_poll,
    not_followed,
    poll_state,
    running,
    seen_columns,
    settle,
    time_is_up,
    working_state,
)
from endpoints.kinds import Goal
from endpoints.models import Operation
from endpoints.states import Phase, State

# How often a PUT or DELETE is sent when Azure keeps answering 5xx and nothing came of it.
MAX_SENDS = 6
# A resource that ARM just accepted may be missing from its next answers for a moment, and a deleted one still there.
MAX_MISSING = 3
# When an operation that raised is tried again: its cause is in this program or in an answer, and neither goes by soon.
QUARANTINE_FOR = timedelta(minutes=15)


def plan(operation: Operation, resource_url: str, now: datetime) -> ArmRequest:
    """The one call to ARM that comes next."""
    if operation.phase == Phase.CLEAR:
        return ArmRequest(operation.spec.method, target_url(operation, resource_url), operation.body)
    if operation.phase in {Phase.FOLLOWING, Phase.CONFIRMING} and not is_overdue(operation, now):
        return ArmRequest("GET", poll_state(operation).next_url(resource_url) or resource_url)
    return ArmRequest("GET", resource_url)


def target_url(operation: Operation, resource_url: str) -> str:
    """Where the request of an operation goes: to the resource, or to an action on it."""
    path, separator, query = resource_url.partition("?")
    return f"{path}{operation.spec.action_path}{separator}{query}"


def conclude(
    operation: Operation, request: ArmRequest, resource_url: str, response: ArmResult, now: datetime
) -> RowUpdate:
    """What the row holds after ARM's response to `plan`'s call."""
    if isinstance(response, ArmResponse) and response.status == 401:
        return _challenged(operation, response, now)
    change = _read(operation, request, resource_url, response, now)
    # A token that Azure took is good, and need not be asked for anew next time.
    return replace(change, operation={**change.operation, "force_token_refresh": False})


def _read(
    operation: Operation, request: ArmRequest, resource_url: str, response: ArmResult, now: datetime
) -> RowUpdate:
    if request.method != "GET":
        return _on_send(operation, request.url, response, now)
    if operation.phase in {Phase.QUEUED, Phase.SENDING}:
        return _on_precheck(operation, resource_url, response, now)
    return _on_poll(operation, resource_url, response, now)


def park(operation: Operation, reason: str, claims: str, now: datetime) -> RowUpdate:
    """Wait for the person to sign in; nothing is due until then."""
    columns = {"next_step_at": None, "needs_sign_in": True, "claims": claims, "force_token_refresh": False}
    return RowUpdate(columns, State.NEEDS_SIGN_IN, reason, text=reason, confirmed=False)


def retry_later(operation: Operation, reason: str, now: datetime) -> RowUpdate:
    """Nothing could be asked; come again later."""
    return again(operation, None, reason, now)


def quarantine(operation: Operation, now: datetime) -> RowUpdate:
    """The step raised: keep out of the way of the others for a while."""
    if time_is_up(operation, now):
        return settle(
            operation, ended_in_error("NotFollowed", "Endpoint Desk could not go on with this operation."), now
        )
    columns = {"next_step_at": now + QUARANTINE_FOR, "has_retry_after": False}
    reason = f"Endpoint Desk could not go on, and tries again in {QUARANTINE_FOR.seconds // 60} minutes."
    return RowUpdate(columns, State.UNKNOWN, reason, text=reason, confirmed=False)


def refuse(operation: Operation, code: str, message: str, now: datetime) -> RowUpdate:
    """Resolution an operation that this dashboard does not allow any more."""
    return settle(operation, ended_in_error(code, message), now)


def _challenged(operation: Operation, response: ArmResponse, now: datetime) -> RowUpdate:
    """Azure did not take the token, and did nothing: ask for a new one once, or for the person."""
    back = {"phase": operation.phase}
    if claims := claims_challenge(response):
        change = park(operation, "Azure asks for a stronger sign-in, such as multifactor authentication.", claims, now)
    elif operation.force_token_refresh:
        change = park(operation, "Azure did not accept the sign-in.", "", now)
    else:
        columns = {"next_step_at": now, "force_token_refresh": True}
        change = RowUpdate(columns, working_state(operation), operation.endpoint.reason)
    return replace(change, operation={**change.operation, **back})


def _on_precheck(operation: Operation, resource_url: str, response: ArmResult, now: datetime) -> RowUpdate:
    """Before a request, and after one whose answer was not recorded: what does Azure hold?"""
    goal = operation.spec.goal
    if goal is Goal.RESPONSE:
        return _outcome_unknown(operation, now)
    if goal is Goal.ABSENT and operation.phase == Phase.QUEUED:
        text = "Deleted here; nothing of it was ever sent to Azure, so nothing was deleted there."
        return replace(settle(operation, Done(Outcome.SUCCEEDED), now), text=text)
    if isinstance(response, NoResponse) or response.status in TRANSIENT:
        return fault(operation, response, now)
    if goal is Goal.REFRESHED:
        return _on_poll(operation, resource_url, response, now)
    return SEEN[goal](operation, response, now)


def _creation_seen(operation: Operation, response: ArmResponse, now: datetime) -> RowUpdate:
    if response.status == 404:
        return _on_missing(operation, now)
    if response.status != 200:
        return settle(operation, Done(Outcome.ERROR, error=ArmError.from_response(response)), now)
    if operation.phase == Phase.SENDING or operation.endpoint.sent_at:
        return _adopt(operation, response, now)
    message = f"The workspace already holds an endpoint named {operation.endpoint.name}. Nothing was changed in Azure."
    return settle(operation, ended_in_error("AlreadyExists", message), now)


def _on_missing(operation: Operation, now: datetime) -> RowUpdate:
    if operation.sends >= MAX_SENDS and operation.error:
        change = settle(operation, Done(Outcome.ERROR, error=ArmError.from_json(operation.error)), now)
        return replace(change, state=State.FAILED)
    columns = {"phase": Phase.CLEAR, "next_step_at": now, "faults": 0}
    text = "Azure does not hold it, so it is sent again." if operation.sends else "The name is free in the workspace."
    return RowUpdate(columns, State.QUEUED if not operation.sends else State.CREATING, text=text)


def _adopt(operation: Operation, response: ArmResponse, now: datetime) -> RowUpdate:
    """Azure holds what an earlier PUT of ours made: send it again if that failed, else follow it."""
    status = provisioning_state(response.object)
    if operation.phase == Phase.QUEUED and status.lower() in {"failed", "canceled"}:
        text = f"Azure still holds the attempt before ({status}); it is sent again."
        return RowUpdate({"phase": Phase.CLEAR, "next_step_at": now, "faults": 0}, State.QUEUED, text=text)
    if (model := model_id(response.object)) and model.lower() != operation.endpoint.model_id.lower():
        return _model_mismatch(operation, response, model, now)
    return _follow_resource(operation, "Azure already holds it; it is followed from here.", response, now)


def _model_mismatch(operation: Operation, response: ArmResponse, model: str, now: datetime) -> RowUpdate:
    """An earlier request was carried out after all, and this one asks for another model: show what there is."""
    message = f"Azure holds {operation.endpoint.name} with the model {model}. Nothing was sent."
    change = settle(operation, ended_in_error("ModelMismatch", message), now)
    state, reason = state_at_rest(response.object)
    endpoint = {**observed_columns(response.object, now), "model_id": model}
    return replace(change, state=state, reason=reason, endpoint=endpoint, text=message)


def _follow_resource(operation: Operation, text: str, response: ArmResponse, now: datetime) -> RowUpdate:
    columns = {"phase": Phase.FOLLOWING, "next_step_at": now, "faults": 0, "deadline_at": now + FOLLOWED_FOR}
    endpoint = observed_columns(response.object, now)
    return RowUpdate(columns, working_state(operation, following=True), endpoint=endpoint, text=text)


def _update_seen(operation: Operation, response: ArmResponse, now: datetime) -> RowUpdate:
    """A PATCH left and its answer is not known; it must not be sent twice, so the resource tells what came of it."""
    if response.status != 200:
        return settle(operation, Done(Outcome.ERROR, error=ArmError.from_response(response)), now)
    if provisioning_state(response.object).lower() == "updating":
        return _follow_resource(operation, "Azure works on the change; it is followed from here.", response, now)
    if holds(response.object, operation.body or {}):
        return settle(operation, Done(Outcome.SUCCEEDED, response.object), now)
    change = settle(
        operation, ended_in_error("ChangeNotSeen", "Azure does not show the change that was asked for."), now
    )
    state, reason = state_at_rest(response.object)
    return replace(change, state=state, reason=reason, endpoint=observed_columns(response.object, now))


def _outcome_unknown(operation: Operation, now: datetime) -> RowUpdate:
    message = "The connection broke while Azure was asked for a new key. A second request would make another one."
    return settle(operation, ended_in_error("OutcomeUnknown", message), now)


def _deletion_seen(operation: Operation, response: ArmResponse, now: datetime) -> RowUpdate:
    """A GET of what is being deleted: 404 is the proof, and nothing else is."""
    if response.status == 404:
        return settle(operation, Done(Outcome.SUCCEEDED), now)
    if response.status != 200:
        return settle(operation, Done(Outcome.ERROR, error=ArmError.from_response(response)), now)
    status, seen = provisioning_state(response.object), observed_columns(response.object, now)
    if is_overdue(operation, now):
        return replace(settle(operation, not_followed(), now), endpoint=seen)
    if status.lower() == "deleting":
        state = PollState("DELETE", confirming=operation.phase == Phase.CONFIRMING)
        return running(operation, InProgress(state, retry_after(response), status, response.object), now)
    if operation.phase == Phase.SENDING and operation.sends < MAX_SENDS:
        columns = {"phase": Phase.CLEAR, "next_step_at": now, "faults": 0}
        text = "Azure still holds it, so the deletion is sent again."
        return RowUpdate(columns, State.DELETING, endpoint=seen, text=text)
    if operation.confirmations < MAX_MISSING:
        columns = {
            "phase": Phase.CONFIRMING,
            "confirmations": operation.confirmations + 1,
            "next_step_at": next_poll(deadline(operation, now), operation.confirmations, retry_after(response), now),
        }
        return RowUpdate(columns, State.DELETING, endpoint=seen)
    error = ended_in_error("NotDeleted", "Azure reported the end of the deletion and still shows the endpoint.")
    return replace(settle(operation, error, now), endpoint=seen)


SEEN = {Goal.EXISTS: _creation_seen, Goal.INCLUDES: _update_seen, Goal.ABSENT: _deletion_seen}


def _on_send(operation: Operation, url: str, response: ArmResult, now: datetime) -> RowUpdate:
    step = begin(operation.spec.method, response, url)
    if isinstance(step, Retry):
        return _retry(operation, step, response, now)
    if isinstance(step, Done):
        if step.outcome_unknown:
            return _unanswered(operation, step, now)
        status = response.status if isinstance(response, ArmResponse) else 0
        if step.outcome != Outcome.ERROR or 400 <= status != 404:
            return _on_terminal(operation, step, now)
        if operation.spec.goal is Goal.ABSENT:
            return _confirm_deletion(operation, f"Azure answered {status}.", now)
        change = settle(operation, step, now)
        return replace(change, state=State.UNKNOWN) if status < 400 else change
    limit = operation_timeout(response) if isinstance(response, ArmResponse) else None
    deadline_at = now + (limit or FOLLOWED_FOR)
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
    text = f"Azure accepted the request{_says(step.status)}."
    state = working_state(operation, following=True)
    return RowUpdate(columns, state, endpoint=seen_columns(operation, step.resource, now), text=text)


def _retry(operation: Operation, step: Retry, response: ArmResult, now: datetime) -> RowUpdate:
    """Azure did not take the request, or perhaps did: then the next step looks before anything is sent again."""
    change = again(operation, step.wait, step.fault, now)
    error = ArmError.from_response(response).as_json() if isinstance(response, ArmResponse) else None
    columns = {"phase": Phase.SENDING if step.may_have_arrived else Phase.CLEAR, "error": error}
    state = change.state if change.is_end else working_state(operation, following=step.may_have_arrived)
    return replace(change, operation={**columns, **change.operation}, state=state)


def _unanswered(operation: Operation, step: Done, now: datetime) -> RowUpdate:
    """A PATCH or POST that Azure may have carried out, and that must not be sent again."""
    if operation.spec.goal is Goal.RESPONSE:
        return _outcome_unknown(operation, now)
    change = again(operation, None, "Azure did not say whether it took the change.", now)
    return replace(change, operation={"phase": Phase.SENDING, **change.operation})


def _on_poll(operation: Operation, resource_url: str, response: ArmResult, now: datetime) -> RowUpdate:
    overdue, state = is_overdue(operation, now), poll_state(operation)
    if overdue and not operation.spec.reads_resource:
        return settle(operation, not_followed(), now)
    reads_resource = overdue or state.next_url(resource_url) in {"", resource_url}
    if (
        operation.spec.goal is Goal.ABSENT
        and reads_resource
        and isinstance(response, ArmResponse)
        and response.status not in TRANSIENT
    ):
        return _deletion_seen(operation, response, now)
    step = follow(PollState(state.method) if overdue else state, response, target_url(operation, resource_url))
    if isinstance(step, Done):
        return _on_terminal(operation, step, now)
    return _give_up(operation, step, now) if overdue else running(operation, step, now)


def _on_terminal(operation: Operation, step: Done, now: datetime) -> RowUpdate:
    """An end was read. Some ends only mean that the status could not be read that way."""
    error = step.error
    following = operation.phase in {Phase.FOLLOWING, Phase.CONFIRMING} and not is_overdue(operation, now)
    has_resource = operation.spec.reads_resource
    if step.outcome == Outcome.ERROR and error and following and has_resource:
        if (operation.monitor_url or operation.result_url) and operation.phase == Phase.FOLLOWING:
            text = f"The status of the operation cannot be read ({error.code}); the endpoint itself is read instead."
            columns = {"monitor_url": "", "result_url": "", "unreadable": 0, "next_step_at": now}
            return RowUpdate(columns, working_state(operation), text=text)
        if error.status == 404 and operation.unreadable < MAX_MISSING:
            return again(operation, None, "Azure does not show the endpoint yet.", now, unreadable=1)
    if step.outcome == Outcome.SUCCEEDED:
        if operation.spec.goal is Goal.ABSENT:
            return _confirm_deletion(operation, "Azure finished the deletion.", now)
        if has_resource and (step.resource is None or is_moving(step.resource)):
            return _not_quite_there(operation, step, now)
    return settle(operation, step, now)


def _confirm_deletion(operation: Operation, text: str, now: datetime) -> RowUpdate:
    """What Azure says of its operation is not yet what it holds: read the resource until it is gone."""
    columns: dict[str, Any] = {"phase": Phase.CONFIRMING, "monitor_url": "", "result_url": "", "polls": 0, "faults": 0}
    columns |= {"next_step_at": now, "deadline_at": deadline(operation, now)}
    return RowUpdate(columns, State.DELETING, text=text)


def _not_quite_there(operation: Operation, step: Done, now: datetime) -> RowUpdate:
    """The operation succeeded and the service is on its way: read the resource until it is there or time is up."""
    if is_overdue(operation, now):
        return settle(operation, step, now)
    columns = {"phase": Phase.CONFIRMING, "polls": operation.polls + 1, "faults": 0}
    columns["deadline_at"] = until = deadline(operation, now)
    columns["next_step_at"] = next_poll(until, operation.polls, None, now) if step.resource else now
    status = endpoint_state(step.resource)
    text = "" if operation.arm_status == status else f"Azure finished the operation{_says(status)}."
    columns["arm_status"] = status[:100]
    state = working_state(operation, following=True)
    return RowUpdate(columns, state, endpoint=observed_columns(step.resource, now), text=text)


def _give_up(operation: Operation, step: InProgress, now: datetime) -> RowUpdate:
    """Past the deadline one last look told no end: say so instead of guessing."""
    change = settle(operation, not_followed(), now)
    return replace(change, endpoint={**change.endpoint, **observed_columns(step.resource, now)})


def _says(status: str) -> str:
    return f" and says {status}" if status else ""
