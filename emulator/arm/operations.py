"""Asynchronous operations: how long they take, how they end, and what they make of their resource."""

import random
import uuid
from typing import Any

from emulator import clock, faults, state
from emulator.arm import external_changes
from emulator.arm.failures import Subject, error_of
from emulator.arm.resources import MARKETPLACE
from emulator.faults import Target
from emulator.options import inference_uri, options
from emulator.seed import Workspace
from emulator.state import Operation, Resource

# The resource may be ready a little before or after the status says so; a client must live with both. What is
# deleted is gone by then.
DRIFT = 0.15
# How long each takes in comparison with making an endpoint.
LENGTH = {"create": 1.0, "update": 0.5, "patch": 0.25, "delete": 0.4, "regenerate": 0.1}
PREFIX = {"delete": "odidp", "regenerate": "oe"}
# Names that ask for a certain end; whatever comes after is free.
BY_NAME: dict[str, dict[str, Any]] = {
    "fail-region-": {"cause": "region"},
    "fail-offer-": {"cause": "offer"},
    "fail-taken-": {"cause": "taken"},
    "fail-quota-": {"cause": "quota"},
    "fail-payment-": {"cause": "payment"},
    "break-": {"silently": True},
    "never-": {"never": True},
    "slow-": {"factor": 4.0},
}

MAGIC_NAMES = {
    "fail-region-": "fails: the model is not in the region",
    "fail-offer-": "fails: the marketplace offer is missing",
    "fail-taken-": "fails: the name is taken",
    "fail-quota-": "fails: the quota is used up",
    "fail-payment-": "fails: nobody pays for the marketplace offer",
    "break-": "fails without a reason",
    "never-": "never ends",
    "slow-": "takes four times as long",
}


def begin(
    kind: str,
    collection: str,
    here: Workspace,
    row: Resource,
    subject: Subject,
    target: Target,
    changes: dict[str, Any] | None = None,
) -> Operation:
    """Start an operation on a resource; a fault or the resource's name decides how it will end, and may end it now."""
    now, plan = clock.now(), _plan(kind, subject.name, target)
    status_ends_at, resource_ends_at = _ends(kind, now, plan, target)
    outcome = "Failed" if plan.get("cause") or plan.get("silently") else plan.get("outcome", "Succeeded")
    error = error_of(plan["cause"], subject) if plan.get("cause") else None
    fault = faults.take_kind("operation-not-found", target)
    operation = Operation(
        id=f"{PREFIX.get(kind, 'oeidp')}:{here.workspace_id}:{uuid.uuid4()}",
        kind=kind,
        collection=collection,
        workspace=row.workspace,
        name=subject.name.lower(),
        subscription=here.subscription_id,
        region=here.location,
        started_at=now,
        status_ends_at=status_ends_at,
        resource_ends_at=resource_ends_at,
        outcome=outcome,
        status_outcome=plan.get("monitor", outcome),
        error=error.error if error else None,
        error_status=error.status if error else 409,
        changes=changes or {},
        unknown_polls=int(fault.settings["polls"]) if fault else 2 * (kind == "regenerate"),
        result_status=204 if faults.take_kind("result-204", target) else 200,
    )
    _give_up(row)
    state.state().operations[operation.id] = operation
    row.operation = operation.id
    settle(row)
    state.changed()
    return operation


def _ends(kind: str, now: float, plan: dict[str, Any], target: Target) -> tuple[float | None, float | None]:
    """When the status says that it is over, and when the resource shows it."""
    low, high = options().provisioning_seconds
    length = random.uniform(low, high) * LENGTH[kind] * plan.get("factor", 1.0)  # noqa: S311
    seconds = 0.0 if faults.take_kind("at-once", target) else float(plan.get("seconds", length))
    if plan.get("never"):
        return None, None
    fault, latest = faults.take_kind("drift", target), 0.0 if kind == "delete" else DRIFT
    drift = float(fault.settings["seconds"]) if fault else seconds * random.uniform(-DRIFT, latest)  # noqa: S311
    return now + seconds, now + seconds + drift


def _plan(kind: str, name: str, target: Target) -> dict[str, Any]:
    fault = faults.take("plan", target)
    if fault is None:
        prefixes = (prefix for prefix in BY_NAME if name.lower().startswith(prefix))
        # What such a name asks for is the end of its creation: a person can still delete it.
        return BY_NAME.get(next(prefixes, ""), {}) if kind == "create" else {}
    plans: dict[str, dict[str, Any]] = {
        "fail": {"cause": fault.settings.get("cause")},
        "fail-silently": {"silently": True, "monitor": fault.settings.get("monitor")},
        "cancel": {"outcome": "Canceled"},
        "never-ends": {"never": True},
        "duration": {"seconds": fault.settings.get("seconds")},
    }
    return plans[fault.kind]


def running(row: Resource) -> Operation | None:
    operation = state.state().operations.get(row.operation or "")
    return operation if operation and not operation.settled else None


def _give_up(row: Resource) -> None:
    """An operation that another one takes over is canceled."""
    if operation := running(row):
        operation.outcome = operation.status_outcome = "Canceled"
        operation.status_ends_at = operation.resource_ends_at = clock.now()
        operation.settled = True


def settle(row: Resource) -> None:
    """Bring a resource to where it is by now. Nothing ticks: this runs whenever somebody looks."""
    operation = running(row)
    if operation and operation.resource_ends_at is not None and clock.now() >= operation.resource_ends_at:
        operation.settled = True
        _end(operation, row)
        state.changed()
    if row.suspended_at is not None:
        external_changes.go_on(row, row.suspended_at)


def settle_purchases(workspace: str) -> None:
    """What a workspace has bought decides over its endpoints, so it comes first."""
    for row in list(state.state().marketplace.get(workspace, {}).values()):
        settle(row)


def _end(operation: Operation, row: Resource) -> None:
    properties, is_well = row.document["properties"], operation.outcome == "Succeeded"
    if operation.kind == "regenerate":
        row.keys |= operation.changes if is_well else {}
        return
    if operation.kind == "delete" and is_well:
        state.state().table(operation.collection)[operation.workspace].pop(operation.name, None)
        if operation.collection == MARKETPLACE:
            _move_endpoints(row)
        return
    properties["provisioningState"] = operation.outcome
    if is_well:
        row.document |= operation.changes
    if operation.collection == MARKETPLACE:
        if is_well:
            properties["marketplaceSubscriptionStatus"] = "Subscribed"
            _move_endpoints(row, to="Online")
    elif is_well:
        _bring_online(operation, row)
    elif operation.kind == "delete":
        properties["endpointState"] = "DeletionFailed"
    elif properties["endpointState"] == "Creating":
        properties["endpointState"] = "CreationFailed"


def _bring_online(operation: Operation, row: Resource) -> None:
    properties = row.document["properties"]
    if operation.kind == "patch" and properties["endpointState"] != "Online":
        return
    properties["endpointState"] = "Online"
    properties["inferenceEndpoint"] = {
        "uri": inference_uri(row.document["name"], operation.region),
        "headers": {"x-ms-workspace": operation.workspace.rpartition("/")[2]},
    }


def _move_endpoints(subscription: Resource, to: str = "Suspended") -> None:
    """Endpoints live and die with the marketplace subscription that pays for them."""
    before = "Suspended" if to == "Online" else "Online"
    for row in list(state.state().endpoints.get(subscription.workspace, {}).values()):
        settle(row)
        properties = row.document["properties"]
        is_paid_so = properties["marketplaceSubscriptionId"] == subscription.document["id"]
        if is_paid_so and properties["endpointState"] == before:
            properties["endpointState"] = to
