"""Workspaces, their endpoints, the operations on these, and the history."""

from __future__ import annotations

import uuid
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower
from django.urls import reverse

from endpoints.arm.operations import Outcome
from endpoints.arm.serverless_endpoint import ServerlessEndpoint
from endpoints.fields import ResourceField
from endpoints.kinds import Kind, KindSpec
from endpoints.states import Phase, State, Urgency


class Workspace(models.Model):
    """An Azure Machine Learning workspace that an Admin registered."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    subscription_id = models.CharField(max_length=36)
    resource_group = models.CharField(max_length=90)
    name = models.CharField(max_length=33)
    location = models.CharField(max_length=90)
    registered_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    registered_at = models.DateTimeField()

    class Meta:
        ordering = ["name", "resource_group"]
        constraints = [
            models.UniqueConstraint(
                Lower("subscription_id"), Lower("resource_group"), Lower("name"), name="workspace_is_registered_once"
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def arm_id(self) -> str:
        return (
            f"/subscriptions/{self.subscription_id}/resourceGroups/{self.resource_group}"
            f"/providers/Microsoft.MachineLearningServices/workspaces/{self.name}"
        )


class WorkspaceAccess(models.Model):
    """Whether Azure lets a user read a workspace, cached for some minutes by `endpoints.access`."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+")
    readable = models.BooleanField()
    checked_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "workspace"], name="one_access_per_user_and_workspace")]

    def __str__(self) -> str:
        return f"{self.user_id} {'reads' if self.readable else 'does not read'} {self.workspace_id}"


class Endpoint(models.Model):
    """A serverless endpoint: the request, the resource as Azure last returned it, and the state that users see."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey(Workspace, models.PROTECT, related_name="endpoints")
    name = models.CharField(max_length=255)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    # The body of the PUT request, and its model id for searches.
    requested: models.JSONField[ServerlessEndpoint, ServerlessEndpoint] = ResourceField()
    model_id = models.CharField(max_length=1024)
    # The resource as ARM last returned it, and when. Null until then.
    observed: models.JSONField[ServerlessEndpoint | None, ServerlessEndpoint | None] = ResourceField(null=True)
    observed_at = models.DateTimeField(null=True)
    # When its PUT request was first sent. From then on, a resource with this name in Azure is ours.
    sent_at = models.DateTimeField(null=True)
    # When a response of Azure, about the resource or its operation, last confirmed the state.
    confirmed_at = models.DateTimeField(null=True)
    inference_uri = models.CharField(max_length=2048, blank=True)
    # Shown to users.
    state = models.CharField(max_length=20, choices=State.choices, default=State.QUEUED)
    reason = models.CharField(max_length=300, blank=True)
    state_since = models.DateTimeField()
    urgency = models.PositiveSmallIntegerField(choices=Urgency.choices, default=Urgency.WORKING)
    changed_at = models.DateTimeField()
    # Incremented with every change that the table shows. The sum over all rows shows whether a page is out of date.
    version = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = [
            models.UniqueConstraint(F("workspace"), Lower("name"), name="endpoint_name_is_unique_in_its_workspace")
        ]
        indexes = [
            # The default order of the table.
            models.Index(fields=["urgency", "name", "id"], name="endpoint_table_order"),
            # endpoints.queries.count reads nothing but this index.
            models.Index(fields=["workspace", "state", "version"], name="endpoint_counts"),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("endpoints:detail", args=[self.id])

    @property
    def arm_id(self) -> str:
        return f"{self.workspace.arm_id}/serverlessEndpoints/{self.name}"

    @property
    def model_name(self) -> str:
        return self.model_id.rpartition("/models/")[2]

    @property
    def is_ours(self) -> bool:
        """Whether a resource with this name in Azure belongs to this row, rather than being created elsewhere."""
        return self.sent_at is not None or self.observed is not None

    @property
    def shown_state(self) -> State:
        return State(self.state)

    @property
    def announcement(self) -> str:
        """The state as a sentence."""
        return f"{self.name} {self.shown_state.spec.predicate}."


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
