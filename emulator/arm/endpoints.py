"""serverlessEndpoints: list, read, create or replace, change, delete.

https://github.com/Azure/azure-rest-api-specs/tree/main/specification/machinelearningservices
"""

from dataclasses import replace
from typing import Any
from urllib.parse import quote

from django.http import HttpRequest, HttpResponse

from emulator import state
from emulator.arm import external_changes, operation_status, operations
from emulator.arm.access import denied, roles_of
from emulator.arm.errors import ArmError, Document
from emulator.arm.failures import Subject, error_of
from emulator.arm.marketplace import payer
from emulator.arm.plans import Plan
from emulator.arm.rbac import require, subject_of
from emulator.arm.resources import (
    ENDPOINTS,
    identifiers,
    model_of,
    new_keys,
    not_found,
    resource_type,
    rows,
    shown,
    system_data,
)
from emulator.arm.scopes import find_workspace
from emulator.arm.service import arm, body_of, json_response, page
from emulator.arm.targets import target_of
from emulator.arm.tokens import Caller
from emulator.arm.validation import check_body, check_name
from emulator.catalogue import find_model, is_fine_tuned
from emulator.directory import TENANT_ID
from emulator.faults import Target
from emulator.options import options
from emulator.seed import Workspace
from emulator.state import Operation, Resource

# The names of the operations in the API definition, and of the actions in Azure's roles.
OPERATION_IDS = {
    "PUT": "ServerlessEndpoints_CreateOrUpdate",
    "PATCH": "ServerlessEndpoints_Update",
    "DELETE": "ServerlessEndpoints_Delete",
}
ACTIONS = {"PUT": "write", "PATCH": "write", "DELETE": "delete"}


@arm("GET")
def collection(request: HttpRequest, caller: Caller, subscription: str, group: str, workspace: str) -> HttpResponse:
    parent = find_workspace(caller, subscription, group, workspace)
    endpoints, target = rows(parent, ENDPOINTS), target_of(request)
    operations.settle_purchases(parent.resource_id.lower())
    for key in list(endpoints):
        operations.settle(endpoints[key])
        external_changes.apply(endpoints, key, target)
    visible = [row for _, row in sorted(endpoints.items()) if roles_of(caller.person, row.document["id"])]
    return page(request, [shown(row.document, target) for row in visible])


@arm("GET", "PUT", "PATCH", "DELETE")
def endpoint(
    request: HttpRequest, caller: Caller, subscription: str, group: str, workspace: str, name: str
) -> HttpResponse:
    parent = find_workspace(caller, subscription, group, workspace)
    row = find(request, parent, name)
    method = str(request.method)
    if method == "GET":
        scope = f"{parent.resource_id}/{ENDPOINTS}/{name}"
        if not roles_of(caller.person, scope):
            raise denied(caller.person, f"{resource_type(ENDPOINTS)}/read", scope)
        if row is None:
            raise not_found(parent, ENDPOINTS, name)
        return json_response(shown(row.document, target_of(request)))
    subject = subject_of(caller, parent, ENDPOINTS, name, ACTIONS[method], row)
    require(caller, subject.action, subject)
    check_name(OPERATION_IDS[method], name)
    if method == "PUT":
        return _put(request, caller, parent, row, subject)
    if method == "PATCH":
        return _patch(request, caller, parent, row, subject)
    return _delete(request, parent, row, subject)


def find(request: HttpRequest, parent: Workspace, name: str) -> Resource | None:
    """The endpoint as it stands by now."""
    endpoints, key = rows(parent, ENDPOINTS), name.lower()
    operations.settle_purchases(parent.resource_id.lower())
    if key in endpoints:
        operations.settle(endpoints[key])
        external_changes.apply(endpoints, key, target_of(request))
    return endpoints.get(key)


def require_idle(row: Resource, subject: Subject) -> None:
    """Raises ArmError while an operation on the endpoint is running."""
    if operations.running(row) or operations.looks_busy(row):
        raise error_of("busy", subject)


def _put(
    request: HttpRequest, caller: Caller, parent: Workspace, row: Resource | None, subject: Subject
) -> HttpResponse:
    version, target = request.GET["api-version"], target_of(request)
    accepted, operation = create_or_update(caller, parent, row, subject, body_of(request), version, target)
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
) -> tuple[Resource, Operation]:
    """Raises ArmError if the service refuses the request."""
    now = row.document if row else identifiers(parent, ENDPOINTS, subject.name)
    check_body(OPERATION_IDS["PUT"], body, version, now)
    subject = replace(subject, model_id=model_of(body))
    _check_location(body, parent, row)
    _check_name_and_model(parent, subject, row)
    accepted, kind = _accept(parent, subject.name, body, caller, row), "update" if row else "create"
    return accepted, operations.begin(kind, ENDPOINTS, parent, accepted, subject, target, plan=plan)


def _patch(
    request: HttpRequest, caller: Caller, parent: Workspace, row: Resource | None, subject: Subject
) -> HttpResponse:
    body, version, target = body_of(request), request.GET["api-version"], target_of(request)
    check_body(OPERATION_IDS["PATCH"], body, version)
    if row is None:
        raise not_found(parent, ENDPOINTS, subject.name)
    require_idle(row, subject)
    changes = _changes(parent, body, row) | {"systemData": system_data(caller, row.document["systemData"])}
    row.document["properties"]["provisioningState"] = "Updating"
    operation = operations.begin("patch", ENDPOINTS, parent, row, subject, target, changes)
    if operation.settled:
        return json_response(row.document)
    return json_response(None, 202, operation_status.headers(operation, version, target))


def _changes(parent: Workspace, body: Document, row: Resource) -> Document:
    """Tags and identity are replaced as a whole; a sku keeps the fields that the body leaves out."""
    changes: Document = {}
    if "tags" in body:
        changes["tags"] = body["tags"]
    if "identity" in body:
        changes["identity"] = _identity(row.document.get("identity", {"type": "None"}) | body["identity"], parent)
    if "sku" in body:
        changes["sku"] = row.document["sku"] | body["sku"]
    return changes


def _delete(request: HttpRequest, parent: Workspace, row: Resource | None, subject: Subject) -> HttpResponse:
    version, target = request.GET["api-version"], target_of(request)
    if row is None:
        return json_response(None, 204)
    operation = delete(parent, row, subject, target)
    if operation.settled:
        return json_response(None, operation.result_status)
    return json_response(None, 202, operation_status.headers(operation, version, target))


def delete(parent: Workspace, row: Resource, subject: Subject, target: Target, plan: Plan | None = None) -> Operation:
    """Raises ArmError while the endpoint is changed."""
    operation, properties = operations.running(row), row.document["properties"]
    if operation and operation.kind not in {"create", "delete"}:
        raise error_of("busy", subject)
    if operation is None or operation.kind == "create":
        properties["provisioningState"] = properties["endpointState"] = "Deleting"
        operation = operations.begin("delete", ENDPOINTS, parent, row, subject, target, plan=plan)
    return operation


def _check_location(body: Document, parent: Workspace, row: Resource | None) -> None:
    """Locations compare without case and spaces: "East US 2" is eastus2. An existing resource cannot move."""
    if body["location"].replace(" ", "").lower() != parent.location:
        text = f"The location '{body['location']}' is not the workspace's, which is '{parent.location}'."
        raise ArmError(409 if row else 400, "InvalidResourceLocation", text, target="location")


def _check_name_and_model(parent: Workspace, subject: Subject, row: Resource | None) -> None:
    """Raises ArmError for what the service refuses at once."""
    if row:
        require_idle(row, subject)
    elif _is_taken(parent, subject.name):
        raise error_of("taken", subject)
    if is_fine_tuned(subject.model_id):
        return
    model = find_model(subject.model_id)
    if model is None:
        raise ArmError(400, "UserError", f"Model '{subject.model_id}' was not found.", target="modelId")
    if parent.location not in model.regions or model.retired:
        raise error_of("region", subject)
    if model.needs_offer and payer(parent, subject.model_id) is None:
        raise error_of("offer", subject)
    if row is None and _count_of_model(parent, subject.model_id) >= options().deployments_per_model:
        raise error_of("model", subject)


def _accept(parent: Workspace, name: str, body: Document, caller: Caller, row: Resource | None) -> Resource:
    """Store the resource as it stands right after the request was accepted."""
    before = row.document["properties"] if row else {}
    was_online = before.get("endpointState", "CreationFailed") != "CreationFailed"
    subscription = payer(parent, model_of(body))
    document: Document = {
        **identifiers(parent, ENDPOINTS, name),
        "location": parent.location,
        "tags": body.get("tags") or {},
        "kind": body.get("kind"),
        "identity": _identity(body.get("identity"), parent),
        "sku": body.get("sku") or {"name": "Consumption"},
        "systemData": system_data(caller, row.document["systemData"] if row else None),
        "properties": {
            "authMode": body["properties"].get("authMode", "Key"),
            "contentSafety": body["properties"].get("contentSafety") or {"contentSafetyStatus": "Enabled"},
            "modelSettings": body["properties"].get("modelSettings"),
            "provisioningState": "Updating" if row else "Creating",
            "endpointState": before["endpointState"] if was_online else "Creating",
            "inferenceEndpoint": before.get("inferenceEndpoint"),
            "marketplaceSubscriptionId": subscription.document["id"] if subscription else None,
        },
    }
    # A resource has kind and identity only if the request had them.
    document = {key: value for key, value in document.items() if value is not None}
    accepted = row or Resource(parent.resource_id.lower(), {}, keys=new_keys())
    accepted.document = document
    rows(parent, ENDPOINTS)[name.lower()] = accepted
    return accepted


def _identity(identity: Any, parent: Workspace) -> Any:
    if not identity or identity["type"] == "None":
        return identity
    document: Document = {"type": identity["type"]}
    if "SystemAssigned" in identity["type"]:
        document |= {"principalId": parent.workspace_id, "tenantId": TENANT_ID}
    if assigned := identity.get("userAssignedIdentities"):
        ids = {"principalId": parent.workspace_id, "clientId": parent.workspace_id}
        document["userAssignedIdentities"] = dict.fromkeys(assigned, ids)
    return document


def _is_taken(parent: Workspace, name: str) -> bool:
    """Names become host names, so they are unique in a whole region."""
    key = name.lower()
    for endpoints in state.state().endpoints.values():
        if key in endpoints:
            operations.settle(endpoints[key])
        if key in endpoints and endpoints[key].document["location"] == parent.location:
            return True
    return False


def _count_of_model(parent: Workspace, model_id: str) -> int:
    model_ids = (model_of(row.document) for row in rows(parent, ENDPOINTS).values())
    return sum(other.lower() == model_id.lower() for other in model_ids)
