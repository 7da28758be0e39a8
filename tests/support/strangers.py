"""Endpoints that a pipeline makes in Azure under names that users want here."""

from endpoints.arm.serverless_endpoint import ServerlessEndpoint
from endpoints.models import Workspace
from tests.support.azure import Azure
from tests.support.creation import PHI
from tests.support.fleet import others


def strangers_endpoint(azure: Azure, workspace: Workspace, name: str = "chat", model: str = PHI) -> None:
    """An endpoint that Azure is still creating for half a minute."""
    body = {"tags": {"made-by": "pipeline"}, "properties": {"modelSettings": {"modelId": model}}}
    others(azure, "PUT", f"{workspace.arm_id}/serverlessEndpoints/{name}", body, by="pipeline", seconds=30)


def resource_of(azure: Azure, name: str) -> ServerlessEndpoint:
    resource = azure.resource(name)
    assert resource is not None
    return ServerlessEndpoint.from_json(resource)
