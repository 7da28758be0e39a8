"""Subscriptions, resource groups and workspaces: what exists, and who may read it."""

from django.http import HttpRequest, HttpResponse

from emulator.arm import hierarchy
from emulator.arm.errors import ArmError, Document, resource_not_found
from emulator.arm.service import arm, json_response, page
from emulator.arm.tokens import Caller
from emulator.directory import TENANT_ID, Person
from emulator.seed import SUBSCRIPTIONS, ResourceGroup, Subscription, Workspace


def visible(person: Person) -> list[Subscription]:
    if person.arm_subscriptions is None:
        return hierarchy.subscriptions()
    return [SUBSCRIPTIONS[number] for number in person.arm_subscriptions]


def find_workspace(caller: Caller, subscription: str, group: str, workspace: str) -> Workspace:
    """Raises ArmError. Subscription, group and workspace are looked up in this order."""
    check_group(caller, subscription, group)
    if known := hierarchy.workspace(subscription, group, workspace):
        return known
    raise resource_not_found(f"Microsoft.MachineLearningServices/workspaces/{workspace}", group)


def check_subscription(caller: Caller, subscription: str) -> Subscription:
    known = hierarchy.subscription(subscription)
    if known is None:
        raise ArmError(404, "SubscriptionNotFound", f"The subscription '{subscription}' could not be found.")
    if known not in visible(caller.person):
        text = (
            f"The client '{caller.person.upn}' with object id '{caller.person.oid}' does not have authorization to "
            f"perform action 'Microsoft.Resources/subscriptions/read' over scope '/subscriptions/{subscription}'."
        )
        raise ArmError(403, "AuthorizationFailed", text)
    return known


def check_group(caller: Caller, subscription: str, group: str) -> None:
    check_subscription(caller, subscription)
    if hierarchy.group(subscription, group) is None:
        raise ArmError(404, "ResourceGroupNotFound", f"Resource group '{group}' could not be found.")


@arm("GET")
def subscriptions(request: HttpRequest, caller: Caller) -> HttpResponse:
    return page(request, [_subscription(each) for each in visible(caller.person)], next_link="")


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
    return page(request, [_group(each) for each in hierarchy.groups(subscription)])


@arm("GET")
def workspaces(request: HttpRequest, caller: Caller, subscription: str, group: str = "") -> HttpResponse:
    if group:
        check_group(caller, subscription, group)
    else:
        check_subscription(caller, subscription)
    return page(request, [_workspace(known) for known in hierarchy.workspaces(subscription, group)])


@arm("GET")
def workspace(request: HttpRequest, caller: Caller, subscription: str, group: str, workspace: str) -> HttpResponse:
    return json_response(_workspace(find_workspace(caller, subscription, group, workspace)))


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
