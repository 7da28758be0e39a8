"""The public API definition, and whether what was said over the wire keeps to it.

The definition is data: an excerpt of Azure's REST API definitions, api-version 2025-09-01.
"""

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import jsonschema_rs

from tests.support.azure import ROOT

Document = dict[str, Any]
_FILE = ROOT / "emulator" / "arm" / "serverless-endpoints.openapi.json"
_METHODS = {"get", "put", "patch", "post", "delete"}


@cache
def definition() -> Document:
    """The definition in plain JSON Schema: no allOf, which closed objects contradict, and null where it is allowed."""
    whole: Document = json.loads(_FILE.read_text("utf-8"))
    parts = whole["definitions"]
    # Of an endpoint authMode is required, but Microsoft's own client and samples leave it out.
    del parts["ServerlessEndpoint"]["required"]
    whole["definitions"] = {name: _plain(part, parts) for name, part in parts.items()}
    return whole


def _plain(part: Any, parts: Document) -> Any:
    if isinstance(part, list):
        return [_plain(one, parts) for one in part]
    if not isinstance(part, dict):
        return part
    plain = {name: _plain(value, parts) for name, value in part.items() if name != "allOf"}
    for base in part.get("allOf", []):
        inherited = _plain(parts[base["$ref"].rpartition("/")[2]], parts)
        plain = {
            **inherited,
            **plain,
            "properties": inherited.get("properties", {}) | plain.get("properties", {}),
            "required": sorted({*inherited.get("required", []), *plain.get("required", [])}),
        }
        if not plain["properties"]:
            del plain["properties"]
        if not plain["required"]:
            del plain["required"]
    if plain.get("x-nullable") and "type" in plain:
        plain["type"] = [plain["type"], "null"]
        if "enum" in plain:
            plain["enum"] = [*plain["enum"], None]
    return plain


def operation(method: str, path: str) -> Document | None:
    """The operation that a request is an example of."""
    for template, methods in definition()["paths"].items():
        pattern = re.sub(r"\\{\w+\\}", "[^/]+", re.escape(template))
        if method.lower() in methods and re.fullmatch(f"{pattern}/?", path, re.IGNORECASE):
            found: Document = methods[method.lower()]
            return found
    return None


def problems(exchange: Document) -> list[str]:
    """What a journalled request and its answer do that the definition does not know."""
    if exchange["faults"]:
        return []
    if "/mfeOperationsStatus/" in exchange["path"] and exchange["status"] == 200:
        found = _wrong({"$ref": "#/definitions/OperationStatusResult"}, exchange["answer_body"])
    elif known := operation(exchange["method"], exchange["path"]):
        found = [*_problems(exchange, known, str(exchange["status"]))]
    else:
        found = []
    return [f"{exchange['method']} {exchange['path']}: {one}" for one in found]


def _problems(exchange: Document, known: Document, status: str) -> Iterator[str]:
    is_well = status.startswith("2")
    if is_well and status not in known["responses"]:
        yield f"{status} is not documented"
    documented = known["responses"].get(status, known["responses"]["default"])
    yield from _wrong(documented.get("schema"), exchange["answer_body"])
    if not is_well and not json.loads(exchange["answer_body"])["error"]["code"]:
        yield "an error without a code"
    sent = next((one for one in known["parameters"] if one.get("in") == "body"), None)
    if is_well and sent:
        yield from _wrong(sent["schema"], exchange["body"])
    wanted = set(documented.get("headers", {})) & {"Azure-AsyncOperation", "Location"}
    yield from (f"{name} is missing" for name in sorted(wanted - set(exchange["answer_headers"])))


def _wrong(schema: Document | None, text: str) -> list[str]:
    if text.endswith(" (cut)"):
        return []
    if schema is None:
        return [] if text in {"", "null"} else ["a body where none is documented"]
    return [
        f"{error.instance_path}: {error.message}"
        for error in _validator(json.dumps(schema)).iter_errors(json.loads(text))
    ]


@cache
def _validator(schema: str) -> Any:
    return jsonschema_rs.Draft4Validator({**json.loads(schema), "definitions": definition()["definitions"]})
