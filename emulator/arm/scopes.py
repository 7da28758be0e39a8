"""Subscriptions, resource groups and workspaces: what exists, and who may see it."""

from django.http import HttpRequest, HttpResponse

from emulator.arm.errors import ArmError, Document
from emulator.arm.service import answer, arm, page
from emulator.arm.tokens import Caller
from emulator.directory import TENANT_ID, Person
from emulator.seed import RESOURCE_GROUPS, SUBSCRIPTIONS, WORKSPACES, Subscription, Workspace


def visible(person: Person) -> list[Subscription]:
    if person.arm_subscriptions is None:
        return list(SUBSCRIPTIONS)
    return [SUBSCRIPTIONS[number] for number in person.arm_subscriptions]


def find_workspace(caller: Caller, subscription: str, group: str, workspace: str) -> Workspace:
    """Raises ArmError: subscription, group and workspace are looked up in this order, without case."""
    check_group(caller, subscription, group)
    for one in WORKSPACES:
        if _same((one.subscription_id, one.resource_group, one.name), (subscription, group, workspace)):
            return one
    kind = "Microsoft.MachineLearningServices/workspaces"
    text = f"The Resource '{kind}/{workspace}' under resource group '{group}' was not found."
    raise ArmError(404, "ResourceNotFound", text)


def check_subscription(caller: Caller, subscription: str) -> Subscription:
    known = [one for one in SUBSCRIPTIONS if _same((one.subscription_id,), (subscription,))]
    if not known:
        raise ArmError(404, "SubscriptionNotFound", f"The subscription '{subscription}' could not be found.")
    if known[0] not in visible(caller.person):
        text = (
            f"The client '{caller.person.upn}' with object id '{caller.person.oid}' does not have authorization to "
            f"perform action 'Microsoft.Resources/subscriptions/read' over scope '/subscriptions/{subscription}'."
        )
        raise ArmError(403, "AuthorizationFailed", text)
    return known[0]


def check_group(caller: Caller, subscription: str, group: str) -> None:
    check_subscription(caller, subscription)
    if not any(_same((one.subscription_id, one.name), (subscription, group)) for one in RESOURCE_GROUPS):
        raise ArmError(404, "ResourceGroupNotFound", f"Resource group '{group}' could not be found.")


@arm("GET")
def subscriptions(request: HttpRequest, caller: Caller) -> HttpResponse:
    return page(request, [_subscription(one) for one in visible(caller.person)], next_link="")


def _subscription(one: Subscription) -> Document:
    return {
        "id": f"/subscriptions/{one.subscription_id}",
        "subscriptionId": one.subscription_id,
        "displayName": one.name,
        "state": "Enabled",
        "tenantId": TENANT_ID,
        "authorizationSource": "RoleBased",
        "subscriptionPolicies": {"quotaId": "PayAsYouGo_2014-09-01", "spendingLimit": "Off"},
    }


@arm("GET")
def subscription(request: HttpRequest, caller: Caller, subscription: str) -> HttpResponse:
    return answer(_subscription(check_subscription(caller, subscription)))


@arm("GET")
def resource_groups(request: HttpRequest, caller: Caller, subscription: str) -> HttpResponse:
    known = check_subscription(caller, subscription).subscription_id
    items: list[Document] = [
        {
            "id": f"/subscriptions/{known}/resourceGroups/{one.name}",
            "name": one.name,
            "type": "Microsoft.Resources/resourceGroups",
            "location": one.location,
            "properties": {"provisioningState": "Succeeded"},
        }
        for one in RESOURCE_GROUPS
        if one.subscription_id == known
    ]
    return page(request, items)


@arm("GET")
def workspaces(request: HttpRequest, caller: Caller, subscription: str, group: str = "") -> HttpResponse:
    if group:
        check_group(caller, subscription, group)
    else:
        check_subscription(caller, subscription)
    here = [
        one
        for one in WORKSPACES
        if _same((one.subscription_id,), (subscription,)) and (not group or _same((one.resource_group,), (group,)))
    ]
    return page(request, [_document(one) for one in here])


@arm("GET")
def workspace(request: HttpRequest, caller: Caller, subscription: str, group: str, workspace: str) -> HttpResponse:
    return answer(_document(find_workspace(caller, subscription, group, workspace)))


@arm("GET", "PUT", "PATCH", "POST", "DELETE", "HEAD")
def unknown(request: HttpRequest, caller: Caller) -> HttpResponse:
    text = f"The resource type at '{request.path}' could not be found. The emulator serves a small part of ARM."
    raise ArmError(404, "InvalidResourceType", text)


def _document(one: Workspace) -> Document:
    return {
        "id": one.resource_id,
        "name": one.name,
        "type": "Microsoft.MachineLearningServices/workspaces",
        "location": one.location,
        "kind": "Default",
        "identity": {"type": "SystemAssigned", "tenantId": TENANT_ID, "principalId": one.workspace_id},
        "sku": {"name": "Basic", "tier": "Basic"},
        "properties": {
            "friendlyName": one.friendly_name,
            "workspaceId": one.workspace_id,
            "provisioningState": "Succeeded",
            "publicNetworkAccess": "Enabled",
        },
    }


def _same(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    return tuple(text.casefold() for text in one) == tuple(text.casefold() for text in other)
