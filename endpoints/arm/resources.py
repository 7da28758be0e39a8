"""Names, ids and resources of ARM."""

import re
from dataclasses import dataclass
from typing import Any

PROVIDER = "Microsoft.MachineLearningServices"
# Patterns for fullmatch. The name of an endpoint has that of the API definition:
# https://learn.microsoft.com/en-us/rest/api/azureml/serverless-endpoints/create-or-update#uri-parameters
ENDPOINT_NAME = r"[a-zA-Z][a-zA-Z0-9-]{0,51}"
# Letters of any script, and no period at the end. Azure's own pattern counts more characters as letters than Python
# does, so only those that no name may contain are left out: ARM decides about the others.
# https://learn.microsoft.com/en-us/azure/azure-resource-manager/management/resource-name-rules#microsoftresources
RESOURCE_GROUP = r"[^\s\x00-\x1f\x7f/\\?#%&<>:]{0,89}[^\s\x00-\x1f\x7f/\\?#%&<>:.]"
# https://learn.microsoft.com/en-us/azure/azure-resource-manager/management/resource-name-rules#microsoftmachinelearningservices
WORKSPACE_NAME = r"[a-zA-Z0-9][a-zA-Z0-9_-]{2,32}"
GUID = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"

GUID_ONLY = re.compile(GUID)
# Names in URLs compare without case, which re.IGNORECASE stands for below:
# https://github.com/cloud-and-ai-microsoft/resource-provider-contract/blob/master/v1.0/common-api-details.md#case-insensitivity-for-requests
WORKSPACE_ID = re.compile(
    rf"/subscriptions/(?P<subscription_id>{GUID})/resourceGroups/(?P<resource_group>{RESOURCE_GROUP})"
    rf"/providers/{re.escape(PROVIDER)}/workspaces/(?P<name>{WORKSPACE_NAME})/?",
    re.IGNORECASE | re.ASCII,
)
# https://learn.microsoft.com/en-us/azure/azure-resource-manager/management/resource-name-rules#microsoftmanagedidentity
USER_ASSIGNED_IDENTITY_ID = re.compile(
    rf"/subscriptions/{GUID}/resourceGroups/{RESOURCE_GROUP}"
    r"/providers/Microsoft\.ManagedIdentity/userAssignedIdentities/[a-zA-Z0-9][a-zA-Z0-9_-]{2,127}",
    re.IGNORECASE | re.ASCII,
)

# https://learn.microsoft.com/en-us/azure/machine-learning/how-to-deploy-models-serverless
REGISTRY_MODEL_ID = re.compile(r"azureml://registries/[^/\s]+/models/[^/\s]+", re.IGNORECASE)
# The only kind of model id with a version.
FINE_TUNED_MODEL_ID = re.compile(
    r"azureml://locations/[^/\s]+/workspaces/[^/\s]+/models/[^/\s]+/versions/[^/\s]+", re.IGNORECASE
)


@dataclass(frozen=True)
class WorkspaceId:
    subscription_id: str
    resource_group: str
    name: str

    @classmethod
    def parse(cls, text: str) -> "WorkspaceId":
        """Read the resource id of a workspace; raises ValueError if it is anything else."""
        match = WORKSPACE_ID.fullmatch(text.strip())
        if match is None:
            raise ValueError("not the resource id of an Azure Machine Learning workspace")
        return cls(**match.groupdict())

    @classmethod
    def try_parse(cls, text: str) -> "WorkspaceId | None":
        try:
            return cls.parse(text)
        except ValueError:
            return None

    @property
    def key(self) -> str:
        return key_of(str(self))

    def __str__(self) -> str:
        return (
            f"/subscriptions/{self.subscription_id}/resourceGroups/{self.resource_group}"
            f"/providers/{PROVIDER}/workspaces/{self.name}"
        )


@dataclass(frozen=True)
class Subscription:
    id: str
    name: str

    @classmethod
    def of(cls, body: dict[str, Any]) -> "Subscription":
        subscription_id = _text(body, "subscriptionId")
        return cls(subscription_id, _text(body, "displayName") or subscription_id)


@dataclass(frozen=True)
class WorkspaceResource:
    """A workspace as ARM describes it, in ARM's casing. `id` is None if the resource id fits no pattern of ours."""

    arm_id: str
    name: str
    location: str
    id: WorkspaceId | None

    @classmethod
    def of(cls, body: dict[str, Any]) -> "WorkspaceResource":
        arm_id = _text(body, "id")
        name = _text(body, "name") or arm_id.rpartition("/")[2] or "unnamed"
        return cls(arm_id, name, _text(body, "location"), WorkspaceId.try_parse(arm_id))

    @property
    def key(self) -> str:
        return key_of(self.arm_id or self.name)


def key_of(arm_id: str) -> str:
    """The same for resource ids that differ only in case. Databases disagree about the case of letters beyond ASCII.

    https://github.com/cloud-and-ai-microsoft/resource-provider-contract/blob/master/v1.0/common-api-details.md#case-insensitivity-for-requests
    """
    return arm_id.casefold().rstrip("/")


def same_location(location: str, other: str) -> bool:
    """Locations compare without case and spaces: "East US 2" is the display name of `eastus2`.

    https://learn.microsoft.com/en-us/rest/api/resources/subscriptions/list-locations
    """
    return location.replace(" ", "").lower() == other.replace(" ", "").lower()


def _text(body: dict[str, Any], name: str) -> str:
    """A text that a database can store: JSON may escape half a surrogate pair, and PostgreSQL takes no NUL."""
    value = body.get(name)
    return value.encode(errors="replace").decode().replace("\0", "?") if isinstance(value, str) else ""
