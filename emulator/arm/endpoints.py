"""serverlessEndpoints: list, read, create or replace, delete."""

from __future__ import annotations

import copy
from typing import Any

from django.http import HttpRequest, HttpResponse

from emulator import clock, faults, state
from emulator.arm import operations
from emulator.arm.causes import Subject, error_of
from emulator.arm.errors import ArmError, Document
from emulator.arm.schema import check_endpoint, check_name
from emulator.arm.scopes import find_workspace
from emulator.arm.service import answer, arm, body_of, page
from emulator.arm.tokens import Caller, needs_claims
from emulator.catalogue import find_model, is_fine_tuned
from emulator.directory import TENANT_ID
from emulator.options import options
from emulator.seed import Workspace
from emulator.state import Endpoint

_TYPE = "Microsoft.MachineLearningServices/workspaces/serverlessEndpoints"


@arm("GET")
def collection(request: HttpRequest, caller: Caller, subscription: str, group: str, workspace: str) -> HttpResponse:
    here = find_workspace(caller, subscription, group, workspace)
    rows = list(_rows(here).values())
    for row in rows:
        operations.settle(row)
    items = [row.document for key, row in sorted(_rows(here).items())]
    return page(request, items)


@arm("GET", "PUT", "DELETE")
def endpoint(
    request: HttpRequest, caller: Caller, subscription: str, group: str, workspace: str, name: str
) -> HttpResponse:
    here = find_workspace(caller, subscription, group, workspace)
    row = _rows(here).get(name.lower())
    if row:
        operations.settle(row)
        row = _rows(here).get(name.lower())
    if request.method == "GET":
        return _read(row, name)
    _check_rights(caller, here, name)
    return _put(request, caller, here, name, row) if request.method == "PUT" else _delete(request, here, name, row)


def _read(row: Endpoint | None, name: str) -> HttpResponse:
    if row is None:
        raise ArmError(404, "ResourceNotFound", f"The Resource '{_TYPE}/{name}' was not found.")
    document = copy.deepcopy(row.document)
    if fault := faults.take_kind("unknown-state", "resource", (name,)):
        document["properties"]["endpointState"] = fault.settings["state"]
    if faults.take_kind("extra-fields", "resource", (name,)):
        document["properties"]["moodOfTheService"] = {"colour": "mauve"}
        document["etag"] = "W/1"
    if faults.take_kind("no-provisioning-state", "resource", (name,)):
        del document["properties"]["provisioningState"]
    return answer(document)


def _put(request: HttpRequest, caller: Caller, here: Workspace, name: str, row: Endpoint | None) -> HttpResponse:
    body, version = body_of(request), request.GET["api-version"]
    check_name(name)
    check_endpoint(body, version)
    subject = _subject(caller, here, name, body)
    _check_can_be_made(here, body, subject, row)
    is_new = row is None
    row = _made(here, name, body, caller, row)
    operation = operations.begin("create", here, row, subject)
    response = answer(row.document, 201 if is_new else 200)
    resource_url = f"{options().public_url}{here.resource_id}/serverlessEndpoints/{name}?api-version={version}"
    _add(response, operations.headers(operation, version, resource_url))
    return response


def _delete(request: HttpRequest, here: Workspace, name: str, row: Endpoint | None) -> HttpResponse:
    if row is None:
        return answer(None, 204)
    properties = row.document["properties"]
    properties["provisioningState"] = properties["endpointState"] = "Deleting"
    subject = Subject(name, "", here.location, here.subscription_id)
    operation = operations.begin("delete", here, row, subject)
    response = answer(None, 202)
    _add(response, operations.headers(operation, request.GET["api-version"]))
    return response


def _check_rights(caller: Caller, here: Workspace, name: str) -> None:
    person = caller.person
    scope = f"{here.resource_id}/serverlessEndpoints/{name}"
    if not person.arm_writes:
        subject = Subject(name, "", here.location, here.subscription_id, person.upn or person.oid, scope)
        raise error_of("rights", subject)
    if person.writes_need_mfa and "p1" not in caller.acrs:
        raise needs_claims({"acrs": {"essential": True, "values": ["p1"]}})


def _subject(caller: Caller, here: Workspace, name: str, body: Document) -> Subject:
    return Subject(name, _model_id(body), here.location, here.subscription_id, caller.person.upn)


def _check_can_be_made(here: Workspace, body: Document, subject: Subject, row: Endpoint | None) -> None:
    """Raises ArmError for what the service finds out at once."""
    if body["location"].replace(" ", "").lower() != here.location:
        text = f"The location '{body['location']}' is not the workspace's, which is '{here.location}'."
        raise ArmError(409 if row else 400, "InvalidResourceLocation", text, target="location")
    if row and row.document["properties"]["provisioningState"] in {"Creating", "Updating", "Deleting"}:
        raise error_of("busy", subject)
    if row is None and _is_taken(here, subject.name):
        raise error_of("taken", subject)
    model = find_model(subject.model_id)
    if model is None:
        if not is_fine_tuned(subject.model_id):
            raise ArmError(400, "UserError", f"Model '{subject.model_id}' was not found.", target="modelId")
        return
    if here.location not in model.regions or model.retired:
        raise error_of("region", subject)
    if model.needs_offer and model.registry not in here.offers:
        raise error_of("offer", subject)
    if row is None and _same_model(here, subject.model_id) >= options().deployments_per_model:
        raise error_of("model", subject)


def _made(here: Workspace, name: str, body: Document, caller: Caller, row: Endpoint | None) -> Endpoint:
    """The resource as it stands right after the request was accepted."""
    now = clock.iso(clock.now())
    who = {"By": caller.person.upn or caller.person.oid, "ByType": "User", "At": now}
    system = {f"lastModified{key}": value for key, value in who.items()}
    made = (row.document if row else {}).get("systemData") or {f"created{key}": value for key, value in who.items()}
    asked = body["properties"]
    document: Document = {
        "id": f"{here.resource_id}/serverlessEndpoints/{name}",
        "name": name,
        "type": _TYPE,
        "location": here.location,
        "tags": body.get("tags") or {},
        "kind": body.get("kind"),
        "identity": _identity(body.get("identity"), here),
        "sku": body.get("sku") or {"name": "Consumption"},
        "systemData": {**made, **system},
        "properties": {
            "authMode": asked["authMode"],
            "contentSafety": asked.get("contentSafety") or {"contentSafetyStatus": "Enabled"},
            "modelSettings": asked.get("modelSettings"),
            "provisioningState": "Updating" if row else "Creating",
            "endpointState": row.document["properties"]["endpointState"] if row else "Creating",
            "inferenceEndpoint": row.document["properties"]["inferenceEndpoint"] if row else None,
            "marketplaceSubscriptionId": _marketplace(here, _model_id(body)),
        },
    }
    made_row = Endpoint(here.resource_id.lower(), document)
    _rows(here)[name.lower()] = made_row
    return made_row


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


def _marketplace(here: Workspace, model_id: str) -> str | None:
    model = find_model(model_id)
    if model is None or not model.needs_offer:
        return None
    return f"{here.resource_id}/marketplaceSubscriptions/{model.name.replace('.', '')}"


def _add(response: HttpResponse, headers: dict[str, str]) -> None:
    for name, value in headers.items():
        response.headers[name] = value


def _rows(here: Workspace) -> dict[str, Endpoint]:
    return state.state().endpoints.setdefault(here.resource_id.lower(), {})


def _is_taken(here: Workspace, name: str) -> bool:
    """Names become host names, so they are unique in a whole region."""
    return any(
        row.document["location"] == here.location and key == name.lower()
        for rows in state.state().endpoints.values()
        for key, row in rows.items()
    )


def _same_model(here: Workspace, model_id: str) -> int:
    held = (_model_id(row.document) for row in _rows(here).values())
    return sum(one.lower() == model_id.lower() for one in held)


def _model_id(body: Document) -> str:
    return str(((body.get("properties") or {}).get("modelSettings") or {}).get("modelId") or "")
