"""The one place where history is written: events of an endpoint, and the end of what the audit log saw begin."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from accounts import audit
from accounts.actor import Actor
from accounts.models import User
from endpoints.arm.operations import Outcome
from endpoints.models import Event, Operation


def add_event(
    operation: Operation,
    text: str,
    at: datetime,
    *,
    actor: User | None = None,
    state: str = "",
    evidence: dict[str, Any] | None = None,
) -> None:
    """`state` is the one it led to, when it led to another one."""
    Event.objects.create(
        endpoint_id=operation.endpoint_id,
        operation_id=operation.pk,
        at=at,
        actor=actor,
        state=state,
        text=text[:500],
        evidence=evidence or {},
    )


def add_events(operations: Iterable[tuple[UUID, UUID]], text: str, at: datetime) -> None:
    """The same line for many: the ids of each operation and of its endpoint."""
    Event.objects.bulk_create(
        Event(endpoint_id=endpoint_id, operation_id=operation_id, at=at, text=text)
        for operation_id, endpoint_id in operations
    )


def open_audit_entry(operation: Operation, actor: Actor) -> None:
    """Write down that somebody requested this, before anything of it happens."""
    if action := operation.spec.audit_action:
        audit.record(
            action,
            actor,
            target=operation.endpoint.arm_id,
            outcome="attempted",
            correlation_id=str(operation.correlation_id),
        )


def close_audit_entry(operation: Operation, outcome: Outcome, reason: str) -> None:
    """Complete in the audit log what was attempted when the person requested it."""
    if action := operation.spec.audit_action:
        audit.record(
            action,
            Actor(operation.requested_by),
            target=operation.endpoint.arm_id,
            outcome="done" if outcome == Outcome.SUCCEEDED else "failed",
            details={"reason": reason} if reason else None,
            correlation_id=str(operation.correlation_id),
        )
