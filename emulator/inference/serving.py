"""Requests to endpoints' own addresses: which endpoint, which key, how many."""

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
from emulator.inference.errors import InferenceError
from emulator.inference.responses import ROUTES, word_count
from emulator.options import options
from emulator.state import Resource

# Limits of a deployment per minute:
# https://learn.microsoft.com/en-us/azure/machine-learning/how-to-deploy-models-serverless
REQUESTS = 1000
TOKENS = 200_000
MINUTE = 60.0


@dataclass(frozen=True)
class EndpointCall:
    """A request to an endpoint's own address."""

    name: str
    region: str
    path: str


@dataclass
class _Usage:
    since: float
    requests: int = 0
    tokens: int = 0


_lock = threading.Lock()
_usage: dict[str, _Usage] = {}


def endpoint_call(request: HttpRequest) -> EndpointCall | None:
    """Which endpoint a request is for; None if it is for Azure itself."""
    match = _address().fullmatch(f"{request.headers.get('Host', '')}{request.path}")
    return EndpointCall(match["name"], match["region"], f"/{match['path'] or ''}") if match else None


@cache
def _address() -> re.Pattern[str]:
    """The template of addresses as a pattern, without the scheme, which a proxy may have changed."""
    host, slash, path = options().inference_uri.partition("://")[2].partition("/")
    template = f"{re.escape(host) if '{' in host else '[^/]*'}{slash}{re.escape(path)}"
    for part in ("name", "region"):
        template = template.replace(rf"\{{{part}\}}", f"(?P<{part}>[a-zA-Z0-9-]+)")
    return re.compile(rf"{template}(?:/(?P<path>.*))?", re.IGNORECASE)


def target_of(request: HttpRequest, call: EndpointCall) -> Target:
    row = _endpoint(call)
    workspace = row.workspace.rpartition("/")[2] if row else ""
    model = model_of(row.document) if row else ""
    return Target("inference", request.method or "", call.path, call.name, model, workspace)


def serve(request: HttpRequest, call: EndpointCall) -> HttpResponseBase:
    try:
        with state.lock:
            row, model = _served(call)
            _check_key(request, row)
        return _respond(request, call, model)
    except InferenceError as error:
        return error.response()


def _endpoint(call: EndpointCall) -> Resource | None:
    for rows in state.state().endpoints.values():
        row = rows.get(call.name.lower())
        if row and row.document["location"] == call.region.lower():
            return row
    return None


def _served(call: EndpointCall) -> tuple[Resource, Model]:
    """The endpoint and its model. Raises InferenceError: missing, not ready and retired all look the same."""
    row = _endpoint(call)
    if row:
        operations.settle_purchases(row.workspace)
        operations.settle(row)
    if row is None or row.document["properties"]["inferenceEndpoint"] is None:
        raise InferenceError(404, "NotFound", "The resource was not call.")
    model = find_model(model_of(row.document)) or Model("", model_of(row.document), frozenset(), False, False)
    if model.retired:
        raise InferenceError(404, "NotFound", "The resource was not call.")
    if row.document["properties"]["endpointState"] != "Online":
        raise InferenceError(403, "EndpointSuspended", "The endpoint is suspended and serves nothing.")
    return row, model


def _check_key(request: HttpRequest, row: Resource) -> None:
    """Clients send the key as a bearer token, as the whole Authorization header, or as api-key."""
    header = request.headers.get("Authorization", "")
    sent = (header.removeprefix("Bearer ").strip() or request.headers.get("api-key", "")).encode()
    if not any(secrets.compare_digest(sent, key.encode()) for key in row.keys.values()):
        text = "Access denied due to an invalid key. Provide a valid key of this endpoint, as a bearer token."
        raise InferenceError(401, "Unauthorized", text)


def _respond(request: HttpRequest, call: EndpointCall, model: Model) -> HttpResponseBase:
    route = call.path.rstrip("/").removeprefix("/v1")
    if route == "/info" and request.method == "GET":
        publisher = model.registry.removeprefix("azureml-") or "azureml"
        return JsonResponse({"model_name": model.name, "model_type": model.task, "model_provider_name": publisher})
    work = ROUTES.get((route, model.task))
    if work is None:
        raise InferenceError(404, "NotFound", f"There is nothing at '{call.path}' for a model of type {model.task}.")
    if request.method != "POST":
        raise InferenceError(405, "MethodNotAllowed", "Method not allowed.")
    body = _body(request)
    words = word_count(body.get("messages") or body.get("input") or body.get("prompt") or "")
    _hit(f"{call.region}/{call.name}".lower(), words)
    return work(body, model, words)


def _body(request: HttpRequest) -> dict[str, Any]:
    try:
        body = json.loads(request.body)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise InferenceError(400, "BadRequest", "The request body must be a JSON object.")
    return body


def _hit(key: str, tokens: int) -> None:
    now = clock.now()
    with _lock:
        usage = _usage.get(key)
        if usage is None or now - usage.since >= MINUTE:
            usage = _usage[key] = _Usage(now)
        if usage.requests >= REQUESTS or usage.tokens + tokens > TOKENS:
            wait = max(1, round(usage.since + MINUTE - now))
            raise InferenceError(429, "RateLimitReached", f"Rate limit is exceeded. Try again in {wait} seconds.", wait)
        usage.requests, usage.tokens = usage.requests + 1, usage.tokens + tokens


def reset_limits() -> None:
    with _lock:
        _usage.clear()
