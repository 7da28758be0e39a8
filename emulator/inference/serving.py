"""Calls of endpoints' own addresses: whose they are, who may make them, and how many."""

import json
import re
import secrets
import threading
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.http import HttpRequest, HttpResponseBase, JsonResponse

from emulator import clock, state
from emulator.arm import operations
from emulator.arm.resources import model_of
from emulator.catalogue import Model, find_model
from emulator.faults import Target
from emulator.inference.answers import ROUTES, word_count
from emulator.inference.errors import Refused
from emulator.options import options
from emulator.state import Resource

# What a deployment may be asked in a minute.
REQUESTS = 1000
TOKENS = 200_000
MINUTE = 60.0


@dataclass(frozen=True)
class Called:
    """A request to an endpoint's own address."""

    name: str
    region: str
    path: str


@dataclass
class _Budget:
    since: float
    requests: int = 0
    tokens: int = 0


_lock = threading.Lock()
_budgets: dict[str, _Budget] = {}


def called(request: HttpRequest) -> Called | None:
    """Which endpoint is meant, by the address it was told to have; None when the request is for Azure itself."""
    found = _address().fullmatch(f"{request.headers.get('Host', '')}{request.path}")
    return Called(found["name"], found["region"], f"/{found['path'] or ''}") if found else None


@cache
def _address() -> re.Pattern[str]:
    """The template of addresses, turned around, without the scheme, which may have been changed on the way here."""
    host, slash, path = options().inference_uri.partition("://")[2].partition("/")
    template = f"{re.escape(host) if '{' in host else '[^/]*'}{slash}{re.escape(path)}"
    for part in ("name", "region"):
        template = template.replace(rf"\{{{part}\}}", f"(?P<{part}>[a-zA-Z0-9-]+)")
    return re.compile(rf"{template}(?:/(?P<path>.*))?", re.IGNORECASE)


def target_of(request: HttpRequest, found: Called) -> Target:
    row = _endpoint(found)
    workspace = row.workspace.rpartition("/")[2] if row else ""
    model = model_of(row.document) if row else ""
    return Target("inference", request.method or "", found.path, found.name, model, workspace)


def serve(request: HttpRequest, found: Called) -> HttpResponseBase:
    try:
        with state.lock:
            row, model = _served(found)
            _check_key(request, row)
        return _answer(request, found, model)
    except Refused as error:
        return error.answer()


def _endpoint(found: Called) -> Resource | None:
    for rows in state.state().endpoints.values():
        row = rows.get(found.name.lower())
        if row and row.document["location"] == found.region.lower():
            return row
    return None


def _served(found: Called) -> tuple[Resource, Model]:
    """The endpoint and its model. Raises Refused: what is not there, not ready or retired looks the same from here."""
    row = _endpoint(found)
    if row:
        operations.settle_purchases(row.workspace)
        operations.settle(row)
    if row is None or row.document["properties"]["inferenceEndpoint"] is None:
        raise Refused(404, "NotFound", "The resource was not found.")
    model = find_model(model_of(row.document)) or Model("", model_of(row.document), frozenset(), False, False)
    if model.retired:
        raise Refused(404, "NotFound", "The resource was not found.")
    if row.document["properties"]["endpointState"] != "Online":
        raise Refused(403, "EndpointSuspended", "The endpoint is suspended and serves nothing.")
    return row, model


def _check_key(request: HttpRequest, row: Resource) -> None:
    """Clients send the key as a bearer token, bare, or in a header of its own."""
    header = request.headers.get("Authorization", "")
    sent = (header.removeprefix("Bearer ").strip() or request.headers.get("api-key", "")).encode()
    if not any(secrets.compare_digest(sent, key.encode()) for key in row.keys.values()):
        text = "Access denied due to an invalid key. Provide a valid key of this endpoint, as a bearer token."
        raise Refused(401, "Unauthorized", text)


def _answer(request: HttpRequest, found: Called, model: Model) -> HttpResponseBase:
    route = found.path.rstrip("/").removeprefix("/v1")
    if route == "/info" and request.method == "GET":
        publisher = model.registry.removeprefix("azureml-") or "azureml"
        return JsonResponse({"model_name": model.name, "model_type": model.task, "model_provider_name": publisher})
    work = ROUTES.get((route, model.task))
    if work is None:
        raise Refused(404, "NotFound", f"There is nothing at '{found.path}' for a model of type {model.task}.")
    if request.method != "POST":
        raise Refused(405, "MethodNotAllowed", "Method not allowed.")
    body = _body(request)
    words = word_count(body.get("messages") or body.get("input") or body.get("prompt") or "")
    _spend(f"{found.region}/{found.name}".lower(), words)
    return work(body, model, words)


def _body(request: HttpRequest) -> dict[str, Any]:
    try:
        body = json.loads(request.body)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise Refused(400, "BadRequest", "The request body must be a JSON object.")
    return body


def _spend(key: str, tokens: int) -> None:
    now = clock.now()
    with _lock:
        budget = _budgets.get(key)
        if budget is None or now - budget.since >= MINUTE:
            budget = _budgets[key] = _Budget(now)
        if budget.requests >= REQUESTS or budget.tokens + tokens > TOKENS:
            wait = max(1, round(budget.since + MINUTE - now))
            raise Refused(429, "RateLimitReached", f"Rate limit is exceeded. Try again in {wait} seconds.", wait)
        budget.requests, budget.tokens = budget.requests + 1, budget.tokens + tokens


def forget_budgets() -> None:
    with _lock:
        _budgets.clear()
