"""The status of an operation in the body of a response."""

from typing import Any

from endpoints.arm.http import ArmResponse
from endpoints.arm.json_fields import JsonObject
from endpoints.arm.operations import TERMINAL


def terminal_status(status: str) -> str:
    """ARM's spelling of a terminal state, in whatever case it came; empty for every other status.

    A service may define states of its own, and all of them mean that the operation is in progress:
    https://learn.microsoft.com/en-us/azure/azure-resource-manager/management/async-operations#provisioningstate-values
    """
    return TERMINAL.get(status.lower(), "")


def monitor_status(body: JsonObject) -> str:
    """The status in the body of a monitor, empty if it has none.

    https://learn.microsoft.com/en-us/azure/azure-resource-manager/management/async-operations#azure-asyncoperation-request-and-response
    """
    status = body.get("status")
    return status if isinstance(status, str) else ""


def provisioning_state(body: JsonObject) -> str:
    """The status in a resource, empty if it has none.

    https://learn.microsoft.com/en-us/azure/azure-resource-manager/management/async-operations#provisioningstate-values
    """
    state = _provisioning_state(body)
    return state if isinstance(state, str) else ""


def is_garbled(response: ArmResponse) -> bool:
    """Whether the body has no readable status: it is not JSON, or its provisioningState is not a string."""
    if response.json is None:
        return not response.is_empty
    return not isinstance(_provisioning_state(response.object), str | None)


def _provisioning_state(body: JsonObject) -> Any:
    properties = body.get("properties")
    return properties.get("provisioningState") if isinstance(properties, dict) else None
