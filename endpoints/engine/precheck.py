"""Read the resource before a request is sent, and after one whose response was not recorded."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from endpoints.arm.http import ArmResponse, ArmResult, NoResponse
from endpoints.arm.operations import TRANSIENT, Done, Outcome
from endpoints.arm.serverless_endpoint import EndpointUpdate, ServerlessEndpoint
from endpoints.engine.creation import follow_resource, on_resource_read
from endpoints.engine.deletion import on_deletion_read, on_never_sent
from endpoints.engine.update import (
    RowUpdate,
    client_error,
    could_not_read,
    settle,
    settle_with_error,
    try_again_after,
    working_state,
)
from endpoints.kinds import Goal
from endpoints.models import Operation
from endpoints.observed import observed_columns, state_of
from endpoints.states import Phase


def on_precheck(operation: Operation, response: ArmResult, now: datetime) -> RowUpdate:
    goal, is_queued = operation.spec.goal, operation.phase == Phase.QUEUED
    if goal is Goal.RESPONSE and not is_queued:
        return outcome_unknown(operation, now)
    if goal is Goal.ABSENT and is_queued and not operation.endpoint.is_ours:
        return on_never_sent(operation, None if isinstance(response, NoResponse) else response, now)
    if isinstance(response, NoResponse) or response.status in TRANSIENT:
        return try_again_after(operation, response, now)
    if is_queued and goal is not Goal.EXISTS:
        return _clear(operation, now)
    return ON_RESOURCE[goal](operation, response, now)


def _clear(operation: Operation, now: datetime) -> RowUpdate:
    """It is the endpoint of the request, or cannot be read: Azure's response to the request decides."""
    columns = {"phase": Phase.CLEAR, "next_step_at": now}
    return RowUpdate(columns, working_state(operation), confirmed=False)


def outcome_unknown(operation: Operation, now: datetime) -> RowUpdate:
    message = "The connection broke while Azure was making a new key. A second request would make another one."
    return settle(operation, client_error("OutcomeUnknown", message), now)


def _resume_update(operation: Operation, response: ArmResponse, now: datetime) -> RowUpdate:
    """A PATCH left and its response is not known. It must not be sent twice, so the resource decides."""
    if response.status != 200:
        return settle_with_error(operation, response, now)
    resource = ServerlessEndpoint.from_json(response.object)
    if not resource.is_resource:
        return could_not_read(operation, response, now)
    if resource.provisioning_state.lower() == "updating":
        return follow_resource(operation, "Azure is applying the change; following it from here.", resource, now)
    if resource.includes(EndpointUpdate.from_json(operation.body or {})):
        return settle(operation, Done(Outcome.SUCCEEDED, response.object), now)
    update = settle(operation, client_error("ChangeNotSeen", "Azure does not show the requested change."), now)
    state, reason = state_of(resource)
    columns = observed_columns(resource, now)
    return replace(update, state=state, reason=reason, endpoint=columns, confirmed=True, needs_check=state.is_working)


ON_RESOURCE: dict[Goal, Callable[[Operation, ArmResponse, datetime], RowUpdate]] = {
    Goal.EXISTS: on_resource_read,
    Goal.INCLUDES: _resume_update,
    Goal.ABSENT: on_deletion_read,
}
