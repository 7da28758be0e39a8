"""What may be sent, by the API definition: closed objects, required fields, patterns, lists of values."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from emulator.arm.errors import ArmError, Document

Problems = Iterator[tuple[str, str]]

ENDPOINT_NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9-]{0,51}")
NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9\-_]{0,254}")
READ_ONLY = ("id", "name", "type", "systemData")
READ_ONLY_STATE = ("provisioningState", "endpointState", "inferenceEndpoint", "marketplaceSubscriptionId")
READ_ONLY_PURCHASE = ("marketplacePlan", "marketplaceSubscriptionStatus", "provisioningState")
# Tuples, because a value sent may be of any kind, and some cannot be looked up in a set.
IDENTITY_TYPES = ("None", "SystemAssigned", "UserAssigned", "SystemAssigned,UserAssigned")
TIERS = ("Free", "Basic", "Standard", "Premium")
SAFETY = ("Enabled", "Disabled")
KEY_TYPES = ("Primary", "Secondary")
AUTH_MODES_SINCE = {"Key": "", "AAD": "2025-12-01", "KeyAndAAD": "2025-12-01"}
# Only what the definition calls nullable may be null.
ABSENT = object()
MOST_TAGS = 15
INT32 = 2**31


def check_endpoint_name(name: str) -> None:
    """The name of a new endpoint, which becomes part of a host name."""
    _check_name(name, ENDPOINT_NAME)


def check_name(name: str) -> None:
    """Any other name."""
    _check_name(name, NAME)


def _check_name(name: str, pattern: re.Pattern[str]) -> None:
    if not pattern.fullmatch(name):
        text = f"The name '{name}' does not match the pattern '^{pattern.pattern}$'."
        raise ArmError(400, "InvalidResourceName", text, target="name")


def check_endpoint(body: Document, version: str, now: Document) -> None:
    """The body of a PUT of an endpoint. Raises ArmError that lists everything that is wrong, as the others here."""
    _check(_endpoint(body, version, now))


def check_patch(body: Document) -> None:
    """The body of a PATCH of an endpoint."""
    _check(_patch(body))


def check_key_request(body: Document) -> None:
    """The body of regenerateKeys."""
    _check(_key_request(body))


def check_subscription_body(body: Document, now: Document) -> None:
    """The body of a PUT of a marketplace subscription."""
    _check(_subscription(body, now))


def _check(problems: Problems) -> None:
    found = list(problems)
    if found:
        details: list[Document] = [
            {"code": "InvalidRequestContent", "message": text, "target": target} for target, text in found
        ]
        text = f"The request content is not valid: {found[0][1]}"
        raise ArmError(400, "InvalidRequestContent", text, target=found[0][0], details=details)


def _endpoint(body: Document, version: str, now: Document) -> Problems:
    yield from _strangers(body, "", {"location", "tags", "kind", "identity", "sku", "properties", *READ_ONLY})
    yield from _read_only(body, now, "", READ_ONLY)
    if not isinstance(body.get("location"), str) or not body.get("location"):
        yield "location", "'location' is required."
    if not isinstance(body.get("kind", ""), str):
        yield "kind", "'kind' must be a string."
    yield from _tags(body.get("tags", {}))
    yield from _identity(body.get("identity", ABSENT), now.get("identity", {}))
    yield from _sku(body.get("sku", ABSENT))
    yield from _properties(body.get("properties"), version, now.get("properties", {}))


def _patch(body: Document) -> Problems:
    yield from _strangers(body, "", {"tags", "identity", "sku"})
    yield from _tags(body.get("tags", {}))
    yield from _identity(body.get("identity", ABSENT), {}, is_partial=True)
    yield from _sku(body.get("sku", ABSENT), is_partial=True)


def _key_request(body: Document) -> Problems:
    yield from _strangers(body, "", {"keyType", "keyValue"})
    if body.get("keyType") not in KEY_TYPES:
        yield "keyType", "'keyType' is required and must be Primary or Secondary."
    if not isinstance(body.get("keyValue"), str | None):
        yield "keyValue", "'keyValue' must be a string."


def _subscription(body: Document, now: Document) -> Problems:
    yield from _strangers(body, "", {"properties", *READ_ONLY})
    yield from _read_only(body, now, "", READ_ONLY)
    properties = body.get("properties")
    if not isinstance(properties, dict):
        yield "properties", "'properties' is required and must be an object."
        return
    yield from _strangers(properties, "properties.", {"modelId", *READ_ONLY_PURCHASE})
    yield from _read_only(properties, now.get("properties", {}), "properties.", READ_ONLY_PURCHASE)
    model = properties.get("modelId")
    if not isinstance(model, str) or not re.search("[a-zA-Z0-9_]", model):
        yield "properties.modelId", "'modelId' is required and must name a model."


def _properties(properties: Any, version: str, now: Document) -> Problems:
    if not isinstance(properties, dict):
        yield "properties", "'properties' is required and must be an object."
        return
    yield from _strangers(properties, "properties.", {"authMode", "contentSafety", "modelSettings", *READ_ONLY_STATE})
    yield from _read_only(properties, now, "properties.", READ_ONLY_STATE)
    # The definition requires it, but Microsoft's own client and samples leave it out.
    mode = properties.get("authMode", "Key")
    if not isinstance(mode, str) or version[:10] < AUTH_MODES_SINCE.get(mode, "never"):
        yield "properties.authMode", f"'authMode' cannot be '{mode}' in this api-version."
    yield from _content_safety(properties.get("contentSafety"))
    model = properties.get("modelSettings")
    if model is None:
        return
    if not isinstance(model, dict) or not isinstance(model.get("modelId"), str | None):
        yield "properties.modelSettings", "'modelId' must be a string."
        return
    yield from _strangers(model, "properties.modelSettings.", {"modelId"})


def _content_safety(safety: Any) -> Problems:
    if safety is None:
        return
    if not isinstance(safety, dict) or safety.get("contentSafetyStatus") not in SAFETY:
        yield "properties.contentSafety", "'contentSafetyStatus' is required and must be Enabled or Disabled."
        return
    # The level exists in preview versions.
    yield from _strangers(safety, "properties.contentSafety.", {"contentSafetyStatus", "contentSafetyLevel"})


def _tags(tags: Any) -> Problems:
    if not isinstance(tags, dict) or not all(isinstance(value, str) for value in tags.values()):
        yield "tags", "'tags' must be an object of strings."
    elif len(tags) > MOST_TAGS:
        yield "tags", f"A resource can have {MOST_TAGS} tags at most."
    elif any(len(key) > 512 or len(value) > 256 for key, value in tags.items()):
        yield "tags", "A tag's key has 512 characters at most and its value 256."


def _identity(identity: Any, now: Document, *, is_partial: bool = False) -> Problems:
    if identity is ABSENT:
        return
    if not isinstance(identity, dict) or identity.get("type", "None" if is_partial else "") not in IDENTITY_TYPES:
        yield "identity", "'identity.type' is required and must be one of the four types."
        return
    shown = () if is_partial else ("principalId", "tenantId")
    yield from _strangers(identity, "identity.", {"type", "userAssignedIdentities", *shown})
    yield from _read_only(identity, now, "identity.", shown)
    assigned = identity.get("userAssignedIdentities", {})
    if "UserAssigned" in identity.get("type", "") and not assigned:
        yield "identity.userAssignedIdentities", "A user-assigned identity needs at least one resource id."
    if not isinstance(assigned, dict) or not all(isinstance(one, dict) for one in assigned.values()):
        yield "identity.userAssignedIdentities", "'userAssignedIdentities' must be an object of objects."
        return
    shown = () if is_partial else ("principalId", "clientId")
    for name, one in assigned.items():
        prefix = f"identity.userAssignedIdentities.{name}."
        yield from _strangers(one, prefix, set(shown))
        yield from _read_only(one, now.get("userAssignedIdentities", {}).get(name, {}), prefix, shown)


def _read_only(body: Document, now: Document, prefix: str, names: Iterable[str]) -> Problems:
    """What only the service sets may be repeated, and not changed."""
    for name in names:
        if name in body and (name not in now or body[name] != now[name]):
            yield f"{prefix}{name}", f"'{prefix}{name}' is read-only and cannot be set."


def _sku(sku: Any, *, is_partial: bool = False) -> Problems:
    if sku is ABSENT:
        return
    if not isinstance(sku, dict) or not isinstance(sku.get("name", "" if is_partial else None), str):
        yield "sku", "'sku.name' is required."
        return
    yield from _strangers(sku, "sku.", {"name", "tier", "size", "family", "capacity"})
    for name in ("size", "family"):
        if not isinstance(sku.get(name, ""), str):
            yield f"sku.{name}", f"'sku.{name}' must be a string."
    if "tier" in sku and sku["tier"] not in TIERS:
        yield "sku.tier", f"'{sku['tier']}' is no tier."
    capacity = sku.get("capacity", 0)
    whole = isinstance(capacity, int) and not isinstance(capacity, bool)
    if not (whole and -INT32 <= capacity < INT32):
        yield "sku.capacity", "'capacity' must be a 32-bit integer."


def _strangers(part: Document, prefix: str, known: set[str]) -> Problems:
    for name in sorted(part.keys() - known):
        yield f"{prefix}{name}", f"'{prefix}{name}' is not a known property."
