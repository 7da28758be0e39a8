"""marketplaceSubscriptions: a workspace needs one for each partner model that it serves.

https://learn.microsoft.com/en-us/azure/machine-learning/how-to-deploy-models-serverless
"""

from dataclasses import replace
from urllib.parse import quote

from django.http import HttpRequest, HttpResponse

from emulator.arm import operation_status, operations
from emulator.arm.errors import ArmError, Document, service_error
from emulator.arm.failures import Subject, error_of
from emulator.arm.plans import Plan
from emulator.arm.rbac import require, subject_of
from emulator.arm.resources import (
    MARKETPLACE,
    identifiers,
    model_of,
    not_found,
    rows,
    shown,
    system_data,
)
from emulator.arm.scopes import find_workspace
from emulator.arm.service import arm, body_of, json_response, page
from emulator.arm.targets import target_of
from emulator.arm.tokens import Caller
from emulator.arm.validation import check_body, check_name
from emulator.catalogue import Model, find_model
from emulator.faults import Target
from emulator.options import options
from emulator.seed import Workspace
from emulator.state import Operation, Resource

# What the API definition calls them.
OPERATION_IDS = {"PUT": "MarketplaceSubscriptions_CreateOrUpdate", "DELETE": "MarketplaceSubscriptions_Delete"}


@arm("GET")
def collection(request: HttpRequest, caller: Caller, subscription: str, group: str, workspace: str) -> HttpResponse:
    parent, target = find_workspace(caller, subscription, group, workspace), target_of(request)
    subscriptions = rows(parent, MARKETPLACE)
    for row in list(subscriptions.values()):
        operations.settle(row)
    return page(request, [shown(row.document, target) for _, row in sorted(subscriptions.items())])


@arm("GET", "PUT", "DELETE")
def marketplace_subscription(
    request: HttpRequest, caller: Caller, subscription: str, group: str, workspace: str, name: str
) -> HttpResponse:
    parent = find_workspace(caller, subscription, group, workspace)
    row = rows(parent, MARKETPLACE).get(name.lower())
    if row:
        operations.settle(row)
        row = rows(parent, MARKETPLACE).get(name.lower())
    if request.method == "GET":
        if row is None:
            raise not_found(parent, MARKETPLACE, name)
        return json_response(shown(row.document, target_of(request)))
    action = "write" if request.method == "PUT" else "delete"
    subject = subject_of(caller, parent, MARKETPLACE, name, action, row)
    require(caller, subject.action, subject)
    check_name(OPERATION_IDS[str(request.method)], name)
    if request.method == "PUT":
        return _put(request, caller, parent, row, subject)
    return _delete(request, parent, row, subject)


def payer(parent: Workspace, model_id: str) -> Resource | None:
    """The marketplace subscription by which the workspace may serve a model."""
    for row in list(rows(parent, MARKETPLACE).values()):
        operations.settle(row)
        is_for_model = model_of(row.document).lower() == model_id.lower()
        if is_for_model and row.document["properties"]["marketplaceSubscriptionStatus"] == "Subscribed":
            return row
    return None


def _put(
    request: HttpRequest, caller: Caller, parent: Workspace, row: Resource | None, subject: Subject
) -> HttpResponse:
    version, target = request.GET["api-version"], target_of(request)
    accepted, operation = create_or_update(caller, parent, row, subject, body_of(request), version, target)
    if operation is None:
        return json_response(accepted.document)
    resource_url = f"{options().public_url}{quote(accepted.document['id'])}?api-version={version}"
    headers = {} if operation.settled else operation_status.headers(operation, version, target, resource_url)
    return json_response(accepted.document, 200 if row else 201, headers)


def create_or_update(
    caller: Caller,
    parent: Workspace,
    row: Resource | None,
    subject: Subject,
    body: Document,
    version: str,
    target: Target,
    plan: Plan | None = None,
) -> tuple[Resource, Operation | None]:
    """Buy once; without an operation if that is done. Raises ArmError if the service refuses the request."""
    now = row.document if row else identifiers(parent, MARKETPLACE, subject.name)
    check_body(OPERATION_IDS["PUT"], body, version, now)
    subject = replace(subject, model_id=model_of(body))
    if row and operations.running(row):
        raise error_of("busy", subject)
    model = _purchasable_model(parent, row, subject)
    before = row.document["properties"] if row else {}
    if row and before.get("provisioningState") == "Succeeded":
        return row, None
    document: Document = {
        **identifiers(parent, MARKETPLACE, subject.name),
        "systemData": system_data(caller, row.document["systemData"] if row else None),
        "properties": {
            "modelId": model.id,
            "marketplacePlan": model.plan,
            "marketplaceSubscriptionStatus": before.get("marketplaceSubscriptionStatus", "Unsubscribed"),
            "provisioningState": "Updating" if row else "Creating",
        },
    }
    accepted = row or Resource(parent.resource_id.lower(), {})
    accepted.document = document
    rows(parent, MARKETPLACE)[subject.name.lower()] = accepted
    kind = "update" if row else "create"
    return accepted, operations.begin(kind, MARKETPLACE, parent, accepted, subject, target, plan=plan)


def _purchasable_model(parent: Workspace, row: Resource | None, subject: Subject) -> Model:
    """The model to subscribe to. Raises ArmError if it cannot be bought, or need not be."""
    model = find_model(subject.model_id)
    if model is None:
        raise ArmError(400, "UserError", f"Model '{subject.model_id}' was not found.", target="modelId")
    if not model.needs_offer:
        text = f"Model {model.id} needs no marketplace subscription."
        raise service_error(400, "UserError", text, parent.location, "BadRequest", "MarketplaceNotRequired")
    if parent.location not in model.regions or model.retired:
        raise error_of("region", subject)
    others = [other for other in rows(parent, MARKETPLACE).values() if other is not row]
    is_other = row is not None and model_of(row.document).lower() != subject.model_id.lower()
    if is_other or any(model_of(other.document).lower() == subject.model_id.lower() for other in others):
        text = f"The workspace already has a marketplace subscription for model {model.id}, or under this name."
        raise service_error(409, "UserError", text, parent.location, "Conflict", "MarketplaceSubscriptionExists")
    return model


def _delete(request: HttpRequest, parent: Workspace, row: Resource | None, subject: Subject) -> HttpResponse:
    if row is None:
        return json_response(None, 204)
    target = target_of(request)
    operation = delete(parent, row, subject, target)
    return json_response(None, 202, operation_status.headers(operation, request.GET["api-version"], target))


def delete(parent: Workspace, row: Resource, subject: Subject, target: Target, plan: Plan | None = None) -> Operation:
    """Raises ArmError while the purchase runs."""
    operation = operations.running(row)
    if operation and operation.kind != "delete":
        raise error_of("busy", subject)
    if operation is None:
        row.document["properties"]["provisioningState"] = "Deleting"
        operation = operations.begin("delete", MARKETPLACE, parent, row, subject, target, plan=plan)
    return operation
