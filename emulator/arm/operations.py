"""Asynchronous operations: how long they take, how they end, and how they change their resource.

https://github.com/cloud-and-ai-microsoft/resource-provider-contract/blob/master/v1.0/async-api-reference.md
"""

import random
import uuid
from dataclasses import dataclass
from typing import Any

from emulator import clock, faults, state
from emulator.arm import external_changes
from emulator.arm.failures import Subject, error_of
from emulator.arm.resources import MARKETPLACE
from emulator.fault_kinds import Group
from emulator.faults import Target
from emulator.options import inference_uri, options
from emulator.seed import Workspace
from emulator.state import Operation, Resource

# The resource may be ready a little before or after the status says so, and clients must handle both. A deleted
# resource is gone by then.
DRIFT = 0.15
# How long each takes compared with the creation of an endpoint.
RELATIVE_DURATION = {"create": 1.0, "update": 0.5, "patch": 0.25, "delete": 0.4, "regenerate": 0.1}
PREFIX = {"delete": "odidp", "regenerate": "oe"}


@dataclass(frozen=True)
class MagicName:
    """A prefix of names that decides how the creation ends."""

    plan: dict[str, Any]
    about: str


MAGIC_NAMES = {
    "fail-region-": MagicName({"cause": "region"}, "fails: the model is not available in the region"),
    "fail-offer-": MagicName({"cause": "offer"}, "fails: the marketplace offer is missing"),
    "fail-taken-": MagicName({"cause": "taken"}, "fails: the name is taken"),
    "fail-quota-": MagicName({"cause": "quota"}, "fails: the quota is used up"),
    "fail-payment-": MagicName({"cause": "payment"}, "fails: no valid payment method"),
    "break-": MagicName({"silently": True}, "fails without a reason"),
    "never-": MagicName({"never": True}, "never ends"),
    "slow-": MagicName({"factor": 4.0}, "takes four times as long"),
}


def begin(
    kind: str,
    collection: str,
    parent: Workspace,
    row: Resource,
    subject: Subject,
    target: Target,
    changes: dict[str, Any] | None = None,
) -> Operation:
    """Start an operation on a resource. A fault or the resource's name decides how and when it ends."""
    now, plan = clock.now(), _plan(kind, subject.name, target)
    status_ends_at, resource_ends_at = _ends(kind, now, plan, target)
    outcome = "Failed" if plan.get("cause") or plan.get("silently") else plan.get("outcome", "Succeeded")
    error = error_of(plan["cause"], subject) if plan.get("cause") else None
    fault = faults.take_kind("operation-not-found", target)
    operation = Operation(
        id=f"{PREFIX.get(kind, 'oeidp')}:{parent.workspace_id}:{uuid.uuid4()}",
        kind=kind,
        collection=collection,
        workspace=row.workspace,
        name=subject.name.lower(),
        subscription=parent.subscription_id,
        region=parent.location,
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
    _cancel(row)
    state.state().operations[operation.id] = operation
    row.operation = operation.id
    settle(row)
    state.changed()
    return operation


def _ends(kind: str, now: float, plan: dict[str, Any], target: Target) -> tuple[float | None, float | None]:
    """When the status ends, and when the resource shows it."""
    low, high = options().provisioning_seconds
    length = random.uniform(low, high) * RELATIVE_DURATION[kind] * plan.get("factor", 1.0)  # noqa: S311
    seconds = 0.0 if faults.take_kind("at-once", target) else float(plan.get("seconds", length))
    if plan.get("never"):
        return None, None
    fault, latest = faults.take_kind("drift", target), 0.0 if kind == "delete" else DRIFT
    drift = float(fault.settings["seconds"]) if fault else seconds * random.uniform(-DRIFT, latest)  # noqa: S311
    return now + seconds, now + seconds + drift


def _plan(kind: str, name: str, target: Target) -> dict[str, Any]:
    fault = faults.take(Group.PLAN, target)
    if fault is None:
        plans_by_name = (magic.plan for prefix, magic in MAGIC_NAMES.items() if name.lower().startswith(prefix))
        # A magic name decides about the creation only, so the endpoint can still be deleted.
        return next(plans_by_name, {}) if kind == "create" else {}
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


def _cancel(row: Resource) -> None:
    """A new operation cancels the one that is running."""
    if operation := running(row):
        operation.outcome = operation.status_outcome = "Canceled"
        operation.status_ends_at = operation.resource_ends_at = clock.now()
        operation.settled = True


def settle(row: Resource) -> None:
    """Bring a resource up to date. Nothing runs in the background: every read does this first."""
    operation = running(row)
    if operation and operation.resource_ends_at is not None and clock.now() >= operation.resource_ends_at:
        operation.settled = True
        _end(operation, row)
        state.changed()
    if row.suspended_at is not None:
        external_changes.update_suspension(row, row.suspended_at)


def settle_purchases(workspace: str) -> None:
    """Marketplace subscriptions change endpoints, so they come first."""
    for row in list(state.state().marketplace.get(workspace, {}).values()):
        settle(row)


def _end(operation: Operation, row: Resource) -> None:
    properties, has_succeeded = row.document["properties"], operation.outcome == "Succeeded"
    if operation.kind == "regenerate":
        row.keys |= operation.changes if has_succeeded else {}
        return
    if operation.kind == "delete" and has_succeeded:
        state.state().table(operation.collection)[operation.workspace].pop(operation.name, None)
        if operation.collection == MARKETPLACE:
            _suspend_or_resume(row)
        return
    properties["provisioningState"] = operation.outcome
    if has_succeeded:
        row.document |= operation.changes
    if operation.collection == MARKETPLACE:
        if has_succeeded:
            properties["marketplaceSubscriptionStatus"] = "Subscribed"
            _suspend_or_resume(row, to="Online")
    elif has_succeeded:
        _set_online(operation, row)
    elif operation.kind == "delete":
        properties["endpointState"] = "DeletionFailed"
    elif properties["endpointState"] == "Creating":
        properties["endpointState"] = "CreationFailed"


def _set_online(operation: Operation, row: Resource) -> None:
    properties = row.document["properties"]
    if operation.kind == "patch" and properties["endpointState"] != "Online":
        return
    properties["endpointState"] = "Online"
    properties["inferenceEndpoint"] = {
        "uri": inference_uri(row.document["name"], operation.region),
        "headers": {"x-ms-workspace": operation.workspace.rpartition("/")[2]},
    }


def _suspend_or_resume(subscription: Resource, to: str = "Suspended") -> None:
    """Without its marketplace subscription an endpoint is suspended, and with it online again."""
    before = "Suspended" if to == "Online" else "Online"
    for row in list(state.state().endpoints.get(subscription.workspace, {}).values()):
        settle(row)
        properties = row.document["properties"]
        is_paid_by_it = properties["marketplaceSubscriptionId"] == subscription.document["id"]
        if is_paid_by_it and properties["endpointState"] == before:
            properties["endpointState"] = to
