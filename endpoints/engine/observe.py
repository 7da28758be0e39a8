"""What Azure holds, as the columns of our row."""

from datetime import datetime
from typing import Any

from endpoints.states import State

# endpointState is an open enum: any other status at rest is shown as Degraded, with the status as the reason.
FAILED = {"creationfailed", "deletionfailed"}


def properties_of(resource: dict[str, Any] | None) -> dict[str, Any]:
    properties = (resource or {}).get("properties")
    return properties if isinstance(properties, dict) else {}


def inference_uri(resource: dict[str, Any] | None) -> str:
    inference = properties_of(resource).get("inferenceEndpoint")
    uri = inference.get("uri") if isinstance(inference, dict) else None
    return uri if isinstance(uri, str) else ""


def endpoint_state(resource: dict[str, Any] | None) -> str:
    """Azure's status for the state of the service, as it came."""
    status = properties_of(resource).get("endpointState")
    return status if isinstance(status, str) else ""


def provisioning_state(resource: dict[str, Any] | None) -> str:
    """Azure's status for the state of the latest operation, as it came."""
    status = properties_of(resource).get("provisioningState")
    return status if isinstance(status, str) else ""


def model_id(resource: dict[str, Any] | None) -> str:
    """The model that a resource serves."""
    settings = properties_of(resource).get("modelSettings")
    model = settings.get("modelId") if isinstance(settings, dict) else None
    return model if isinstance(model, str) else ""


def holds(resource: Any, asked: Any) -> bool:
    """Whether a resource shows everything that was asked for, whatever else it shows."""
    if isinstance(asked, dict):
        return isinstance(resource, dict) and all(holds(resource.get(name), value) for name, value in asked.items())
    return bool(resource == asked)


def state_at_rest(resource: dict[str, Any] | None) -> tuple[State, str]:
    """The state of an endpoint on which nothing is running, and its reason.

    Online takes both: Azure's status and an inference URI.
    """
    status = endpoint_state(resource)
    if status.lower() == "online" and inference_uri(resource):
        return State.ONLINE, ""
    if status.lower() == "online":
        return State.DEGRADED, "Azure says Online but gives no inference URI."
    if not status:
        return State.UNKNOWN, "Azure gives no state for this endpoint."
    return State.FAILED if status.lower() in FAILED else State.DEGRADED, f"Azure says {status}."


def is_moving(resource: dict[str, Any] | None) -> bool:
    """Whether the service is still on its way after its operation succeeded, so that another read is worth it."""
    status = endpoint_state(resource).lower()
    return status in {"", "unknown", "creating"} or (status == "online" and not inference_uri(resource))


def observed_columns(resource: dict[str, Any] | None, now: datetime) -> dict[str, Any]:
    """Columns of Endpoint that hold `resource`; none when it is no resource."""
    if not properties_of(resource):
        return {}
    return {"observed": resource, "observed_at": now, "inference_uri": inference_uri(resource)}
