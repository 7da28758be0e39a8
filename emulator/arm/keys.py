"""The two keys of an endpoint: shown to who may have them, and made anew one at a time."""

import secrets

from django.http import HttpRequest, HttpResponse

from emulator.arm import operation_status, operations
from emulator.arm.endpoints import find, require_rest
from emulator.arm.failures import Subject, error_of
from emulator.arm.rbac import require, subject_of
from emulator.arm.resources import ENDPOINTS, not_found
from emulator.arm.scopes import find_workspace
from emulator.arm.service import answer, arm, body_of
from emulator.arm.targets import target_of
from emulator.arm.tokens import Caller
from emulator.arm.validation import check_body, check_name
from emulator.seed import Workspace
from emulator.state import Resource


@arm("POST")
def list_keys(
    request: HttpRequest, caller: Caller, subscription: str, group: str, workspace: str, name: str
) -> HttpResponse:
    _, row, subject = _asked_for(request, caller, "listKeys", subscription, group, workspace, name)
    # What the real service says before there is an endpoint is nowhere public.
    if row.document["properties"]["endpointState"] in {"Creating", "CreationFailed"}:
        raise error_of("busy", subject)
    return answer(row.keys)


@arm("POST")
def regenerate_keys(
    request: HttpRequest, caller: Caller, subscription: str, group: str, workspace: str, name: str
) -> HttpResponse:
    here, row, subject = _asked_for(request, caller, "regenerateKeys", subscription, group, workspace, name)
    body, target = body_of(request), target_of(request)
    check_body("ServerlessEndpoints_RegenerateKeys", body, request.GET["api-version"])
    require_rest(row, subject)
    fresh = {f"{body['keyType'].lower()}Key": body.get("keyValue") or secrets.token_hex(16)}
    operation = operations.begin("regenerate", ENDPOINTS, here, row, subject, target, fresh)
    if operation.settled:
        return operation_status.outcome(operation, row)
    # The recorded body is the four bytes null.
    headers = operation_status.headers(operation, request.GET["api-version"], target)
    return HttpResponse("null", "application/json; charset=utf-8", 202, headers=headers)


def _asked_for(
    request: HttpRequest, caller: Caller, action: str, subscription: str, group: str, workspace: str, name: str
) -> tuple[Workspace, Resource, Subject]:
    """Raises ArmError when there is no such endpoint or the caller may not have its keys."""
    here = find_workspace(caller, subscription, group, workspace)
    check_name(f"ServerlessEndpoints_{action[0].upper()}{action[1:]}", name)
    row = find(request, here, name)
    subject = subject_of(caller, here, ENDPOINTS, name, f"{action}/action", row)
    require(caller, subject.action, subject)
    if row is None:
        raise not_found(ENDPOINTS, name)
    return here, row, subject
