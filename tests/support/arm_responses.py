"""Answers of ARM, made by hand."""

import json
from datetime import UTC, datetime
from typing import Any

from endpoints.arm.http import ArmResponse

HOME = "https://management.azure.com"
RESOURCE = f"{HOME}/subscriptions/s/resourceGroups/g/endpoints/e?api-version=2025-09-01"
MONITOR = f"{HOME}/status/1?t=1&c=%2Fa%2Bb%3D"
RESULT = f"{HOME}/result/1?t=1"
NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def answer(status: int, body: Any = None, **headers: str) -> ArmResponse:
    content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    names = {name.replace("_", "-").lower(): value for name, value in headers.items()}
    return ArmResponse(status, names, content, 5, NOW)


def resource(word: object, **properties: Any) -> dict[str, Any]:
    state = {} if word is None else {"provisioningState": word}
    return {"id": "/e", "name": "e", "properties": {**state, **properties}}
