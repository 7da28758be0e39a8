"""From the resource as Azure returns it to the columns and the state of our row."""

import json
from datetime import datetime
from hashlib import blake2b
from typing import Any

from endpoints.arm.operations import Done, InProgress
from endpoints.arm.serverless_endpoint import ServerlessEndpoint
from endpoints.arm.statuses import terminal_status
from endpoints.states import State

# endpointState is an open enum: any other value at rest is shown as Degraded, with the value as the reason.
# https://learn.microsoft.com/en-us/rest/api/azureml/serverless-endpoints/create-or-update#serverlessendpointstate
FAILED = {"creationfailed", "deletionfailed"}
# Any other status in progress is shown as Updating:
# https://learn.microsoft.com/en-us/azure/azure-resource-manager/management/async-operations#provisioningstate-values
IN_PROGRESS = {"creating": State.CREATING, "deleting": State.DELETING}


def state_at_rest(resource: ServerlessEndpoint | None) -> tuple[State, str]:
    """The state of an endpoint on which nothing is running, and its reason.

    Online needs both: Azure's endpointState and an inference URI.
    """
    endpoint_state = resource.endpoint_state if resource else ""
    if not resource or not endpoint_state:
        return State.UNKNOWN, "Azure reports no state for this endpoint."
    if endpoint_state.lower() != "online":
        state = State.FAILED if endpoint_state.lower() in FAILED else State.DEGRADED
        return state, f"Azure reports {endpoint_state}."
    if not resource.inference_uri:
        return State.DEGRADED, "Azure reports Online but no inference URI."
    return State.ONLINE, ""


def state_of(resource: ServerlessEndpoint) -> tuple[State, str]:
    """The state of an endpoint on which anything may be running, and its reason."""
    status = resource.provisioning_state
    if not status or terminal_status(status):
        return state_at_rest(resource)
    return IN_PROGRESS.get(status.lower(), State.UPDATING), ""


def is_moving(resource: ServerlessEndpoint) -> bool:
    """Whether the service is still changing after its operation succeeded, so that another read is worth it."""
    endpoint_state = resource.endpoint_state.lower()
    return endpoint_state in {"", "unknown", "creating"} or (endpoint_state == "online" and not resource.inference_uri)


def resource_of(step: Done | InProgress) -> ServerlessEndpoint | None:
    """The resource that a response contained."""
    return None if step.resource is None else ServerlessEndpoint.from_json(step.resource)


def observed_columns(resource: ServerlessEndpoint | None, now: datetime) -> dict[str, Any]:
    """Columns of Endpoint that hold `resource`; empty if it is not a resource."""
    if resource is None or not resource.is_resource:
        return {}
    columns = {
        "observed": resource,
        "observed_at": now,
        "observed_hash": hash_of(resource),
        "inference_uri": resource.inference_uri,
    }
    return columns | ({"model_id": resource.model_id} if resource.model_id else {})


def hash_of(resource: ServerlessEndpoint) -> str:
    """The same for the same content, in whatever order the fields come."""
    return blake2b(json.dumps(resource.to_json(), sort_keys=True).encode(), digest_size=32).hexdigest()
