"""The 404s of Azure: about the resource, about one of its parents, or about neither.

https://learn.microsoft.com/en-us/azure/azure-resource-manager/troubleshooting/error-not-found
"""

from collections.abc import Callable
from dataclasses import dataclass

from emulator.arm.errors import ArmError, resource_not_found, service_error

PROVIDER = "Microsoft.MachineLearningServices"
COLLECTIONS = {"serverlessendpoints": "serverlessEndpoints", "marketplacesubscriptions": "marketplaceSubscriptions"}


@dataclass(frozen=True)
class RequestedPath:
    """The names in the path of a request, which the messages repeat."""

    path: str
    subscription: str
    group: str
    workspace: str
    collection: str
    name: str
    api_version: str

    @property
    def parent(self) -> str:
        return f"{PROVIDER}/workspaces/{self.workspace}"

    @property
    def resource(self) -> str:
        return f"{self.parent}/{self.collection}/{self.name}" if self.name else self.parent


def requested(url_path: str, api_version: str, workspace: str = "", name: str = "") -> RequestedPath:
    """Paths to poll name no workspace, so the caller may know it from the operation."""
    parts = url_path.strip("/").split("/")
    names = {kind.lower(): value for kind, value in zip(parts[::2], parts[1::2], strict=False)}
    collection = next((key for key in COLLECTIONS if key in names), "serverlessendpoints")
    return RequestedPath(
        path=url_path,
        subscription=names.get("subscriptions", ""),
        group=names.get("resourcegroups", ""),
        workspace=names.get("workspaces", workspace),
        collection=COLLECTIONS[collection],
        name=names.get(collection, name),
        api_version=api_version,
    )


def _operation(path: RequestedPath) -> ArmError:
    details = [{"code": "OperationNotFound", "message": "There is no such operation."}]
    return service_error(404, "NotFound", "The specified resource was not found.", "", details=details)


def _service(path: RequestedPath) -> ArmError:
    return service_error(404, "NotFound", "The specified resource was not found.", "", target=path.path)


def _group(path: RequestedPath) -> ArmError:
    return ArmError(404, "ResourceGroupNotFound", f"Resource group '{path.group}' could not be found.")


def _parent(path: RequestedPath) -> ArmError:
    text = (
        "Failed to perform 'read' on resource(s) of type "
        f"'workspaces/{path.collection}', because the parent resource '/subscriptions/{path.subscription}"
        f"/resourceGroups/{path.group}/providers/{path.parent}' could not be found."
    )
    return ArmError(404, "ParentResourceNotFound", text)


def _subscription(path: RequestedPath) -> ArmError:
    return ArmError(404, "SubscriptionNotFound", f"The subscription '{path.subscription}' could not be found.")


def _type(path: RequestedPath) -> ArmError:
    text = (
        f"The resource type 'workspaces/{path.collection}' could not be found in the namespace '{PROVIDER}' "
        f"for api version '{path.api_version}'."
    )
    return ArmError(404, "InvalidResourceType", text)


def _provider(path: RequestedPath) -> ArmError:
    text = (
        f"No registered resource provider found for location 'eastus2' and API version '{path.api_version}' "
        f"for type 'workspaces/{path.collection}'."
    )
    return ArmError(404, "NoRegisteredProviderFound", text)


# Codes and messages: https://learn.microsoft.com/en-us/azure/azure-resource-manager/troubleshooting/common-deployment-errors
ABSENCES: dict[str, Callable[[RequestedPath], ArmError]] = {
    "operation": _operation,
    "resource": lambda path: resource_not_found(path.resource, path.group),
    "workspace": lambda path: resource_not_found(path.parent, path.group),
    "service": _service,
    "group": _group,
    "parent": _parent,
    "subscription": _subscription,
    "type": _type,
    "provider": _provider,
}
# These have no error document.
WITHOUT_ERROR = ("html", "empty")
SHAPES = (*ABSENCES, *WITHOUT_ERROR)
