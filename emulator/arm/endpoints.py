"""serverlessEndpoints: list, read, create or replace, change, delete."""

import secrets
from dataclasses import replace
from typing import Any

from django.http import HttpRequest, HttpResponse

from emulator import state
from emulator.arm import external_changes, operation_status, operations
from emulator.arm.errors import ArmError, Document
from emulator.arm.failures import Subject, error_of
from emulator.arm.marketplace import payer
from emulator.arm.rbac import require, subject_of
from emulator.arm.resources import ENDPOINTS, identifiers, model_of, not_found, rows, shown, system_data
from emulator.arm.scopes import find_workspace
from emulator.arm.service import answer, arm, body_of, page
from emulator.arm.targets import target_of
from emulator.arm.tokens import Caller
from emulator.arm.validation import check_body, check_name
from emulator.catalogue import find_model, is_fine_tuned
from emulator.directory import TENANT_ID
from emulator.options import options
from emulator.seed import Workspace
from emulator.state import Resource

# What the API definition calls them.
CREATE_OR_UPDATE = "ServerlessEndpoints_CreateOrUpdate"
UPDATE = "ServerlessEndpoints_Update"
OPERATION_IDS = {"PATCH": UPDATE, "DELETE": "ServerlessEndpoints_Delete"}
ACTIONS = {"PUT": "write", "PATCH": "write", "DELETE": "delete"}


@arm("GET")
def collection(request: HttpRequest, caller: Caller, subscription: str, group: str, workspace: str) -> HttpResponse:
    here = find_workspace(caller, subscription, group, workspace)
    there, target = rows(here, ENDPOINTS), target_of(request)
    operations.settle_purchases(here.resource_id.lower())
    for key in list(there):
        operations.settle(there[key])
        external_changes.befall(there, key, target)
    return page(request, [shown(row.document, target) for key, row in sorted(there.items())])


@arm("GET", "PUT", "PATCH", "DELETE")
def endpoint(
    request: HttpRequest, caller: Caller, subscription: str, group: str, workspace: str, name: str
) -> HttpResponse:
    here = find_workspace(caller, subscription, group, workspace)
    row = find(request, here, name)
    if request.method == "GET":
        if row is None:
            raise not_found(ENDPOINTS, name)
        return answer(shown(row.document, target_of(request)))
    method = str(request.method)
    subject = subject_of(caller, here, ENDPOINTS, name, ACTIONS[method], row)
    require(caller, subject.action, subject)
    if method == "PUT":
        return _put(request, caller, here, row, subject)
    check_name(OPERATION_IDS[method], name)
    return _patch(request, caller, here, row, subject) if method == "PATCH" else _delete(request, here, row, subject)


def find(request: HttpRequest, here: Workspace, name: str) -> Resource | None:
    """The endpoint as it stands by now."""
    there, key = rows(here, ENDPOINTS), name.lower()
    operations.settle_purchases(here.resource_id.lower())
    if key in there:
        operations.settle(there[key])
        external_changes.befall(there, key, target_of(request))
    return there.get(key)


def require_rest(row: Resource, subject: Subject) -> None:
    """Raises ArmError while an operation on the endpoint is under way."""
    if operations.running(row):
        raise error_of("busy", subject)


def _put(request: HttpRequest, caller: Caller, here: Workspace, row: Resource | None, subject: Subject) -> HttpResponse:
    body, version = body_of(request), request.GET["api-version"]
    check_name(CREATE_OR_UPDATE, subject.name)
    now = row.document if row else identifiers(here, ENDPOINTS, subject.name)
    check_body(CREATE_OR_UPDATE, body, version, now)
    subject = replace(subject, model_id=model_of(body))
    _check_can_be_made(here, body, subject, row)
    made = _made(here, subject.name, body, caller, row)
    target = target_of(request)
    operation = operations.begin("update" if row else "create", ENDPOINTS, here, made, subject, target)
    resource_url = f"{options().public_url}{here.resource_id}/{ENDPOINTS}/{subject.name}?api-version={version}"
    headers = {} if operation.settled else operation_status.headers(operation, version, target, resource_url)
    return answer(made.document, 200 if row else 201, headers)


def _patch(
    request: HttpRequest, caller: Caller, here: Workspace, row: Resource | None, subject: Subject
) -> HttpResponse:
    body, target = body_of(request), target_of(request)
    check_body(UPDATE, body, request.GET["api-version"])
    if row is None:
        raise not_found(ENDPOINTS, subject.name)
    require_rest(row, subject)
    changes = _changes(here, body, row) | {"systemData": system_data(caller, row.document["systemData"])}
    row.document["properties"]["provisioningState"] = "Updating"
    operation = operations.begin("patch", ENDPOINTS, here, row, subject, target, changes)
    if operation.settled:
        return answer(row.document)
    return answer(None, 202, operation_status.headers(operation, request.GET["api-version"], target))


def _changes(here: Workspace, body: Document, row: Resource) -> Document:
    """Tags are replaced as a whole, an identity too; a sku keeps what is not named."""
    changes: Document = {}
    if "tags" in body:
        changes["tags"] = body["tags"]
    if "identity" in body:
        changes["identity"] = _identity(row.document.get("identity", {"type": "None"}) | body["identity"], here)
    if "sku" in body:
        changes["sku"] = row.document["sku"] | body["sku"]
    return changes


def _delete(request: HttpRequest, here: Workspace, row: Resource | None, subject: Subject) -> HttpResponse:
    version, target = request.GET["api-version"], target_of(request)
    if row is None:
        return answer(None, 204)
    operation, properties = operations.running(row), row.document["properties"]
    if operation and operation.kind != "delete":
        if operation.kind != "create":
            raise error_of("busy", subject)
        operation = None
    if operation is None:
        properties["provisioningState"] = properties["endpointState"] = "Deleting"
        operation = operations.begin("delete", ENDPOINTS, here, row, subject, target)
    if operation.settled:
        return answer(None, operation.result_status)
    return answer(None, 202, operation_status.headers(operation, version, target))


def _check_can_be_made(here: Workspace, body: Document, subject: Subject, row: Resource | None) -> None:
    """Raises ArmError for what the service finds out at once."""
    if body["location"].replace(" ", "").lower() != here.location:
        text = f"The location '{body['location']}' is not the workspace's, which is '{here.location}'."
        raise ArmError(409 if row else 400, "InvalidResourceLocation", text, target="location")
    if row:
        require_rest(row, subject)
    elif _is_taken(here, subject.name):
        raise error_of("taken", subject)
    model = find_model(subject.model_id)
    if model is None:
        if not is_fine_tuned(subject.model_id):
            raise ArmError(400, "UserError", f"Model '{subject.model_id}' was not found.", target="modelId")
        return
    if here.location not in model.regions or model.retired:
        raise error_of("region", subject)
    if model.needs_offer and payer(here, subject.model_id) is None:
        raise error_of("offer", subject)
    if row is None and _same_model(here, subject.model_id) >= options().deployments_per_model:
        raise error_of("model", subject)


def _made(here: Workspace, name: str, body: Document, caller: Caller, row: Resource | None) -> Resource:
    """The resource as it stands right after the request was accepted."""
    asked, before = body["properties"], row.document["properties"] if row else {}
    paid_by = payer(here, model_of(body))
    was_online = before.get("endpointState", "CreationFailed") != "CreationFailed"
    document: Document = {
        **identifiers(here, ENDPOINTS, name),
        "location": here.location,
        "tags": body.get("tags") or {},
        "kind": body.get("kind"),
        "identity": _identity(body.get("identity"), here),
        "sku": body.get("sku") or {"name": "Consumption"},
        "systemData": system_data(caller, row.document["systemData"] if row else None),
        "properties": {
            "authMode": asked.get("authMode", "Key"),
            "contentSafety": asked.get("contentSafety") or {"contentSafetyStatus": "Enabled"},
            "modelSettings": asked.get("modelSettings"),
            "provisioningState": "Updating" if row else "Creating",
            "endpointState": before["endpointState"] if was_online else "Creating",
            "inferenceEndpoint": before.get("inferenceEndpoint"),
            "marketplaceSubscriptionId": paid_by.document["id"] if paid_by else None,
        },
    }
    # A resource has these only when somebody asked for them.
    document = {key: value for key, value in document.items() if value is not None}
    made = row or Resource(here.resource_id.lower(), {}, keys=new_keys())
    made.document = document
    rows(here, ENDPOINTS)[name.lower()] = made
    return made


def new_keys() -> dict[str, str]:
    return {"primaryKey": secrets.token_hex(16), "secondaryKey": secrets.token_hex(16)}


def _identity(identity: Any, here: Workspace) -> Any:
    if not identity or identity["type"] == "None":
        return identity
    shown: Document = {"type": identity["type"]}
    if "SystemAssigned" in identity["type"]:
        shown |= {"principalId": here.workspace_id, "tenantId": TENANT_ID}
    if assigned := identity.get("userAssignedIdentities"):
        facts = {"principalId": here.workspace_id, "clientId": here.workspace_id}
        shown["userAssignedIdentities"] = dict.fromkeys(assigned, facts)
    return shown


def _is_taken(here: Workspace, name: str) -> bool:
    """Names become host names, so they are unique in a whole region."""
    key = name.lower()
    for there in state.state().endpoints.values():
        if key in there:
            operations.settle(there[key])
        if key in there and there[key].document["location"] == here.location:
            return True
    return False


def _same_model(here: Workspace, model_id: str) -> int:
    held = (model_of(row.document) for row in rows(here, ENDPOINTS).values())
    return sum(one.lower() == model_id.lower() for one in held)
