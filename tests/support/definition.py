"""Whether requests and responses on the wire keep to the public API definition."""

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import jsonschema_rs

from emulator.arm.definition import definition
from emulator.arm.validation import ENTRA_AUTH_MODES, ENTRA_AUTH_SINCE

Document = dict[str, Any]


def operation(method: str, path: str) -> Document | None:
    """The operation of a request, if it is in the definition."""
    for template, methods in definition()["paths"].items():
        pattern = re.sub(r"\\{\w+\\}", "[^/]+", re.escape(template))
        if method.lower() in methods and re.fullmatch(f"{pattern}/?", path, re.IGNORECASE):
            found: Document = methods[method.lower()]
            return found
    return None


def problems(exchange: Document) -> list[str]:
    """Where a request and its response in the journal differ from the definition."""
    if exchange["faults"]:
        return []
    has_entra_auth = f"api-version={ENTRA_AUTH_SINCE}" in exchange["query"]
    if "/mfeOperationsStatus/" in exchange["path"] and exchange["status"] == 200:
        found = _wrong({"$ref": "#/definitions/OperationStatusResult"}, exchange["response_body"], has_entra_auth)
    elif known := operation(exchange["method"], exchange["path"]):
        found = [*_problems(exchange, known, str(exchange["status"]), has_entra_auth)]
    else:
        found = []
    return [f"{exchange['method']} {exchange['path']}: {one}" for one in found]


def _problems(exchange: Document, known: Document, status: str, has_entra_auth: bool) -> Iterator[str]:
    is_well = status.startswith("2")
    if is_well and status not in known["responses"]:
        yield f"{status} is not documented"
    documented = known["responses"].get(status, known["responses"]["default"])
    yield from _wrong(documented.get("schema"), exchange["response_body"], has_entra_auth)
    if not is_well and not json.loads(exchange["response_body"])["error"]["code"]:
        yield "an error without a code"
    sent = next((one for one in known["parameters"] if one.get("in") == "body"), None)
    if is_well and sent:
        yield from _wrong(sent["schema"], exchange["body"], has_entra_auth)
    wanted = set(documented.get("headers", {})) & {"Azure-AsyncOperation", "Location"}
    yield from (f"{name} is missing" for name in sorted(wanted - set(exchange["response_headers"])))


def _wrong(schema: Document | None, text: str, has_entra_auth: bool) -> list[str]:
    if text.endswith(" (cut)"):
        return []
    if schema is None:
        return [] if text in {"", "null"} else ["a body where none is documented"]
    return [
        f"{error.instance_path}: {error.message}"
        for error in _validator(json.dumps(schema), has_entra_auth).iter_errors(json.loads(text))
    ]


@cache
def _validator(schema: str, has_entra_auth: bool) -> Any:
    definitions = json.dumps(definition()["definitions"])
    if has_entra_auth:
        # The enum stands in every type that inherits it.
        definitions = definitions.replace('"enum": ["Key"]', f'"enum": {json.dumps(["Key", *ENTRA_AUTH_MODES])}')
    return jsonschema_rs.Draft4Validator({**json.loads(schema), "definitions": json.loads(definitions)})
