"""ARM's nested errors as a tree to show: details and additional information below each error.

https://learn.microsoft.com/en-us/rest/api/azureml/serverless-endpoints/create-or-update#errordetail
"""

import json
from dataclasses import dataclass, field
from typing import Any

from endpoints.arm.errors import ArmError
from endpoints.arm.json_fields import JsonObject


@dataclass(frozen=True)
class ErrorNode:
    code: str
    message: str
    target: str = ""
    children: list["ErrorNode"] = field(default_factory=list)


def error_tree(error: ArmError) -> ErrorNode | None:
    """None if ARM sent no error object."""
    return _node(error.raw) if error.raw else None


def _node(raw: JsonObject) -> ErrorNode:
    children = [_node(item) for item in _objects(raw.get("details"))]
    children += [_info_node(item) for item in _objects(raw.get("additionalInfo"))]
    return ErrorNode(_text(raw.get("code")), _text(raw.get("message")), _text(raw.get("target")), children)


def _info_node(item: JsonObject) -> ErrorNode:
    info = item.get("info")
    return ErrorNode(_text(item.get("type")), _text(info.get("value", info) if isinstance(info, dict) else info))


def _objects(value: Any) -> list[JsonObject]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _text(value: Any) -> str:
    return "" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
