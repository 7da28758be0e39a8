"""Drift: where Azure differs from the request, field by field. Fields that Azure fills in by itself never differ."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.conf import settings

from endpoints.arm.resources import same_location
from endpoints.arm.serverless_endpoint import (
    EndpointUpdate,
    ManagedServiceIdentity,
    ServerlessEndpoint,
    UserAssignedIdentity,
)

# The field as people call it, the value requested and the value that Azure holds.
Difference = dict[str, Any]
# "Tag team" is the tag named team.
TAG = "Tag "


@dataclass(frozen=True)
class Setting:
    """A field that is compared: how to read it, and how to copy it from Azure's resource into the request."""

    name: str
    read: Callable[[ServerlessEndpoint], str]
    accept: Callable[[ServerlessEndpoint, ServerlessEndpoint], ServerlessEndpoint]
    # Whether the second value, which Azure holds, is what the first one requests. Case and spaces do not count:
    # "East US 2" is eastus2, and "SystemAssigned, UserAssigned" is written with and without the space.
    is_met: Callable[[str, str], bool] = same_location
    # Whether a PATCH changes it: https://learn.microsoft.com/en-us/rest/api/azureml/serverless-endpoints/update
    is_patchable: bool = False


def drift_of(requested: ServerlessEndpoint, observed: ServerlessEndpoint) -> list[Difference]:
    """Empty if Azure holds what was requested. A field that was not requested is not compared, except for tags."""
    if not requested.is_resource:
        return []
    return [
        *_tag_differences(requested.tags, observed.tags),
        *(_difference(setting, requested, observed) for setting in _unmet(requested, observed)),
    ]


def changes_between(before: ServerlessEndpoint, after: ServerlessEndpoint) -> list[Difference]:
    """Settings that differ between two reads of the same endpoint."""
    return [
        *_tag_differences(before.tags, after.tags),
        *(
            _difference(setting, before, after)
            for setting in SETTINGS
            if not same_location(setting.read(before), setting.read(after))
        ),
    ]


def accepted(requested: ServerlessEndpoint, observed: ServerlessEndpoint) -> ServerlessEndpoint:
    """The request with Azure's values where the two differ."""
    differing = _unmet(requested, observed)
    if [*_tag_differences(requested.tags, observed.tags)]:
        ignored = _tags_of_policies()
        requested = replace(
            requested, tags={name: value for name, value in observed.tags.items() if name.lower() not in ignored}
        )
    for setting in differing:
        requested = setting.accept(requested, observed)
    return requested


def restoring_update(requested: ServerlessEndpoint, observed: ServerlessEndpoint) -> EndpointUpdate | None:
    """The PATCH that brings back what was requested, as far as a PATCH can; None if nothing in it differs."""
    names = {setting.name for setting in _unmet(requested, observed)}
    update = EndpointUpdate(
        identity=requested.identity if names & {IDENTITY, USER_ASSIGNED} else None,
        sku=requested.sku if SKU in names else None,
    )
    if [*_tag_differences(requested.tags, observed.tags)]:
        ignored = _tags_of_policies()
        # A PATCH replaces all tags, so those of policies are sent along.
        kept = {name: value for name, value in observed.tags.items() if name.lower() in ignored}
        update = replace(update, tags={**requested.tags, **kept})
    return update if update != EndpointUpdate() else None


def updated(requested: ServerlessEndpoint, update: EndpointUpdate) -> ServerlessEndpoint:
    """The request as if it had been made with these changes."""
    return replace(
        requested,
        tags=requested.tags if update.tags is None else update.tags,
        identity=update.identity or requested.identity,
        sku=update.sku or requested.sku,
    )


def is_patchable(field: str) -> bool:
    return field.startswith(TAG) or field in {setting.name for setting in SETTINGS if setting.is_patchable}


def _model_is_met(wanted: str, held: str) -> bool:
    """Azure may add the version that it serves."""
    return held.lower() == wanted.lower() or held.lower().startswith(f"{wanted.lower()}/versions/")


def _with_model(requested: ServerlessEndpoint, observed: ServerlessEndpoint) -> ServerlessEndpoint:
    model = observed.properties.model_settings
    return replace(requested, properties=replace(requested.properties, model_settings=model))


def _with_auth_mode(requested: ServerlessEndpoint, observed: ServerlessEndpoint) -> ServerlessEndpoint:
    return replace(requested, properties=replace(requested.properties, auth_mode=observed.properties.auth_mode))


def _with_content_safety(requested: ServerlessEndpoint, observed: ServerlessEndpoint) -> ServerlessEndpoint:
    safety = observed.properties.content_safety
    return replace(requested, properties=replace(requested.properties, content_safety=safety))


def _with_identity(requested: ServerlessEndpoint, observed: ServerlessEndpoint) -> ServerlessEndpoint:
    """Without the ids that Azure gives to the identities: they are read-only."""
    assigned = {arm_id: UserAssignedIdentity() for arm_id in observed.identity.user_assigned_identities}
    identity = ManagedServiceIdentity(type=observed.identity.type, user_assigned_identities=assigned)
    return replace(requested, identity=identity)


def _user_assigned(resource: ServerlessEndpoint) -> str:
    return ", ".join(sorted(resource.identity.user_assigned_identities, key=str.lower))


IDENTITY, USER_ASSIGNED, SKU = "Identity", "User-assigned identities", "SKU"
SETTINGS = (
    Setting("Model", lambda resource: resource.model_id, _with_model, is_met=_model_is_met),
    Setting("Authentication", lambda resource: resource.properties.auth_mode, _with_auth_mode),
    Setting(
        "Content safety",
        lambda resource: resource.properties.content_safety.content_safety_status,
        _with_content_safety,
    ),
    Setting(
        SKU,
        lambda resource: resource.sku.name,
        lambda requested, observed: replace(requested, sku=observed.sku),
        is_patchable=True,
    ),
    # A resource without an identity has the type None, which ARM may leave out.
    Setting(
        IDENTITY,
        lambda resource: resource.identity.type,
        _with_identity,
        is_met=lambda wanted, held: same_location(wanted, held or "None"),
        is_patchable=True,
    ),
    Setting(
        USER_ASSIGNED,
        _user_assigned,
        _with_identity,
        is_met=lambda wanted, held: not held or same_location(wanted, held),
        is_patchable=True,
    ),
    Setting(
        "Region",
        lambda resource: resource.location,
        lambda requested, observed: replace(requested, location=observed.location),
    ),
)


def _unmet(requested: ServerlessEndpoint, observed: ServerlessEndpoint) -> list[Setting]:
    return [
        setting
        for setting in SETTINGS
        if (wanted := setting.read(requested)) and not setting.is_met(wanted, setting.read(observed))
    ]


def _tag_differences(wanted: Mapping[str, str], held: Mapping[str, str]) -> Iterator[Difference]:
    """Names of tags compare without case, values with it.

    https://learn.microsoft.com/en-us/azure/azure-resource-manager/management/tag-resources
    """
    names = {name.lower(): name for name in (*held, *wanted)}
    one = {name.lower(): value for name, value in wanted.items()}
    other = {name.lower(): value for name, value in held.items()}
    for key in sorted(names.keys() - _tags_of_policies()):
        if one.get(key) != other.get(key):
            yield {"field": f"{TAG}{names[key]}", "before": one.get(key, ""), "after": other.get(key, "")}


def _tags_of_policies() -> set[str]:
    return {name.lower() for name in settings.TAGS_OF_POLICIES}


def _difference(setting: Setting, before: ServerlessEndpoint, after: ServerlessEndpoint) -> Difference:
    return {"field": setting.name, "before": setting.read(before), "after": setting.read(after)}
