"""Responses of ARM without a network."""

import json
from datetime import UTC, datetime
from typing import Any

from endpoints.arm.http import ArmResponse

ORIGIN = "https://management.azure.com"
RESOURCE_URL = f"{ORIGIN}/subscriptions/s/resourceGroups/g/endpoints/e?api-version=2025-09-01"
MONITOR_URL = f"{ORIGIN}/status/1?t=1&c=%2Fa%2Bb%3D"
RESULT_URL = f"{ORIGIN}/result/1?t=1"
NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def arm_response(status: int, body: Any = None, **headers: str) -> ArmResponse:
    """A response received at NOW; headers are given as Python names."""
    content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    names = {name.replace("_", "-").lower(): value for name, value in headers.items()}
    return ArmResponse(status, names, content, 5, NOW)


def resource(provisioning_state: object, **properties: Any) -> dict[str, Any]:
    state = {} if provisioning_state is None else {"provisioningState": provisioning_state}
    return {"id": "/e", "name": "e", "properties": {**state, **properties}}
