"""The two keys of an endpoint: shown to callers with permission, and regenerated one at a time."""

import secrets

from django.http import HttpRequest, HttpResponse

from emulator.arm import operation_status, operations
from emulator.arm.endpoints import find, require_idle
from emulator.arm.failures import Subject, error_of
from emulator.arm.rbac import require, subject_of
from emulator.arm.resources import ENDPOINTS, not_found
from emulator.arm.scopes import find_workspace
from emulator.arm.service import arm, body_of, json_response
from emulator.arm.targets import target_of
from emulator.arm.tokens import Caller
from emulator.arm.validation import check_body, check_name
from emulator.seed import Workspace
from emulator.state import Resource

# The names of the operations in the API definition, by the names of the actions in Azure's roles.
OPERATION_IDS = {
    "listKeys": "ServerlessEndpoints_ListKeys",
    "regenerateKeys": "ServerlessEndpoints_RegenerateKeys",
}


@arm("POST")
def list_keys(
    request: HttpRequest, caller: Caller, subscription: str, group: str, workspace: str, name: str
) -> HttpResponse:
    parent = find_workspace(caller, subscription, group, workspace)
    row, subject = _authorize(request, caller, "listKeys", parent, name)
    # A guess: it is not public how the real service refuses before the endpoint is online.
    if row.document["properties"]["endpointState"] in {"Creating", "CreationFailed"}:
        raise error_of("busy", subject)
    return json_response(row.keys)


@arm("POST")
def regenerate_keys(
    request: HttpRequest, caller: Caller, subscription: str, group: str, workspace: str, name: str
) -> HttpResponse:
    parent = find_workspace(caller, subscription, group, workspace)
    row, subject = _authorize(request, caller, "regenerateKeys", parent, name)
    body, version, target = body_of(request), request.GET["api-version"], target_of(request)
    check_body(OPERATION_IDS["regenerateKeys"], body, version)
    require_idle(row, subject)
    new_key = {f"{body['keyType'].lower()}Key": body.get("keyValue") or secrets.token_hex(16)}
    operation = operations.begin("regenerate", ENDPOINTS, parent, row, subject, target, new_key)
    if operation.settled:
        return operation_status.outcome(operation, row)
    # In a recording of the real service the body is the four bytes null.
    headers = operation_status.headers(operation, version, target)
    return HttpResponse("null", "application/json; charset=utf-8", 202, headers=headers)


def _authorize(
    request: HttpRequest, caller: Caller, action: str, parent: Workspace, name: str
) -> tuple[Resource, Subject]:
    """Raises ArmError if there is no such endpoint or the caller lacks the permission."""
    check_name(OPERATION_IDS[action], name)
    row = find(request, parent, name)
    subject = subject_of(caller, parent, ENDPOINTS, name, f"{action}/action", row)
    require(caller, subject.action, subject)
    if row is None:
        raise not_found(parent, ENDPOINTS, name)
    return row, subject
