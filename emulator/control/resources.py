"""Acts of other people on any resource, under its id in Azure: no token, no permissions, no entry in the journal."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_http_methods

from emulator import state
from emulator.arm import hierarchy, others, registration
from emulator.arm.errors import ArmError, Document
from emulator.arm.resources import ENDPOINTS, MARKETPLACE
from emulator.arm.scopes import document_of
from emulator.control.bodies import json_body
from emulator.seed import ResourceGroup, Subscription, Workspace

COLLECTIONS = {collection.lower(): collection for collection in (ENDPOINTS, MARKETPLACE)}
FIELDS = {"subscriptions": {"displayName"}, "resourcegroups": {"location"}, "workspaces": {"location", "friendlyName"}}
MAX_SECONDS = 86_400.0


@dataclass(frozen=True)
class Act:
    method: str
    resource_id: str
    body: Document
    by: str = ""
    seconds: float = 0.0


@require_http_methods(["GET", "PUT", "PATCH", "DELETE"])
def act_api(request: HttpRequest, resource_id: str) -> HttpResponse:
    """Read, create, change or delete a resource; `by` and `seconds` are in the query."""
    try:
        seconds = float(request.GET.get("seconds", "0"))
        act = Act(str(request.method), resource_id, json_body(request), request.GET.get("by", ""), seconds)
        return JsonResponse(perform(act))
    except ArmError as error:
        return JsonResponse({"error": str(error)}, status=error.status)
    except ValueError as error:
        return JsonResponse({"error": str(error)}, status=400)


def perform(act: Act) -> Document:
    """Returns the resource afterwards. Raises ArmError if Azure would refuse, and ValueError for nonsense."""
    if not 0 <= act.seconds <= MAX_SECONDS:
        raise ValueError("'seconds' must be from 0 to 86400.")
    parts = act.resource_id.strip("/").split("/")
    names = {kind.lower(): name for kind, name in zip(parts[::2], parts[1::2], strict=False)}
    with state.lock:
        match [*names] if len(parts) % 2 == 0 else []:
            case ["subscriptions", "resourcegroups", "providers", "workspaces", kind] if kind in COLLECTIONS:
                return _on_resource(act, _existing(names, "workspaces"), COLLECTIONS[kind], names[kind])
            case ["subscriptions"] | ["subscriptions", "resourcegroups"]:
                return _on_scope(act, names, [*names][-1])
            case ["subscriptions", "resourcegroups", "providers", "workspaces"]:
                return _on_scope(act, names, "workspaces")
            case ["subscriptions", "providers"]:
                return _on_registration(act, _existing(names, "subscriptions").subscription_id)
    raise ArmError(404, "InvalidResourceType", f"There is nothing to act on at '{act.resource_id}'.")


def _on_resource(act: Act, parent: Workspace, collection: str, name: str) -> Document:
    match act.method:
        case "GET":
            return others.read(parent, collection, name).document
        case "PUT":
            return others.put(parent, collection, name, act.body, act.by, act.seconds).document
        case "PATCH":
            return others.patch(parent, collection, name, act.body, act.by, act.seconds).document
    others.delete(parent, collection, name, act.by, act.seconds)
    return {}


def _on_scope(act: Act, names: dict[str, str], kind: str) -> Document:
    if act.method == "PUT":
        if known := _find(names, kind):
            raise ArmError(409, "Conflict", f"{known.resource_id} exists already.")
        hierarchy.add(created := _new(names, kind, act.body))
        return document_of(created)
    scope = _existing(names, kind)
    match act.method:
        case "GET":
            return document_of(scope)
        case "DELETE":
            hierarchy.remove(scope.resource_id)
            return {}
    raise ArmError(405, "HttpMethodNotAllowed", "Create it or delete it; it cannot be changed.")


def _on_registration(act: Act, subscription_id: str) -> Document:
    if act.method == "PATCH":
        registration.set_state(
            subscription_id, act.body.get("registrationState"), act.body.get("lists", registration.LISTS[0])
        )
    elif act.method != "GET":
        raise ArmError(405, "HttpMethodNotAllowed", "The registration can only be changed.")
    return registration.document_of(subscription_id)


def _find(names: dict[str, str], kind: str) -> Any:
    match kind:
        case "subscriptions":
            return hierarchy.subscription(names["subscriptions"])
        case "resourcegroups":
            return hierarchy.group(names["subscriptions"], names["resourcegroups"])
    return hierarchy.workspace(names["subscriptions"], names["resourcegroups"], names["workspaces"])


def _existing(names: dict[str, str], kind: str) -> Any:
    """Raises ArmError."""
    scope = _find(names, kind)
    if scope is None:
        raise ArmError(404, "ResourceNotFound", f"'{names[kind]}' does not exist.")
    return scope


def _new(names: dict[str, str], kind: str, body: Document) -> hierarchy.Scope:
    """Raises ArmError without a parent, and ValueError for a body that does not fit."""
    if unknown_keys := sorted(body.keys() - FIELDS[kind]):
        raise ValueError(f"Takes {', '.join(sorted(FIELDS[kind]))}, not {', '.join(unknown_keys)}.")
    if not all(isinstance(value, str) for value in body.values()):
        raise ValueError("The values must be text.")
    name = names[kind]
    if kind == "subscriptions":
        return Subscription(name, body.get("displayName", name))
    subscription_id = _existing(names, "subscriptions").subscription_id
    if kind == "resourcegroups":
        return ResourceGroup(subscription_id, name, body.get("location", "eastus2"))
    group = _existing(names, "resourcegroups")
    location = body.get("location", group.location)
    return Workspace(subscription_id, group.name, name, location, body.get("friendlyName", name))
