"""A client of ARM that knows nothing of Endpoint Desk."""

from collections.abc import Callable
from typing import Any

import requests

from emulator.seed import WORKSPACES

PRODUCTION = f"{WORKSPACES[0].resource_id}/serverlessEndpoints"
VERSION = "2025-09-01"
PHI = "azureml://registries/azureml/models/Phi-4"
Ask = Callable[..., requests.Response]


def body(**changes: Any) -> dict[str, Any]:
    """A PUT of an endpoint as most people send it."""
    properties = {"authMode": "Key", "modelSettings": {"modelId": PHI}}
    return {"location": "eastus2", "sku": {"name": "Consumption"}, "properties": properties, **changes}


def code(answer: requests.Response) -> str:
    return str(answer.json()["error"]["code"])
