"""The subscriptions, resource groups and workspaces that exist from the start."""

import uuid
from dataclasses import dataclass

PRODUCTION = "0a1b2c3d-1111-4aaa-8bbb-e0d35a1b0101"
RESEARCH = "0a1b2c3d-2222-4aaa-8bbb-e0d35a1b0102"


@dataclass(frozen=True)
class Subscription:
    subscription_id: str
    name: str

    @property
    def resource_id(self) -> str:
        return f"/subscriptions/{self.subscription_id}"


@dataclass(frozen=True)
class ResourceGroup:
    subscription_id: str
    name: str
    location: str

    @property
    def resource_id(self) -> str:
        return f"/subscriptions/{self.subscription_id}/resourceGroups/{self.name}"


@dataclass(frozen=True)
class Workspace:
    subscription_id: str
    resource_group: str
    name: str
    location: str
    friendly_name: str
    # Registries whose marketplace offers this workspace has subscribed to.
    offers: tuple[str, ...] = ()

    @property
    def resource_id(self) -> str:
        return (
            f"/subscriptions/{self.subscription_id}/resourceGroups/{self.resource_group}"
            f"/providers/Microsoft.MachineLearningServices/workspaces/{self.name}"
        )

    @property
    def workspace_id(self) -> str:
        return str(uuid.uuid5(uuid.NAMESPACE_URL, self.resource_id.lower()))


SUBSCRIPTIONS = (
    Subscription(PRODUCTION, "Contoso Production"),
    Subscription(RESEARCH, "Contoso Research"),
)
RESOURCE_GROUPS = (
    ResourceGroup(PRODUCTION, "rg-ml-production", "eastus2"),
    ResourceGroup(PRODUCTION, "rg-ml-shared", "westus3"),
    ResourceGroup(RESEARCH, "rg-ml-research", "swedencentral"),
    ResourceGroup(RESEARCH, "rg-sandbox", "westeurope"),
)
WORKSPACES = (
    Workspace(
        PRODUCTION, "rg-ml-production", "ml-production", "eastus2", "Production", ("azureml-meta", "azureml-mistral")
    ),
    Workspace(RESEARCH, "rg-ml-research", "ml-research", "swedencentral", "Research"),
    Workspace(PRODUCTION, "rg-ml-shared", "ml-shared", "westus3", "Shared by all teams", ("azureml-cohere",)),
    Workspace(PRODUCTION, "rg-ml-production", "ml-staging", "eastus2", "Staging"),
    Workspace(RESEARCH, "rg-ml-research", "ml-vision", "northcentralus", "Vision group"),
    Workspace(RESEARCH, "rg-sandbox", "ml-sandbox", "westeurope", "Sandbox, no serverless models in its region"),
)
FIRST_WORKSPACES = WORKSPACES[:2]
