"""The part of the control API in which others act: on any resource, under its id in Azure, without a token."""

from collections.abc import Callable
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
MAX_SECONDS = 86_400.0


@require_http_methods(["GET", "PUT", "PATCH", "DELETE"])
def act(request: HttpRequest, resource_id: str) -> HttpResponse:
    """Read, create, change or delete a resource as someone else; `by` and `seconds` are in the query."""
    try:
        with state.lock:
            return JsonResponse(_act(request, resource_id))
    except ArmError as error:
        return JsonResponse({"error": str(error)}, status=error.status)
    except ValueError as error:
        return JsonResponse({"error": str(error)}, status=400)


def _act(request: HttpRequest, resource_id: str) -> Document:
    parts = resource_id.strip("/").split("/")
    names = {kind.lower(): name for kind, name in zip(parts[::2], parts[1::2], strict=False)}
    kind = parts[-2].lower() if len(parts) % 2 == 0 else ""
    if kind in COLLECTIONS:
        return _act_on_resource(request, _workspace(names), COLLECTIONS[kind], parts[-1])
    if kind in SCOPES and set(names) == SCOPES[kind]:
        return _act_on_scope(request, kind, names)
    if kind == "providers" and set(names) == {"subscriptions", "providers"}:
        return _act_on_registration(request, _known(FIND["subscriptions"](names), "subscription"))
    raise ArmError(404, "InvalidResourceType", f"There is nothing to act on at '{resource_id}'.")


def _act_on_resource(request: HttpRequest, parent: Workspace, collection: str, name: str) -> Document:
    by, seconds = request.GET.get("by", ""), _seconds(request)
    match request.method:
        case "GET":
            return others.read(parent, collection, name).document
        case "PUT":
            return others.put(parent, collection, name, json_body(request), by, seconds).document
        case "PATCH":
            return others.patch(parent, collection, name, json_body(request), by, seconds).document
    others.delete(parent, collection, name, by, seconds)
    return {}


def _seconds(request: HttpRequest) -> float:
    """Raises ValueError."""
    seconds = float(request.GET.get("seconds", "0"))
    if not 0 <= seconds <= MAX_SECONDS:
        raise ValueError("'seconds' must be from 0 to 86400.")
    return seconds


def _act_on_scope(request: HttpRequest, kind: str, names: dict[str, str]) -> Document:
    known = FIND[kind](names)
    if request.method == "PUT":
        if known:
            raise ArmError(409, "Conflict", f"{known.resource_id} exists already.")
        hierarchy.add(created := _new(kind, names, json_body(request)))
        return document_of(created)
    if known is None:
        raise ArmError(404, "ResourceNotFound", f"There is no '{names[kind]}'.")
    match request.method:
        case "GET":
            return document_of(known)
        case "DELETE":
            hierarchy.remove(known.resource_id)
            return {}
    raise ArmError(405, "HttpMethodNotAllowed", "Create it or delete it; it cannot be changed.")


def _act_on_registration(request: HttpRequest, home: Subscription) -> Document:
    if request.method == "PATCH":
        body = json_body(request)
        registration.set_state(home.subscription_id, body.get("registrationState"), body.get("lists", "not-found"))
    elif request.method != "GET":
        raise ArmError(405, "HttpMethodNotAllowed", "The registration can only be changed.")
    return registration.document_of(home.subscription_id)


def _new(kind: str, names: dict[str, str], body: Document) -> hierarchy.Scope:
    """Raises ArmError without a parent, and ValueError for a body that does not fit."""
    if unknown_keys := sorted(body.keys() - FIELDS[kind]):
        raise ValueError(f"Takes {', '.join(sorted(FIELDS[kind]))}, not {', '.join(unknown_keys)}.")
    if not all(isinstance(value, str) for value in body.values()):
        raise ValueError("The values must be text.")
    if kind == "subscriptions":
        return Subscription(names[kind], body.get("displayName", names[kind]))
    home = _known(hierarchy.subscription(names["subscriptions"]), "subscription").subscription_id
    if kind == "resourcegroups":
        return ResourceGroup(home, names[kind], body.get("location", "eastus2"))
    group = _known(hierarchy.group(home, names["resourcegroups"]), "resource group")
    location, title = body.get("location", group.location), body.get("friendlyName", names[kind])
    return Workspace(home, group.name, names[kind], location, title)


def _known(scope: Any, about: str) -> Any:
    if scope is None:
        raise ArmError(404, "ResourceNotFound", f"There is no such {about}.")
    return scope


def _workspace(names: dict[str, str]) -> Workspace:
    found: Workspace = _known(FIND["workspaces"](names), "workspace")
    return found


SCOPES = {
    "subscriptions": {"subscriptions"},
    "resourcegroups": {"subscriptions", "resourcegroups"},
    "workspaces": {"subscriptions", "resourcegroups", "providers", "workspaces"},
}
FIELDS = {"subscriptions": {"displayName"}, "resourcegroups": {"location"}, "workspaces": {"location", "friendlyName"}}
FIND: dict[str, Callable[[dict[str, str]], Any]] = {
    "subscriptions": lambda names: hierarchy.subscription(names["subscriptions"]),
    "resourcegroups": lambda names: hierarchy.group(names["subscriptions"], names["resourcegroups"]),
    "workspaces": lambda names: hierarchy.workspace(
        names.get("subscriptions", ""), names.get("resourcegroups", ""), names.get("workspaces", "")
    ),
}
