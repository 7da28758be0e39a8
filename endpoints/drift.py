"""Drift: where Azure differs from the request, field by field. Fields that Azure fills in by itself never differ."""

from collections.abc import Iterator, Mapping
from typing import Any

from django.conf import settings

from endpoints.arm.resources import same_location
from endpoints.arm.serverless_endpoint import ServerlessEndpoint

# The field as people call it, the value requested and the value that Azure holds.
Difference = dict[str, Any]


def drift_of(requested: ServerlessEndpoint, observed: ServerlessEndpoint) -> list[Difference]:
    """Empty if Azure holds what was requested. A field that was not requested is not compared, except for tags."""
    return list(_differences(requested, observed)) if requested.is_resource else []


def changes_between(before: ServerlessEndpoint, after: ServerlessEndpoint) -> list[Difference]:
    """Settings that differ between two reads of the same endpoint."""
    return [
        *_tag_differences(before.tags, after.tags),
        *(
            _difference(name, one, other)
            for name, one, other in zip(NAMES, _settings(before), _settings(after), strict=True)
            if one != other
        ),
    ]


NAMES = ("Model", "Authentication", "Content safety", "SKU", "Identity", "Region")


def _settings(resource: ServerlessEndpoint) -> tuple[str, ...]:
    properties = resource.properties
    return (
        resource.model_id,
        properties.auth_mode,
        properties.content_safety.content_safety_status,
        resource.sku.name,
        resource.identity.type,
        resource.location,
    )


def _differences(requested: ServerlessEndpoint, observed: ServerlessEndpoint) -> Iterator[Difference]:
    yield from _tag_differences(requested.tags, observed.tags)
    for name, wanted, held in zip(NAMES, _settings(requested), _settings(observed), strict=True):
        if wanted and not _is_same(name, wanted, held):
            yield _difference(name, wanted, held)


def _is_same(name: str, wanted: str, held: str) -> bool:
    if name == "Model":
        # Azure may add the version that it serves.
        return held.lower() == wanted.lower() or held.lower().startswith(f"{wanted.lower()}/versions/")
    # "East US 2" is eastus2, and "SystemAssigned, UserAssigned" is written with and without the space.
    return same_location(wanted, held)


def _tag_differences(wanted: Mapping[str, str], held: Mapping[str, str]) -> Iterator[Difference]:
    """Names of tags compare without case, values with it.

    https://learn.microsoft.com/en-us/azure/azure-resource-manager/management/tag-resources
    """
    ignored = {name.lower() for name in settings.TAGS_OF_POLICIES}
    names = {name.lower(): name for name in (*held, *wanted)}
    one = {name.lower(): value for name, value in wanted.items()}
    other = {name.lower(): value for name, value in held.items()}
    for key in sorted(names.keys() - ignored):
        if one.get(key) != other.get(key):
            yield _difference(f"Tag {names[key]}", one.get(key, ""), other.get(key, ""))


def _difference(field: str, before: str, after: str) -> Difference:
    return {"field": field, "before": before, "after": after}
