"""Asynchronous operations: how long they take, how they end, and how they change their resource.

https://github.com/cloud-and-ai-microsoft/resource-provider-contract/blob/master/v1.0/async-api-reference.md
"""

import uuid
from typing import Any

from emulator import clock, faults, state
from emulator.arm import external_changes
from emulator.arm.failures import Subject, error_of
from emulator.arm.plans import Plan, ends_of, plan_of
from emulator.arm.resources import MARKETPLACE
from emulator.faults import Target
from emulator.options import inference_uri
from emulator.seed import Workspace
from emulator.state import Operation, Resource

PREFIX = {"delete": "odidp", "regenerate": "oe"}


def begin(
    kind: str,
    collection: str,
    parent: Workspace,
    row: Resource,
    subject: Subject,
    target: Target,
    changes: dict[str, Any] | None = None,
    plan: Plan | None = None,
) -> Operation:
    """Start an operation on a resource. Without a plan, a fault or the name decides how and when it ends."""
    now, plan = clock.now(), plan or plan_of(kind, subject.name, target)
    status_ends_at, resource_ends_at = ends_of(kind, now, plan, target)
    error = error_of(plan.cause, subject) if plan.cause else None
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
        outcome=plan.outcome,
        status_outcome=plan.status_outcome or plan.outcome,
        error=error.error if error else None,
        error_status=error.status if error else 409,
        changes=changes or {},
        unknown_polls=int(fault.settings["polls"]) if fault else 2 * (kind == "regenerate"),
        result_status=204 if faults.take_kind("result-204", target) else 200,
    )
    _cancel(row)
    row.reverts_at = None
    state.state().operations[operation.id] = operation
    row.operation = operation.id
    settle(row)
    state.changed()
    return operation


def running(row: Resource) -> Operation | None:
    operation = state.state().operations.get(row.operation or "")
    return operation if operation and not operation.settled else None


def looks_busy(row: Resource) -> bool:
    """Whether an operation of someone else is shown for a while."""
    is_moving = row.document["properties"]["provisioningState"] in {"Creating", "Updating", "Deleting"}
    return row.reverts_at is not None and is_moving


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
    if row.reverts_at is not None and clock.now() >= row.reverts_at:
        row.document["properties"] |= row.reverts_to
        row.reverts_at = None
        state.changed()


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
            suspend_or_resume(row)
        return
    properties["provisioningState"] = operation.outcome
    if has_succeeded:
        row.document |= operation.changes
    if operation.collection == MARKETPLACE:
        if has_succeeded:
            properties["marketplaceSubscriptionStatus"] = "Subscribed"
            suspend_or_resume(row, to="Online")
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


def suspend_or_resume(subscription: Resource, to: str = "Suspended") -> None:
    """Without its marketplace subscription an endpoint is suspended, and with it online again."""
    before = "Suspended" if to == "Online" else "Online"
    for row in list(state.state().endpoints.get(subscription.workspace, {}).values()):
        settle(row)
        properties = row.document["properties"]
        is_paid_by_it = properties["marketplaceSubscriptionId"] == subscription.document["id"]
        if is_paid_by_it and properties["endpointState"] == before:
            properties["endpointState"] = to
