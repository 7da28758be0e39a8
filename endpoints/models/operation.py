"""Operations on endpoints, and the history."""

from __future__ import annotations

import uuid
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q

from endpoints.arm.operations import Outcome
from endpoints.kinds import Kind, KindSpec
from endpoints.models.endpoint import Endpoint
from endpoints.states import Phase, State


class Operation(models.Model):
    """One request to ARM for an endpoint. Its progress is stored only in this row."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    endpoint = models.ForeignKey(Endpoint, models.CASCADE, related_name="operations")
    kind = models.CharField(max_length=20, choices=Kind.choices)
    # Generated with the form, so that a double click makes one operation.
    submission_id = models.UUIDField(unique=True)
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    requested_at = models.DateTimeField()
    # The body of the request; null if it has none.
    body: models.JSONField[dict[str, Any] | None, dict[str, Any] | None] = models.JSONField(null=True)
    correlation_id = models.UUIDField(default=uuid.uuid4)

    phase = models.CharField(max_length=20, choices=Phase.choices, default=Phase.QUEUED)
    # The URLs that ARM returned for polling: 3 kB and more, and signed, so never show or log them.
    # https://learn.microsoft.com/en-us/azure/azure-resource-manager/management/async-operations#url-to-monitor-status
    monitor_url = models.TextField(blank=True)
    result_url = models.TextField(blank=True)
    deadline_at = models.DateTimeField(null=True)
    sends = models.PositiveSmallIntegerField(default=0)
    # Polls in a row without a change. The interval grows with them.
    polls = models.PositiveIntegerField(default=0)
    # The latest status in ARM's spelling.
    arm_status = models.CharField(max_length=100, blank=True)
    # Each counts in a row: transient faults, unreadable bodies, final GETs that still showed a busy resource.
    faults = models.PositiveSmallIntegerField(default=0)
    unreadable = models.PositiveSmallIntegerField(default=0)
    confirmations = models.PositiveSmallIntegerField(default=0)
    # Answers in a row that the endpoint does not exist.
    absences = models.PositiveSmallIntegerField(default=0)

    # Null if it is settled or waits for a sign-in.
    next_step_at = models.DateTimeField(null=True)
    # The time is that of Azure's Retry-After, so the next step must not come earlier.
    has_retry_after = models.BooleanField(default=False)
    # The claim of a worker. The owner is a process, as "host:pid".
    lease = models.UUIDField(null=True)
    lease_until = models.DateTimeField(null=True)
    lease_owner = models.CharField(max_length=300, blank=True)
    needs_sign_in = models.BooleanField(default=False)
    # The claims challenge to pass to that sign-in:
    # https://learn.microsoft.com/en-us/entra/identity-platform/claims-challenge
    claims = models.TextField(blank=True)
    # Azure refused the cached token; the next step gets a new one from Entra ID.
    force_token_refresh = models.BooleanField(default=False)

    settled_at = models.DateTimeField(null=True)
    outcome = models.CharField(
        max_length=20, choices=[(outcome.value, outcome.value) for outcome in Outcome], blank=True
    )
    error: models.JSONField[dict[str, Any] | None, dict[str, Any] | None] = models.JSONField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["endpoint"], condition=Q(settled_at=None), name="one_unsettled_operation_per_endpoint"
            ),
            models.CheckConstraint(
                condition=Q(settled_at=None) | Q(next_step_at=None), name="a_settled_operation_has_no_next_step"
            ),
        ]
        indexes = [
            # Due operations, which the sweep claims.
            models.Index(fields=["next_step_at"], condition=Q(next_step_at__isnull=False), name="operation_due"),
            # The leases of dead processes, which a starting worker reclaims.
            models.Index(fields=["lease_owner"], condition=Q(lease__isnull=False), name="operation_leased"),
            # Parked operations, which the sign-in of their user resumes.
            models.Index(fields=["requested_by"], condition=Q(needs_sign_in=True), name="operation_parked"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.endpoint_id}"

    @property
    def spec(self) -> KindSpec:
        return Kind(self.kind).spec


class Event(models.Model):
    """One line of an endpoint's history. Append-only."""

    endpoint = models.ForeignKey(Endpoint, models.CASCADE, related_name="events")
    operation = models.ForeignKey(Operation, models.CASCADE, null=True, related_name="events")
    at = models.DateTimeField()
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    # The new state; empty if the state did not change.
    state = models.CharField(max_length=20, choices=State.choices, blank=True)
    text = models.CharField(max_length=500)
    # Method, path, status, milliseconds and selected headers of the exchange with Azure; empty for users' requests.
    evidence: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(default=dict)

    class Meta:
        ordering = ["-at", "-id"]
        indexes = [models.Index(fields=["endpoint", "-at", "-id"], name="event_history")]

    def __str__(self) -> str:
        return self.text

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self.pk is not None:
            raise TypeError("Events are append-only.")
        super().save(*args, **kwargs)
