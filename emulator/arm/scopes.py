"""Subscriptions, resource groups and workspaces: what exists, and who may read it."""

from django.http import HttpRequest, HttpResponse

from emulator.arm import hierarchy, registration
from emulator.arm.access import denied, roles_of, sees
from emulator.arm.errors import ArmError, Document, resource_not_found
from emulator.arm.service import arm, json_response, page
from emulator.arm.tokens import Caller
from emulator.directory import TENANT_ID
from emulator.seed import ResourceGroup, Subscription, Workspace

READ = "Microsoft.MachineLearningServices/workspaces/read"


def find_workspace(caller: Caller, subscription: str, group: str, workspace: str) -> Workspace:
    """Raises ArmError. ARM checks permissions before it looks for a resource."""
    check_subscription(caller, subscription)
    scope = Workspace(subscription, group, workspace, "", "").resource_id
    if not sees(caller.person, scope):
        raise denied(caller.person, READ, scope)
    check_group(caller, subscription, group)
    if known := hierarchy.workspace(subscription, group, workspace):
        return known
    raise resource_not_found(f"Microsoft.MachineLearningServices/workspaces/{workspace}", group)


def check_subscription(caller: Caller, subscription: str) -> Subscription:
    known = hierarchy.subscription(subscription)
    if known is None:
        raise ArmError(404, "SubscriptionNotFound", f"The subscription '{subscription}' could not be found.")
    if not sees(caller.person, known.resource_id):
        raise denied(caller.person, "Microsoft.Resources/subscriptions/read", f"/subscriptions/{subscription}")
    return known


def check_group(caller: Caller, subscription: str, group: str) -> None:
    check_subscription(caller, subscription)
    if hierarchy.group(subscription, group) is None:
        raise ArmError(404, "ResourceGroupNotFound", f"Resource group '{group}' could not be found.")


@arm("GET")
def subscriptions(request: HttpRequest, caller: Caller) -> HttpResponse:
    visible = [each for each in hierarchy.subscriptions() if sees(caller.person, each.resource_id)]
    return page(request, [_subscription(each) for each in visible], next_link="")


def _subscription(subscription: Subscription) -> Document:
    return {
        "id": subscription.resource_id,
        "subscriptionId": subscription.subscription_id,
        "displayName": subscription.name,
        "state": "Enabled",
        "tenantId": TENANT_ID,
        "authorizationSource": "RoleBased",
        "subscriptionPolicies": {"quotaId": "PayAsYouGo_2014-09-01", "spendingLimit": "Off"},
    }


@arm("GET")
def subscription(request: HttpRequest, caller: Caller, subscription: str) -> HttpResponse:
    return json_response(_subscription(check_subscription(caller, subscription)))


@arm("GET")
def resource_groups(request: HttpRequest, caller: Caller, subscription: str) -> HttpResponse:
    check_subscription(caller, subscription)
    visible = [each for each in hierarchy.groups(subscription) if sees(caller.person, each.resource_id)]
    return page(request, [_group(each) for each in visible])


@arm("GET")
def workspaces(request: HttpRequest, caller: Caller, subscription: str, group: str = "") -> HttpResponse:
    if group:
        check_group(caller, subscription, group)
    else:
        check_subscription(caller, subscription)
    known = hierarchy.workspaces(subscription, group)
    return page(request, [_workspace(each) for each in known if roles_of(caller.person, each.resource_id)])


@arm("GET")
def workspace(request: HttpRequest, caller: Caller, subscription: str, group: str, workspace: str) -> HttpResponse:
    known = find_workspace(caller, subscription, group, workspace)
    if not roles_of(caller.person, known.resource_id):
        raise denied(caller.person, READ, known.resource_id)
    return json_response(_workspace(known))


@arm("GET")
def provider(request: HttpRequest, caller: Caller, subscription: str) -> HttpResponse:
    return json_response(registration.document_of(check_subscription(caller, subscription).subscription_id))


@arm("GET", "PUT", "PATCH", "POST", "DELETE", "HEAD")
def unknown(request: HttpRequest, caller: Caller) -> HttpResponse:
    text = f"The resource type at '{request.path}' could not be found. The emulator serves a small part of ARM."
    raise ArmError(404, "InvalidResourceType", text)


def document_of(scope: hierarchy.Scope) -> Document:
    match scope:
        case Subscription():
            return _subscription(scope)
        case ResourceGroup():
            return _group(scope)
        case Workspace():
            return _workspace(scope)


def _group(group: ResourceGroup) -> Document:
    return {
        "id": group.resource_id,
        "name": group.name,
        "type": "Microsoft.Resources/resourceGroups",
        "location": group.location,
        "properties": {"provisioningState": "Succeeded"},
    }


def _workspace(workspace: Workspace) -> Document:
    return {
        "id": workspace.resource_id,
        "name": workspace.name,
        "type": "Microsoft.MachineLearningServices/workspaces",
        "location": workspace.location,
        "kind": "Default",
        "identity": {"type": "SystemAssigned", "tenantId": TENANT_ID, "principalId": workspace.workspace_id},
        "sku": {"name": "Basic", "tier": "Basic"},
        "properties": {
            "friendlyName": workspace.friendly_name,
            "workspaceId": workspace.workspace_id,
            "provisioningState": "Succeeded",
            "publicNetworkAccess": "Enabled",
        },
    }
