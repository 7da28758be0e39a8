"""The JSON of a serverless endpoint, as types.

Enums stay `str`, since ARM's are open and a newer service may return other values. Each class has the fields of the
stable api-versions and of the previews since 2024-10-01-preview.
"""

# ruff: noqa: RUF009  the calls below are field specifiers, and the nested defaults are frozen
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from endpoints.arm.json_fields import (
    ArmObject,
    JsonObject,
    integer,
    json_field,
    nested,
    read_mapping,
    read_texts,
    reader_of,
    text,
    texts,
)
from endpoints.arm.paging import items_in
from endpoints.arm.resources import same_location
from endpoints.arm.statuses import provisioning_state


@dataclass(frozen=True)
class ModelSettings(ArmObject):
    """https://learn.microsoft.com/en-us/rest/api/azureml/serverless-endpoints/create-or-update#modelsettings"""

    model_id: str = text("modelId")


@dataclass(frozen=True)
class ContentSafety(ArmObject):
    """https://learn.microsoft.com/en-us/rest/api/azureml/serverless-endpoints/create-or-update#contentsafety"""

    content_safety_status: str = text("contentSafetyStatus")
    # Only in previews: https://learn.microsoft.com/en-us/azure/templates/microsoft.machinelearningservices/change-log/workspaces/serverlessendpoints
    content_safety_level: str = text("contentSafetyLevel")


def _read_headers(value: Any) -> Mapping[str, str | None] | None:
    return read_mapping(value, lambda item: item is None or isinstance(item, str))


@dataclass(frozen=True)
class InferenceEndpoint(ArmObject):
    """https://learn.microsoft.com/en-us/rest/api/azureml/serverless-endpoints/create-or-update#serverlessinferenceendpoint"""

    uri: str = text("uri")
    headers: Mapping[str, str | None] = json_field("headers", _read_headers, {})


@dataclass(frozen=True)
class Properties(ArmObject):
    """https://learn.microsoft.com/en-us/rest/api/azureml/serverless-endpoints/create-or-update#serverlessendpoint"""

    auth_mode: str = text("authMode")
    model_settings: ModelSettings = nested("modelSettings", ModelSettings)
    content_safety: ContentSafety = nested("contentSafety", ContentSafety)
    endpoint_state: str = text("endpointState")
    inference_endpoint: InferenceEndpoint = nested("inferenceEndpoint", InferenceEndpoint)
    marketplace_subscription_id: str = text("marketplaceSubscriptionId")
    provisioning_state: str = text("provisioningState")


@dataclass(frozen=True)
class Sku(ArmObject):
    """https://learn.microsoft.com/en-us/rest/api/azureml/serverless-endpoints/create-or-update#sku"""

    name: str = text("name")
    tier: str = text("tier")
    size: str = text("size")
    family: str = text("family")
    capacity: int | None = integer("capacity")


@dataclass(frozen=True)
class UserAssignedIdentity(ArmObject):
    """https://learn.microsoft.com/en-us/rest/api/azureml/serverless-endpoints/create-or-update#userassignedidentity"""

    client_id: str = text("clientId")
    principal_id: str = text("principalId")


def _read_identities(value: Any) -> Mapping[str, UserAssignedIdentity | None] | None:
    read = reader_of(UserAssignedIdentity)
    objects = read_mapping(value, lambda item: item is None or isinstance(item, dict))
    return None if objects is None else {arm_id: read(item) for arm_id, item in objects.items()}


@dataclass(frozen=True)
class ManagedServiceIdentity(ArmObject):
    """https://learn.microsoft.com/en-us/rest/api/azureml/serverless-endpoints/create-or-update#managedserviceidentity"""

    type: str = text("type")
    user_assigned_identities: Mapping[str, UserAssignedIdentity | None] = json_field(
        "userAssignedIdentities", _read_identities, {}
    )
    principal_id: str = text("principalId")
    tenant_id: str = text("tenantId")


@dataclass(frozen=True)
class SystemData(ArmObject):
    """https://learn.microsoft.com/en-us/rest/api/azureml/serverless-endpoints/create-or-update#systemdata

    Times stay as ARM writes them.
    """

    created_by: str = text("createdBy")
    created_by_type: str = text("createdByType")
    created_at: str = text("createdAt")
    last_modified_by: str = text("lastModifiedBy")
    last_modified_by_type: str = text("lastModifiedByType")
    last_modified_at: str = text("lastModifiedAt")


@dataclass(frozen=True)
class EndpointUpdate(ArmObject):
    """The body of a PATCH: https://learn.microsoft.com/en-us/rest/api/azureml/serverless-endpoints/update

    None leaves a part as it is; an empty one replaces it.
    """

    tags: Mapping[str, str] | None = json_field("tags", read_texts, None)
    identity: ManagedServiceIdentity | None = json_field("identity", reader_of(ManagedServiceIdentity), None)
    sku: Sku | None = json_field("sku", reader_of(Sku), None)


@dataclass(frozen=True)
class RegenerateKeyRequest(ArmObject):
    """https://learn.microsoft.com/en-us/rest/api/azureml/serverless-endpoints/regenerate-keys"""

    key_type: str = text("keyType")
    key_value: str = text("keyValue", is_secret=True)


@dataclass(frozen=True)
class ServerlessEndpoint(ArmObject):
    """The resource, and the body of a PUT, which has the fields from `location` to `properties`.

    https://learn.microsoft.com/en-us/rest/api/azureml/serverless-endpoints/create-or-update#serverlessendpointtrackedresource
    """

    location: str = text("location")
    kind: str = text("kind")
    tags: Mapping[str, str] = texts("tags")
    identity: ManagedServiceIdentity = nested("identity", ManagedServiceIdentity)
    sku: Sku = nested("sku", Sku)
    properties: Properties = nested("properties", Properties)
    id: str = text("id")
    name: str = text("name")
    type: str = text("type")
    system_data: SystemData = nested("systemData", SystemData)

    @property
    def is_resource(self) -> bool:
        """Whether it has properties: any JSON object can be read, and an error or status document has none."""
        return self.properties != Properties()

    @property
    def endpoint_state(self) -> str:
        """The state of the service, in ARM's casing."""
        return self.properties.endpoint_state

    @property
    def provisioning_state(self) -> str:
        """The state of the latest operation, in ARM's casing."""
        return self.properties.provisioning_state

    @property
    def inference_uri(self) -> str:
        return self.properties.inference_endpoint.uri

    @property
    def model_id(self) -> str:
        return self.properties.model_settings.model_id

    def includes(self, requested: "ServerlessEndpoint | EndpointUpdate") -> bool:
        """Whether it shows everything requested, whatever else it shows."""
        return _includes(self.to_json(), requested.to_json())


def endpoints_in(page: JsonObject) -> list[ServerlessEndpoint]:
    """The endpoints on one page of a list: https://learn.microsoft.com/en-us/rest/api/azureml/serverless-endpoints/list"""
    return [ServerlessEndpoint.from_json(item) for item in items_in(page)]


def provisioning_states_in(page: JsonObject) -> dict[str, str]:
    """Provisioning states by name in lower case. Reads no more than that, since it is needed for every poll."""
    items = [item for item in items_in(page) if isinstance(item.get("name"), str)]
    return {item["name"].lower(): provisioning_state(item) for item in items}


def _includes(shown: Any, requested: Any, key: str = "") -> bool:
    """Compare as ARM does, which may return another casing than the request had. Only values of tags keep theirs.

    https://learn.microsoft.com/en-us/azure/azure-resource-manager/management/tag-resources
    """
    if isinstance(requested, dict):
        return isinstance(shown, dict) and all(
            _includes(_named(shown, name), value, "tag" if key == "tags" else name) for name, value in requested.items()
        )
    if key == "tag" or not (isinstance(requested, str) and isinstance(shown, str)):
        return bool(shown == requested)
    # "East US 2" is eastus2, and "SystemAssigned, UserAssigned" is written with and without the space.
    return same_location(shown, requested) if key in {"location", "type"} else shown.lower() == requested.lower()


def _named(shown: JsonObject, name: str) -> Any:
    """ARM's names, among them resource ids and the names of tags, compare without case."""
    if name in shown:
        return shown[name]
    return next((value for key, value in shown.items() if key.lower() == name.lower()), None)
