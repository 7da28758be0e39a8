"""Which target of faults a request is, and the names in it."""

import json
from typing import Any

from django.http import HttpRequest
from django.urls import Resolver404, ResolverMatch, resolve

from emulator import faults, state
from emulator.arm import tokens
from emulator.arm.resources import ENDPOINTS, MARKETPLACE, model_of
from emulator.entra import grants
from emulator.faults import Target

TARGET_OF_VIEW = {
    ("endpoint", "PUT"): "put",
    ("endpoint", "PATCH"): "patch",
    ("endpoint", "DELETE"): "delete",
    ("endpoint", "GET"): "resource",
    ("endpoints", "GET"): "list",
    ("list-keys", "POST"): "keys",
    ("regenerate-keys", "POST"): "regenerate",
    ("marketplace-subscription", "GET"): "marketplace",
    ("marketplace-subscription", "PUT"): "marketplace",
    ("marketplace-subscription", "DELETE"): "marketplace",
    ("marketplace-subscriptions", "GET"): "marketplace",
    ("status", "GET"): "status",
    ("result", "GET"): "result",
    ("workspace", "GET"): "workspace",
    ("workspaces", "GET"): "workspaces",
    ("subscriptions", "GET"): "subscriptions",
    ("subscription", "GET"): "subscriptions",
    ("resource-groups", "GET"): "subscriptions",
    ("provider", "GET"): "provider",
    ("permissions", "GET"): "permissions",
    ("discovery", "GET"): "discovery",
    ("jwks", "GET"): "jwks",
    ("authorize", "GET"): "authorize",
    ("token", "POST"): "token",
    ("identity", "GET"): "identity",
}


def match_of(request: HttpRequest) -> ResolverMatch | None:
    """Which URL pattern it matches, also before Django itself resolves it."""
    if request.resolver_match:
        return request.resolver_match
    try:
        return resolve(request.path_info)
    except Resolver404:
        return None


def target_of(request: HttpRequest) -> Target:
    """Only faults need it, so nothing is looked up while none is switched on."""
    if not faults.any_on():
        return Target()
    match = match_of(request)
    names = match.kwargs if match else {}
    method = request.method or ""
    where = TARGET_OF_VIEW.get((str(match.url_name), method), "") if match else ""
    where = where or ("other" if is_arm(request.path) else "")
    known = _names_of_operation(names) or {
        "name": str(names.get("name", "")),
        "workspace": str(names.get("workspace", "")),
    }
    return Target(
        where=where,
        method=method,
        path=request.path,
        model=known.pop("model", "") or _model(request, names),
        person=grants.bearer(request) if where in {"token", "authorize"} else tokens.who(request),
        **known,
    )


def is_arm(path: str) -> bool:
    return path.lower().startswith(("/subscriptions", "/providers"))


def _names_of_operation(names: dict[str, Any]) -> dict[str, str]:
    """The names behind the id of an operation."""
    operation = state.state().operations.get(str(names.get("operation", "")))
    if operation is None:
        return {}
    row = state.state().table(operation.collection).get(operation.workspace, {}).get(operation.name)
    workspace = operation.workspace.rpartition("/")[2]
    return {"name": operation.name, "workspace": workspace, "model": model_of(row.document) if row else ""}


def _model(request: HttpRequest, names: dict[str, Any]) -> str:
    if request.method == "PUT":
        try:
            body = json.loads(request.body)
        except (ValueError, RecursionError):
            return ""
        return model_of(body) if isinstance(body, dict) else ""
    collection = MARKETPLACE if MARKETPLACE.lower() in request.path.lower() else ENDPOINTS
    workspace = request.path.lower().partition(f"/{collection.lower()}")[0]
    row = state.state().table(collection).get(workspace, {}).get(str(names.get("name", "")).lower())
    return model_of(row.document) if row else ""
