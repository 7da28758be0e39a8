"""The PUT body of an endpoint by its API definition: closed objects, required fields, patterns, lists of values."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from emulator.arm.errors import ArmError, Document

_NAME: Final = re.compile(r"[a-zA-Z][a-zA-Z0-9-]{0,51}")
_READ_ONLY: Final = {"id", "name", "type", "systemData"}
_READ_ONLY_PROPERTIES: Final = {"provisioningState", "endpointState", "inferenceEndpoint", "marketplaceSubscriptionId"}
_IDENTITY_TYPES: Final = {"None", "SystemAssigned", "UserAssigned", "SystemAssigned,UserAssigned"}
_TIERS: Final = {"Free", "Basic", "Standard", "Premium"}
_AUTH_MODES_SINCE: Final = {"Key": "", "AAD": "2025-12-01", "KeyAndAAD": "2025-12-01"}
_MOST_TAGS: Final = 15
_INT32: Final = 2**31


def check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        text = f"The endpoint name '{name}' does not match the pattern '^[a-zA-Z][a-zA-Z0-9-]{{0,51}}$'."
        raise ArmError(400, "InvalidResourceName", text, target="name")


def check_endpoint(body: Document, version: str) -> None:
    """Raises ArmError that lists everything that is wrong."""
    problems = list(_problems(body, version))
    if problems:
        details: list[Document] = [
            {"code": "InvalidRequestContent", "message": text, "target": target} for target, text in problems
        ]
        text = f"The request content is not valid: {problems[0][1]}"
        raise ArmError(400, "InvalidRequestContent", text, target=problems[0][0], details=details)


def _problems(body: Document, version: str) -> Iterator[tuple[str, str]]:
    yield from _strangers(body, "", {"location", "tags", "kind", "identity", "sku", "properties"} | _READ_ONLY)
    if not isinstance(body.get("location"), str) or not body.get("location"):
        yield "location", "'location' is required."
    if not isinstance(body.get("kind", ""), str | None):
        yield "kind", "'kind' must be a string."
    yield from _tags(body.get("tags"))
    yield from _identity(body.get("identity"))
    yield from _sku(body.get("sku"))
    yield from _properties(body.get("properties"), version)


def _properties(properties: Any, version: str) -> Iterator[tuple[str, str]]:
    if not isinstance(properties, dict):
        yield "properties", "'properties' is required and must be an object."
        return
    known = {"authMode", "contentSafety", "modelSettings"} | _READ_ONLY_PROPERTIES
    yield from _strangers(properties, "properties.", known)
    mode = properties.get("authMode")
    if mode not in _AUTH_MODES_SINCE or version[:10] < _AUTH_MODES_SINCE[mode]:
        yield "properties.authMode", f"'authMode' is required and cannot be '{mode}' in this api-version."
    safety = properties.get("contentSafety")
    if safety is not None and (not isinstance(safety, dict) or safety.get("contentSafetyStatus") not in _SAFETY):
        yield "properties.contentSafety", "'contentSafetyStatus' is required and must be Enabled or Disabled."
    model = properties.get("modelSettings")
    if model is not None and (not isinstance(model, dict) or not isinstance(model.get("modelId"), str | None)):
        yield "properties.modelSettings", "'modelId' must be a string."


_SAFETY: Final = {"Enabled", "Disabled"}


def _tags(tags: Any) -> Iterator[tuple[str, str]]:
    if tags is None:
        return
    if not isinstance(tags, dict) or not all(isinstance(value, str) for value in tags.values()):
        yield "tags", "'tags' must be an object of strings."
    elif len(tags) > _MOST_TAGS:
        yield "tags", f"A resource can have {_MOST_TAGS} tags at most."
    elif any(len(key) > 512 or len(value) > 256 for key, value in tags.items()):
        yield "tags", "A tag's key has 512 characters at most and its value 256."


def _identity(identity: Any) -> Iterator[tuple[str, str]]:
    if identity is None:
        return
    if not isinstance(identity, dict) or identity.get("type") not in _IDENTITY_TYPES:
        yield "identity", "'identity.type' is required and must be one of the four types."
        return
    known = {"type", "userAssignedIdentities", "principalId", "tenantId"}
    yield from _strangers(identity, "identity.", known)
    assigned = identity.get("userAssignedIdentities")
    if "UserAssigned" in identity["type"] and not assigned:
        yield "identity.userAssignedIdentities", "A user-assigned identity needs at least one resource id."
    if assigned is not None and not isinstance(assigned, dict):
        yield "identity.userAssignedIdentities", "'userAssignedIdentities' must be an object."


def _sku(sku: Any) -> Iterator[tuple[str, str]]:
    if sku is None:
        return
    if not isinstance(sku, dict) or not isinstance(sku.get("name"), str):
        yield "sku", "'sku.name' is required."
        return
    yield from _strangers(sku, "sku.", {"name", "tier", "size", "family", "capacity"})
    if sku.get("tier") is not None and sku["tier"] not in _TIERS:
        yield "sku.tier", f"'{sku['tier']}' is no tier."
    capacity = sku.get("capacity")
    whole = isinstance(capacity, int) and not isinstance(capacity, bool)
    if capacity is not None and not (whole and -_INT32 <= capacity < _INT32):
        yield "sku.capacity", "'capacity' must be a 32-bit integer."


def _strangers(part: Document, prefix: str, known: set[str]) -> Iterator[tuple[str, str]]:
    for name in sorted(part.keys() - known):
        yield f"{prefix}{name}", f"'{prefix}{name}' is not a known property."
