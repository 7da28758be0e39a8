"""The public API definition, an excerpt for api-version 2025-09-01, which requests are validated against.

https://github.com/Azure/azure-rest-api-specs/tree/main/specification/machinelearningservices
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

from emulator.arm.errors import Document

FILE = Path(__file__).with_name("serverless-endpoints.openapi.json")


@cache
def definition() -> Document:
    """The definition with its types as plain JSON Schema, which knows neither x-nullable nor inheritance."""
    whole: Document = json.loads(FILE.read_text("utf-8"))
    types = whole["definitions"]
    # The definition requires authMode, but Microsoft's own client and samples leave it out.
    del types["ServerlessEndpoint"]["required"]
    whole["definitions"] = {name: plain(part, types) for name, part in types.items()}
    return whole


@cache
def operation(operation_id: str) -> Document:
    methods = (method for path in definition()["paths"].values() for method in path.values())
    by_id: dict[str, Document] = {method["operationId"]: method for method in methods}
    return by_id[operation_id]


def plain(part: Any, types: Document) -> Any:
    if isinstance(part, list):
        return [plain(item, types) for item in part]
    if not isinstance(part, dict):
        return part
    schema = {name: plain(value, types) for name, value in part.items() if name != "allOf"}
    for base in part.get("allOf", []):
        schema = inherit(plain(types[base["$ref"].rpartition("/")[2]], types), schema)
    return nullable(schema) if schema.get("x-nullable") else schema


def inherit(base: Document, schema: Document) -> Document:
    """One schema in place of allOf, since a closed object would refuse what its base allows."""
    merged = {
        **base,
        **schema,
        "properties": base.get("properties", {}) | schema.get("properties", {}),
        "required": sorted({*base.get("required", []), *schema.get("required", [])}),
    }
    return {name: value for name, value in merged.items() if value or name not in {"properties", "required"}}


def nullable(schema: Document) -> Document:
    """https://azure.github.io/autorest/extensions/#x-nullable"""
    changes: Document = {"type": [schema["type"], "null"]} if "type" in schema else {}
    if "enum" in schema:
        changes["enum"] = [*schema["enum"], None]
    return schema | changes
