"""Before a PUT: a creation is sent only if Azure proves that its name is free.

The proof has two parts, read one right after the other: a 404 about the resource itself, and a complete list of the
workspace without it. ARM answers a GET from several replicas, and one of them may not know a resource yet; a PUT would
then replace an endpoint that someone else made.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from endpoints.arm.absence import Absence, absence
from endpoints.arm.errors import ArmError
from endpoints.arm.http import ArmResponse, ArmResult, NoResponse
from endpoints.arm.json_fields import JsonObject
from endpoints.arm.operations import DEFAULT_OPERATION_TIMEOUT, TRANSIENT, Done, Outcome
from endpoints.arm.paging import items_in
from endpoints.arm.serverless_endpoint import ServerlessEndpoint
from endpoints.arm.statuses import terminal_status
from endpoints.engine.provenance import created, is_foreign, is_same
from endpoints.engine.update import (
    RowUpdate,
    client_error,
    could_not_read,
    settle,
    settle_with_error,
    try_again,
    try_again_after,
    working_state,
)
from endpoints.kinds import Goal
from endpoints.models import Operation
from endpoints.observed import observed_columns, state_of
from endpoints.states import Phase, State

# How often a PUT or DELETE is sent if Azure keeps answering 5xx and the resource does not change.
MAX_SENDS = 6


def reads_list(operation: Operation) -> bool:
    """Whether the list of the workspace is due: the resource was missing in the read before."""
    is_precheck = operation.phase in {Phase.QUEUED, Phase.SENDING}
    return operation.absences > 0 and is_precheck and operation.spec.goal is Goal.EXISTS


def on_resource_read(operation: Operation, response: ArmResponse, now: datetime) -> RowUpdate:
    """The first part of the proof, or what Azure holds."""
    if response.status == 200:
        resource = ServerlessEndpoint.from_json(response.object)
        return on_found(operation, resource, now) if resource.is_resource else could_not_read(operation, response, now)
    if response.status != 404:
        return settle_with_error(operation, response, now)
    if absence(response, operation.endpoint.arm_id) in {Absence.PROVED, Absence.LIKELY}:
        columns = {"absences": 1, "next_step_at": now}
        return RowUpdate(columns, working_state(operation), operation.endpoint.reason)
    return could_not_read(operation, response, now)


def on_list_read(operation: Operation, pages: Sequence[ArmResult], now: datetime) -> RowUpdate:
    """The second part of the proof. A list that is not complete proves nothing, and both parts are read again."""
    resource = _named(operation.endpoint.name, pages)
    if resource and resource.is_resource:
        return on_found(operation, resource, now)
    if not resource and is_complete(pages):
        return _on_free(operation, now)
    update = _on_incomplete(operation, pages[-1], now)
    return replace(update, operation={"absences": 0, **update.operation})


def is_complete(pages: Sequence[ArmResult]) -> bool:
    """Whether these are all pages of a list, and every item on them has a name."""
    bodies = [page.object for page in pages if isinstance(page, ArmResponse) and page.status == 200]
    return len(bodies) == len(pages) > 0 and all(map(_is_page, bodies)) and not bodies[-1].get("nextLink")


def on_found(operation: Operation, resource: ServerlessEndpoint, now: datetime) -> RowUpdate:
    """Azure holds an endpoint of this name: only what a PUT of ours made is ours."""
    endpoint = operation.endpoint
    if not endpoint.sent_at:
        text = f"The workspace already holds an endpoint named {endpoint.name}{created(resource)}. Nothing was sent."
        return show_found(operation, resource, client_error("AlreadyExists", text), now)
    if is_foreign(operation, resource):
        text = f"Azure holds an endpoint named {endpoint.name}{created(resource)}, which is not the one requested here."
        return show_found(operation, resource, client_error("CreatedElsewhere", text), now)
    return _continue_creation(operation, resource, now)


def show_found(operation: Operation, resource: ServerlessEndpoint, step: Done, now: datetime) -> RowUpdate:
    """End the operation and show what Azure holds. Reading it makes no one its owner."""
    state, reason = state_of(resource)
    columns = {
        **observed_columns(resource, now),
        "model_id": resource.model_id,
        "owner_id": None,
        "requested": ServerlessEndpoint(),
        "sent_at": None,
        "drift": None,
        "drift_since": None,
        "listed_as": "",
    }
    text = step.error.message if step.error else ""
    update = replace(settle(operation, step, now), state=state, reason=reason, endpoint=columns, text=text)
    return replace(update, confirmed=True, needs_check=state.is_working)


def send_again(operation: Operation, state: State, text: str, now: datetime) -> RowUpdate:
    columns: dict[str, Any] = {"phase": Phase.CLEAR, "next_step_at": now, "faults": 0, "absences": 0}
    return RowUpdate(columns, state, text=text)


def requested_model(operation: Operation) -> str:
    return ServerlessEndpoint.from_json(operation.body or {}).model_id


def _on_free(operation: Operation, now: datetime) -> RowUpdate:
    if operation.phase == Phase.SENDING and operation.sends >= MAX_SENDS and operation.error:
        failed = Done(Outcome.ERROR, error=ArmError.from_json(operation.error))
        return replace(settle(operation, failed, now), state=State.FAILED, confirmed=True)
    if operation.phase == Phase.SENDING:
        return send_again(operation, State.CREATING, "It is not in Azure; sending it again.", now)
    text = "" if operation.sends else "The name is free in the workspace."
    return send_again(operation, State.QUEUED, text, now)


def _on_incomplete(operation: Operation, last: ArmResult, now: datetime) -> RowUpdate:
    if isinstance(last, NoResponse) or last.status in TRANSIENT:
        return try_again_after(operation, last, now)
    if 400 <= last.status < 500:
        return could_not_read(operation, last, now)
    return try_again(operation, None, "Azure's list of the endpoints in the workspace is not complete.", now)


def _continue_creation(operation: Operation, resource: ServerlessEndpoint, now: datetime) -> RowUpdate:
    """Azure holds what an earlier PUT of ours made: send again if that failed, else follow it."""
    status = resource.provisioning_state
    is_leftover = operation.phase == Phase.QUEUED and terminal_status(status) in {"Failed", "Canceled"}
    has_model = resource.model_id.lower() in {"", requested_model(operation).lower()}
    if not has_model and not (is_leftover and _was_shown(operation, resource)):
        return _model_mismatch(operation, resource, now)
    if is_leftover:
        text = f"Azure still holds the previous attempt ({status}); sending again."
        return send_again(operation, State.QUEUED, text, now)
    return follow_resource(operation, "Azure already holds it; following it from here.", resource, now)


def _was_shown(operation: Operation, resource: ServerlessEndpoint) -> bool:
    """Whether the row showed this very resource with this model when the creation was requested."""
    shown = operation.endpoint.observed
    return shown is not None and shown.model_id.lower() == resource.model_id.lower() and is_same(shown, resource)


def _model_mismatch(operation: Operation, resource: ServerlessEndpoint, now: datetime) -> RowUpdate:
    """An earlier request was carried out after all, and this one has another model: show what Azure holds."""
    message = f"Azure holds {operation.endpoint.name} with the model {resource.model_id}. Nothing was sent."
    update = settle(operation, client_error("ModelMismatch", message), now)
    state, reason = state_of(resource)
    columns = observed_columns(resource, now)
    return replace(update, state=state, reason=reason, endpoint=columns, text=message, confirmed=True)


def follow_resource(operation: Operation, text: str, resource: ServerlessEndpoint, now: datetime) -> RowUpdate:
    deadline_at = now + DEFAULT_OPERATION_TIMEOUT
    columns = {"phase": Phase.FOLLOWING, "next_step_at": now, "faults": 0, "absences": 0, "deadline_at": deadline_at}
    # Without a send of its own, the operation follows an earlier request, whose user stays the owner.
    is_own = operation.spec.goal is Goal.EXISTS and operation.sends
    owner = {"owner_id": operation.requested_by_id} if is_own else {}
    state = working_state(operation, accepted=True)
    return RowUpdate(columns, state, endpoint={**observed_columns(resource, now), **owner}, text=text)


def _named(name: str, pages: Sequence[ArmResult]) -> ServerlessEndpoint | None:
    """The endpoint of this name on the pages. Names compare without case."""
    for page in pages:
        for item in items_in(page.object) if isinstance(page, ArmResponse) and page.status == 200 else []:
            if _name_of(item).lower() == name.lower():
                return ServerlessEndpoint.from_json(item)
    return None


def _is_page(body: JsonObject) -> bool:
    items = body.get("value")
    return isinstance(items, list) and all(isinstance(item, dict) and _name_of(item) for item in items)


def _name_of(item: JsonObject) -> str:
    name = item.get("name")
    return name if isinstance(name, str) else ""
