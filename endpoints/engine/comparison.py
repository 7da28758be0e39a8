"""Compare Azure with the request at the end of an operation."""

from datetime import datetime
from typing import Any

from endpoints.arm.operations import Done, Outcome
from endpoints.arm.serverless_endpoint import EndpointUpdate, ServerlessEndpoint
from endpoints.drift import drift_of, updated
from endpoints.kinds import Goal
from endpoints.models import Operation
from endpoints.observed import resource_of
from endpoints.states import State


def comparison_columns(operation: Operation, step: Done, state: State, now: datetime) -> dict[str, Any]:
    """The columns of the endpoint for its request, with a change that Azure made, and for the drift."""
    endpoint, observed = operation.endpoint, _observed(operation, step)
    if state == State.DELETED or observed is None or not observed.is_resource:
        return {"drift": None, "drift_since": None}
    requested = _requested(operation, step)
    drift = drift_of(requested, observed) or None
    columns = {"drift": drift, "drift_since": drift and (endpoint.drift_since or now)}
    return columns if requested is endpoint.requested else {"requested": requested, **columns}


def _observed(operation: Operation, step: Done) -> ServerlessEndpoint | None:
    resource = resource_of(step) if operation.spec.reads_resource else None
    return resource if resource and resource.is_resource else operation.endpoint.observed


def _requested(operation: Operation, step: Done) -> ServerlessEndpoint:
    requested = operation.endpoint.requested
    if operation.spec.goal is not Goal.INCLUDES or step.outcome != Outcome.SUCCEEDED or not requested.is_resource:
        return requested
    return updated(requested, EndpointUpdate.from_json(operation.body or {}))
