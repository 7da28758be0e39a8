"""The details of an endpoint in groups, as its page shows them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.dateparse import parse_datetime
from django.utils.text import slugify

from endpoints.arm.serverless_endpoint import ManagedServiceIdentity, ServerlessEndpoint, Sku, SystemData
from endpoints.models import Endpoint, Operation


@dataclass(frozen=True)
class Fact:
    label: str
    value: Any
    mono: bool = False
    copy: bool = False

    @property
    def key(self) -> str:
        return slugify(f"{self.label} {self.value}")


@dataclass(frozen=True)
class FactGroup:
    title: str
    rows: list[Fact]


def facts(endpoint: Endpoint, operation: Operation | None, confirmed_at: datetime | None) -> list[FactGroup]:
    """All groups, without empty facts and empty groups."""
    observed = endpoint.observed or ServerlessEndpoint()
    groups = [
        FactGroup("Azure's states", _azure_states(endpoint, observed, operation, confirmed_at)),
        FactGroup("Settings", _settings(endpoint, observed)),
        FactGroup("Identity", _identity(observed.identity)),
        FactGroup("Location", _location(endpoint, observed)),
        FactGroup("Owner and dates", _owner_and_dates(endpoint, observed.system_data)),
    ]
    shown = [FactGroup(group.title, [fact for fact in group.rows if fact.value not in {None, ""}]) for group in groups]
    return [group for group in shown if group.rows]


def _azure_states(
    endpoint: Endpoint, observed: ServerlessEndpoint, operation: Operation | None, confirmed_at: datetime | None
) -> list[Fact]:
    settled_at, read_at = operation and operation.settled_at, endpoint.observed_at
    # A failed operation settles without another read of the resource, so its states may be out of date.
    when = " before the operation ended" if settled_at and read_at and read_at < settled_at else ""
    rows = [
        Fact(f"Provisioning state{when}", observed.provisioning_state),
        Fact(f"Endpoint state{when}", observed.endpoint_state),
        Fact("Read at", endpoint.observed_at),
        Fact("Last confirmed", confirmed_at),
    ]
    if operation:
        rows.insert(0, Fact("Operation status", operation.arm_status))
        rows.append(Fact("Correlation id", str(operation.correlation_id), mono=True, copy=True))
    return rows


def _settings(endpoint: Endpoint, observed: ServerlessEndpoint) -> list[Fact]:
    requested = endpoint.requested
    current, wanted = observed.properties, requested.properties
    safety = current.content_safety if current.has("content_safety") else wanted.content_safety
    return [
        Fact("Model", endpoint.model_id, mono=True, copy=True),
        Fact("Authentication", current.auth_mode if current.has("auth_mode") else wanted.auth_mode),
        Fact("Content safety", safety.content_safety_status or "Azure's default"),
        Fact("Kind", observed.kind if observed.has("kind") else requested.kind),
        Fact("SKU", _sku(observed.sku) or _sku(requested.sku)),
        Fact("Tags", _pairs(observed.tags if observed.has("tags") else requested.tags)),
        Fact("Inference headers", _pairs(current.inference_endpoint.headers), mono=True),
    ]


def _sku(sku: Sku) -> str:
    """Like "Consumption, tier Basic, capacity 2"."""
    parts = {"tier": sku.tier, "size": sku.size, "family": sku.family, "capacity": sku.capacity, **sku.extra}
    rest = [f"{name} {value}" for name, value in parts.items() if value not in (None, "")]
    return ", ".join([sku.name, *rest]).strip(", ")


def _identity(identity: ManagedServiceIdentity) -> list[Fact]:
    return [
        Fact("Type", identity.type),
        Fact("Principal id", identity.principal_id, mono=True, copy=True),
        Fact("Tenant id", identity.tenant_id, mono=True),
        *(Fact("User-assigned", arm_id, mono=True, copy=True) for arm_id in identity.user_assigned_identities),
    ]


def _location(endpoint: Endpoint, observed: ServerlessEndpoint) -> list[Fact]:
    workspace = endpoint.workspace
    subscription = observed.properties.marketplace_subscription_id
    return [
        Fact("Workspace", workspace.name),
        Fact("Region", workspace.location),
        Fact("Resource group", workspace.resource_group),
        Fact("Subscription", workspace.subscription_id, mono=True),
        Fact("Resource id", observed.id or endpoint.arm_id, mono=True, copy=True),
        Fact("Marketplace subscription", subscription, mono=True, copy=True),
    ]


def _owner_and_dates(endpoint: Endpoint, system: SystemData) -> list[Fact]:
    return [
        Fact("Owner", endpoint.owner.name if endpoint.owner else "No one: it was not created here"),
        Fact("Requested at" if endpoint.was_requested else "Found at", endpoint.created_at),
        Fact("Created in Azure by", _principal(system.created_by, system.created_by_type)),
        Fact("Created in Azure at", _time(system.created_at)),
        Fact("Changed in Azure by", _principal(system.last_modified_by, system.last_modified_by_type)),
        Fact("Changed in Azure at", _time(system.last_modified_at)),
    ]


def _principal(name: str, kind: str) -> str:
    return f"{name} ({kind})" if name and kind else name


def _time(text: str) -> Any:
    """Azure's time as a datetime, or as text if it cannot be parsed."""
    try:
        return parse_datetime(text) or text
    except ValueError:
        return text


def _pairs(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{key}={value}" for key, value in values.items())
