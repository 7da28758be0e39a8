"""Asynchronous operations: how long they take, how they end, and what their two addresses answer meanwhile."""

from __future__ import annotations

import base64
import hashlib
import hmac
import random
import uuid
from typing import Any, Final
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse

from emulator import clock, faults, state
from emulator.arm.causes import Subject, error_of
from emulator.arm.errors import ArmError, Document
from emulator.arm.scopes import check_subscription
from emulator.arm.service import answer, arm
from emulator.arm.tokens import Caller
from emulator.options import options
from emulator.seed import Workspace
from emulator.state import Endpoint, Operation

TIMEOUT: Final = "PT30M"
_YEAR_ONE: Final = "0001-01-01T00:00:00+00:00"
# The resource may be ready a little before or after the status says so; a client must live with both.
_DRIFT: Final = 0.15
# Names that ask for a certain end; whatever comes after is free.
_BY_NAME: Final[dict[str, dict[str, Any]]] = {
    "fail-region-": {"cause": "region"},
    "fail-offer-": {"cause": "offer"},
    "fail-taken-": {"cause": "taken"},
    "fail-quota-": {"cause": "quota"},
    "break-": {"silently": True},
    "never-": {"never": True},
    "slow-": {"factor": 4.0},
}

MAGIC_NAMES: Final = {
    "fail-region-": "fails: the model is not in the region",
    "fail-offer-": "fails: the marketplace offer is missing",
    "fail-taken-": "fails: the name is taken",
    "fail-quota-": "fails: the quota is used up",
    "break-": "fails without a reason",
    "never-": "never ends",
    "slow-": "takes four times as long",
}


def begin(kind: str, workspace: Workspace, endpoint: Endpoint, subject: Subject) -> Operation:
    """Start an operation on an endpoint; a fault or the endpoint's name decides how it will end."""
    now, plan = clock.now(), _plan(subject)
    low, high = options().provisioning_seconds
    seconds = plan.get("seconds") or random.uniform(low, high) * plan.get("factor", 1.0)  # noqa: S311
    ends_at = None if plan.get("never") else now + float(seconds)
    drift = float(seconds) * random.uniform(-_DRIFT, _DRIFT)  # noqa: S311
    outcome = "Failed" if plan.get("cause") or plan.get("silently") else plan.get("outcome", "Succeeded")
    prefix = "oeidp" if kind == "create" else "odidp"
    operation = Operation(
        id=f"{prefix}:{workspace.workspace_id}:{uuid.uuid4()}",
        kind=kind,
        workspace=endpoint.workspace,
        endpoint=subject.name.lower(),
        subscription=workspace.subscription_id,
        region=workspace.location,
        started_at=now,
        status_ends_at=ends_at,
        resource_ends_at=None if ends_at is None else ends_at + drift,
        outcome=outcome,
        status_outcome=plan.get("monitor", outcome),
        error=error_of(plan["cause"], subject).error if plan.get("cause") else None,
    )
    state.state().operations[operation.id] = operation
    endpoint.operation = operation.id
    state.changed()
    return operation


def _plan(subject: Subject) -> dict[str, Any]:
    fault = faults.take("plan", "put", (subject.name, subject.model_id, subject.person))
    if fault is None:
        prefixes = (prefix for prefix in _BY_NAME if subject.name.lower().startswith(prefix))
        return _BY_NAME.get(next(prefixes, ""), {})
    plans: dict[str, dict[str, Any]] = {
        "fail": {"cause": fault.settings.get("cause")},
        "fail-silently": {"silently": True, "monitor": fault.settings.get("monitor")},
        "cancel": {"outcome": "Canceled"},
        "never-ends": {"never": True},
        "duration": {"seconds": fault.settings.get("seconds")},
    }
    return plans[fault.kind]


def settle(endpoint: Endpoint) -> None:
    """Bring an endpoint to where its operation is by now. Nothing ticks: this runs whenever somebody looks."""
    operation = state.state().operations.get(endpoint.operation or "")
    if operation is None or operation.settled or operation.resource_ends_at is None:
        return
    if clock.now() < operation.resource_ends_at:
        return
    operation.settled = True
    state.changed()
    if operation.kind == "delete":
        state.state().endpoints[operation.workspace].pop(operation.endpoint, None)
        return
    properties = endpoint.document["properties"]
    properties["provisioningState"] = operation.outcome
    if operation.outcome != "Succeeded":
        properties["endpointState"] = "CreationFailed"
        return
    properties["endpointState"] = "Online"
    name = endpoint.document["name"]
    properties["inferenceEndpoint"] = {
        "uri": f"https://{name}.{operation.region}.models.ai.azure.com",
        "headers": {"x-ms-workspace": operation.workspace.rpartition("/")[2]},
    }


def headers(operation: Operation, version: str, resource_url: str = "") -> dict[str, str]:
    """Where to look, as this front end says it: the PUT's Location is the resource itself, and no Retry-After."""
    found = {
        "Azure-AsyncOperation": _signed("mfeOperationsStatus", operation, version),
        "Location": resource_url or _signed("mfeOperationResults", operation, version),
        "x-ms-async-operation-timeout": TIMEOUT,
    }
    names = (operation.endpoint,)
    if faults.take_kind("foreign-monitor", "put", names):
        found |= dict.fromkeys(("Azure-AsyncOperation", "Location"), f"http://127.0.0.1:9/{operation.id}")
    if fault := faults.take_kind("no-monitor", "put", names):
        del found["Azure-AsyncOperation"]
        location = fault.settings["location"]
        if location == "none":
            del found["Location"]
        elif location == "result":
            found["Location"] = _signed("mfeOperationResults", operation, version)
    if fault := faults.take_kind("retry-after", "put", names):
        found["Retry-After"] = str(fault.settings["seconds"])
    return found


@arm("GET")
def status(request: HttpRequest, caller: Caller, subscription: str, region: str, operation: str) -> HttpResponse:
    found = _find(request, caller, subscription, operation)
    ended = found.status_ends_at is not None and clock.now() >= found.status_ends_at
    document: Document = {
        "id": request.path,
        "name": found.id,
        "status": found.status_outcome if ended else "Updating",
        "startTime": clock.iso(found.started_at),
        "endTime": clock.iso(found.status_ends_at or 0) if ended else _YEAR_ONE,
        "percentComplete": 0.0,
        "properties": None,
    }
    if ended and found.error and found.status_outcome != "Succeeded":
        document["error"] = found.error
    if not ended and (fault := faults.take_kind("unknown-status", "status", (found.endpoint,))):
        document["status"] = fault.settings["status"]
    if fault := faults.take_kind("whole-percent", "status", (found.endpoint,)):
        document["percentComplete"] = fault.settings["percent"]
    return answer(document)


@arm("GET")
def result(request: HttpRequest, caller: Caller, subscription: str, region: str, operation: str) -> HttpResponse:
    """202 until it is over, then what the request itself would have answered."""
    found = _find(request, caller, subscription, operation)
    if found.status_ends_at is None or clock.now() < found.status_ends_at:
        response = answer(None, 202)
        response.headers["Location"] = request.build_absolute_uri()
        return response
    if found.kind == "delete":
        return answer(None, 204)
    endpoint = state.state().endpoints[found.workspace][found.endpoint]
    settle(endpoint)
    return answer(endpoint.document)


def _find(request: HttpRequest, caller: Caller, subscription: str, operation: str) -> Operation:
    check_subscription(caller, subscription)
    found = state.state().operations.get(operation)
    if found is None or found.subscription.lower() != subscription.lower():
        details: list[Document] = [{"code": "OperationNotFound", "message": "The operation does not exist."}]
        raise ArmError(404, "NotFound", "The operation was not found.", details=details)
    query = request.META.get("QUERY_STRING", "")
    if not hmac.compare_digest(query, _query(found, request.GET.get("api-version", ""), request.GET.get("t", ""))):
        raise ArmError(403, "AuthorizationFailed", "The signature of the address is not valid.")
    return found


def _signed(place: str, operation: Operation, version: str) -> str:
    path = (
        f"/subscriptions/{operation.subscription}/providers/Microsoft.MachineLearningServices"
        f"/locations/{operation.region}/{place}/{operation.id}"
    )
    moment = f"{int(operation.started_at * 10_000_000) + 621_355_968_000_000_000:018d}"
    return f"{options().public_url}{path}?{_query(operation, version, moment)}"


def _query(operation: Operation, version: str, moment: str) -> str:
    """The signature, as long as the real one: a client has to keep some 3 kB whole."""
    stem = f"{operation.id}|{version}|{moment}"
    parts = {"c": 1931, "s": 256, "h": 32}
    signed = {name: _stretched(f"{name}|{stem}", size) for name, size in parts.items()}
    return urlencode({"api-version": version, "t": moment, **signed})


def _stretched(text: str, size: int) -> str:
    key = state.state().secret.encode()
    blocks = (hmac.digest(key, f"{number}|{text}".encode(), hashlib.sha512) for number in range(size // 64 + 1))
    return base64.urlsafe_b64encode(b"".join(blocks)[:size]).decode().rstrip("=")
