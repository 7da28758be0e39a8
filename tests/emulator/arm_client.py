"""A client of ARM that shares no code with Endpoint Desk."""

from collections.abc import Callable
from typing import Any

import requests

from emulator.seed import WORKSPACES

PRODUCTION = f"{WORKSPACES[0].resource_id}/serverlessEndpoints"
VERSION = "2025-09-01"
PHI = "azureml://registries/azureml/models/Phi-4"
Arm = Callable[..., requests.Response]


def body(**changes: Any) -> dict[str, Any]:
    """The usual body of a PUT of an endpoint."""
    properties = {"authMode": "Key", "modelSettings": {"modelId": PHI}}
    return {"location": "eastus2", "sku": {"name": "Consumption"}, "properties": properties, **changes}


def code(response: requests.Response) -> str:
    return str(response.json()["error"]["code"])
