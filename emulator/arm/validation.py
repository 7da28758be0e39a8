"""Validates requests against the API definition, and against the few rules of ARM that it does not state."""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from jsonschema_rs import Draft4Validator, ValidationError

from emulator.arm.definition import definition, operation
from emulator.arm.errors import ArmError, Document

# The target in the body, and the message.
Problems = Iterator[tuple[str, str]]

INT32 = {"minimum": -(2**31), "maximum": 2**31 - 1}
# https://learn.microsoft.com/en-us/rest/api/azureml/serverless-endpoints/create-or-update
ENTRA_AUTH_SINCE = "2025-12-01"
ENTRA_AUTH_MODES = ["AAD", "KeyAndAAD"]
# https://github.com/cloud-and-ai-microsoft/resource-provider-contract/blob/master/v1.0/resource-api-reference.md
MAX_TAGS = 15
MAX_TAG_KEY = 512
MAX_TAG_VALUE = 256


def check_name(operation_id: str, name: str) -> None:
    """Raises ArmError. The name of a new endpoint becomes part of a host name, so its pattern is the narrowest."""
    parameters = operation(operation_id)["parameters"]
    pattern = next(parameter["pattern"] for parameter in parameters if parameter.get("name") == "name")
    if not re.fullmatch(pattern, name):
        text = f"The name '{name}' does not match the pattern '{pattern}'."
        raise ArmError(400, "InvalidResourceName", text, target="name")


def check_body(operation_id: str, body: Document, version: str, now: Document | None = None) -> None:
    """Raises ArmError that lists everything wrong with a body. `now` is the resource as it stands."""
    has_entra_auth = version[:10] >= ENTRA_AUTH_SINCE
    problems = [
        *schema_problems(validator(operation_id, has_entra_auth), body),
        *read_only_problems(body_schema(operation_id, has_entra_auth), body, now),
        *tag_problems(body.get("tags")),
        *identity_problems(body.get("identity")),
    ]
    # The definition allows an empty location; ARM does not.
    if body.get("location") == "":
        problems.append(("location", "'location' is required."))
    if problems:
        details: list[Document] = [
            {"code": "InvalidRequestContent", "message": text, "target": target} for target, text in problems
        ]
        target, text = problems[0]
        raise ArmError(
            400, "InvalidRequestContent", f"The request content is not valid: {text}", target=target, details=details
        )


@cache
def validator(operation_id: str, has_entra_auth: bool) -> Draft4Validator:
    return Draft4Validator(body_schema(operation_id, has_entra_auth))


@cache
def body_schema(operation_id: str, has_entra_auth: bool) -> Document:
    """The schema of a request body, with what other api-versions than 2025-09-01 add to it."""
    parameters = operation(operation_id)["parameters"]
    schema = for_requests(next(parameter["schema"] for parameter in parameters if "schema" in parameter))
    settings = schema["properties"].get("properties", {}).get("properties", {})
    if "authMode" in settings and has_entra_auth:
        settings["authMode"] |= {"enum": [*settings["authMode"]["enum"], *ENTRA_AUTH_MODES]}
    if "contentSafety" in settings:
        settings["contentSafety"]["properties"]["contentSafetyLevel"] = {}  # in preview versions
    return schema


def for_requests(part: Document) -> Document:
    """A part of the definition as requests are held to it.

    Objects are closed, lists of values too (a reader must accept more: that is what modelAsString says), and
    read-only values may be anything here: they are compared with the resource instead.
    """
    if reference := part.get("$ref"):
        part = definition()["definitions"][reference.rpartition("/")[2]]
    if part.get("readOnly"):
        return {"readOnly": True}
    schema = {**part, **INT32} if part.get("format") == "int32" else dict(part)
    if "properties" in schema:
        schema["properties"] = {name: for_requests(value) for name, value in schema["properties"].items()}
        schema.setdefault("additionalProperties", False)
    if isinstance(schema.get("additionalProperties"), dict):
        schema["additionalProperties"] = for_requests(schema["additionalProperties"])
    return schema


def schema_problems(schema: Draft4Validator, body: Document) -> Problems:
    try:
        errors = list(schema.iter_errors(body))
    except ValueError:  # nested too deep, or text that is not Unicode
        raise ArmError(400, "InvalidRequestContent", "The request content was invalid and could not be read.") from None
    for error in errors:
        yield from described(error)


def described(error: ValidationError) -> Problems:
    """The validator's own sentences quote the whole value, which may be long."""
    path, about = [str(step) for step in error.instance_path], error.kind.as_dict()
    target = ".".join(path)
    match error.kind.name:
        case "additionalProperties":
            for unknown_key in sorted(about["unexpected"]):
                name = ".".join([*path, unknown_key])
                yield name, f"'{name}' is not a known property."
        case "required":
            name = ".".join([*path, about["property"]])
            yield name, f"'{name}' is required."
        case "type":
            yield target, f"'{target}' must be of type {' or '.join(about['types'])}."
        case "enum":
            yield target, f"'{target}' must be one of: {', '.join(map(str, about['options']))}."
        case "minimum" | "maximum":
            yield target, f"'{target}' must be a 32-bit integer."
        case _:
            yield target, f"'{target}' is not valid."


def read_only_problems(schema: Document, body: Any, now: Any, path: tuple[str, ...] = ()) -> Problems:
    """Values that only the service sets may be repeated, but not changed."""
    if not isinstance(body, dict):
        return
    for name, value in body.items():
        part = schema.get("properties", {}).get(name) or schema.get("additionalProperties")
        before = now.get(name) if isinstance(now, dict) else None
        target = ".".join([*path, name])
        if not isinstance(part, dict):
            continue
        if not part.get("readOnly"):
            yield from read_only_problems(part, value, before, (*path, name))
        elif not isinstance(now, dict) or name not in now or value != before:
            yield target, f"'{target}' is read-only and cannot be set."


def tag_problems(tags: Any) -> Problems:
    if not isinstance(tags, dict):
        return
    if len(tags) > MAX_TAGS:
        yield "tags", f"A resource can have {MAX_TAGS} tags at most."
    if any(len(key) > MAX_TAG_KEY or len(str(value)) > MAX_TAG_VALUE for key, value in tags.items()):
        yield "tags", f"The key of a tag has {MAX_TAG_KEY} characters at most, and its value {MAX_TAG_VALUE}."


def identity_problems(identity: Any) -> Problems:
    """https://learn.microsoft.com/en-us/entra/identity/managed-identities-azure-resources/overview"""
    if not isinstance(identity, dict) or "UserAssigned" not in str(identity.get("type")):
        return
    if not identity.get("userAssignedIdentities"):
        yield "identity.userAssignedIdentities", "A user-assigned identity needs at least one resource id."
