"""Add events to an endpoint's history, and open and close the audit entries of operations."""

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
    """Add one event; `state` is the new state, if it changed."""
    Event.objects.create(
        endpoint_id=operation.endpoint_id,
        operation_id=operation.pk,
        at=at,
        actor=actor,
        state=state,
        text=text[:500],
        evidence=evidence or {},
    )


def add_endpoint_event(
    endpoint_id: UUID, text: str, at: datetime, *, actor: User | None = None, state: str = "", **evidence: Any
) -> None:
    """Add one event that belongs to no operation."""
    Event.objects.create(endpoint_id=endpoint_id, at=at, actor=actor, state=state, text=text[:500], evidence=evidence)


def add_endpoint_events(news: Iterable[tuple[UUID, str, str]], at: datetime, **evidence: Any) -> None:
    """Add events that belong to no operation, given as endpoint id, text and new state."""
    Event.objects.bulk_create(
        Event(endpoint_id=endpoint_id, at=at, text=text[:500], state=state, evidence=evidence)
        for endpoint_id, text, state in news
    )


def add_events(operations: Iterable[tuple[UUID, UUID]], text: str, at: datetime) -> None:
    """Add the same event to many endpoints, given as pairs of operation id and endpoint id."""
    Event.objects.bulk_create(
        Event(endpoint_id=endpoint_id, operation_id=operation_id, at=at, text=text)
        for operation_id, endpoint_id in operations
    )


def open_audit_entry(operation: Operation, actor: Actor) -> None:
    """Record the request in the audit log before anything is sent to Azure."""
    audit.record(
        operation.spec.audit_action,
        actor,
        target=operation.endpoint.arm_id,
        outcome="attempted",
        correlation_id=str(operation.correlation_id),
    )


def close_audit_entry(operation: Operation, outcome: Outcome, reason: str) -> None:
    """Record the outcome of the request in the audit log."""
    audit.record(
        operation.spec.audit_action,
        Actor(operation.requested_by),
        target=operation.endpoint.arm_id,
        outcome="done" if outcome == Outcome.SUCCEEDED else "failed",
        details={"reason": reason} if reason else None,
        correlation_id=str(operation.correlation_id),
    )
