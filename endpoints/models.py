"""What is kept: the workspaces, the endpoints in them, what was asked of Azure for each, and what happened."""

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
    """Azure's answer, a few minutes old at most, to whether a person may read a workspace."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+")
    readable = models.BooleanField()
    checked_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "workspace"], name="one_access_per_user_and_workspace")]

    def __str__(self) -> str:
        return f"{self.user_id} {'reads' if self.readable else 'does not read'} {self.workspace_id}"


class Endpoint(models.Model):
    """A serverless endpoint: what was asked for, what Azure was last seen to hold, and the state a person sees."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey(Workspace, models.PROTECT, related_name="endpoints")
    name = models.CharField(max_length=255)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    # Requested: the PUT body as it is sent, and its model id to search and sort by.
    requested: models.JSONField[ServerlessEndpoint, ServerlessEndpoint] = ResourceField()
    model_id = models.CharField(max_length=1024)
    # Observed: ARM's answer as it came, and when; null while Azure was never seen to hold it.
    observed: models.JSONField[ServerlessEndpoint | None, ServerlessEndpoint | None] = ResourceField(null=True)
    observed_at = models.DateTimeField(null=True)
    # When a PUT for it first left: from then on Azure may hold it, and what it holds under this name is ours.
    sent_at = models.DateTimeField(null=True)
    # When Azure last said something that confirms the state, be it about the resource or about its operation.
    confirmed_at = models.DateTimeField(null=True)
    inference_uri = models.CharField(max_length=2048, blank=True)
    # What a person sees.
    state = models.CharField(max_length=20, choices=State.choices, default=State.QUEUED)
    reason = models.CharField(max_length=300, blank=True)
    state_since = models.DateTimeField()
    urgency = models.PositiveSmallIntegerField(choices=Urgency.choices, default=Urgency.WORKING)
    changed_at = models.DateTimeField()
    # Grows with every change of what the table shows; their sum tells a reader whether it has to draw anew.
    version = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = [
            models.UniqueConstraint(F("workspace"), Lower("name"), name="endpoint_name_is_unique_in_its_workspace")
        ]
        indexes = [
            # The table's order.
            models.Index(fields=["urgency", "name", "id"], name="endpoint_table_order"),
            # Counts by state and the sum of versions, from the index alone.
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
        """Whether what Azure may hold under this name is what this row is about, and not somebody else's."""
        return self.sent_at is not None or self.observed is not None

    @property
    def shown_state(self) -> State:
        return State(self.state)

    @property
    def announcement(self) -> str:
        """The state as a sentence."""
        return f"{self.name} {self.shown_state.spec.predicate}."


class Operation(models.Model):
    """One thing asked of ARM for an endpoint. The row is the only memory of how far it is."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    endpoint = models.ForeignKey(Endpoint, models.CASCADE, related_name="operations")
    kind = models.CharField(max_length=20, choices=Kind.choices)
    # The form's own id: the second click of a double click finds the first.
    submission_id = models.UUIDField(unique=True)
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    requested_at = models.DateTimeField()
    # What is sent; null for what is sent without a body.
    body: models.JSONField[dict[str, Any] | None, dict[str, Any] | None] = models.JSONField(null=True)
    correlation_id = models.UUIDField(default=uuid.uuid4)

    phase = models.CharField(max_length=20, choices=Phase.choices, default=Phase.QUEUED)
    # How ARM said to follow it. Both URLs are signed secrets of 3 kB and more: never shown, never logged.
    monitor_url = models.TextField(blank=True)
    result_url = models.TextField(blank=True)
    deadline_at = models.DateTimeField(null=True)
    sends = models.PositiveSmallIntegerField(default=0)
    # Reads in a row that told the same; the rhythm slows down with them.
    polls = models.PositiveIntegerField(default=0)
    # ARM's latest word for its state, as it came.
    arm_status = models.CharField(max_length=100, blank=True)
    # In a row: transient faults, bodies that could not be read, final GETs that showed a resource still at work.
    faults = models.PositiveSmallIntegerField(default=0)
    unreadable = models.PositiveSmallIntegerField(default=0)
    confirmations = models.PositiveSmallIntegerField(default=0)

    # Null when nothing is due: settled, or waiting for its person to sign in.
    next_step_at = models.DateTimeField(null=True)
    # Azure named the time of the next step with Retry-After, so nothing may come before it.
    has_retry_after = models.BooleanField(default=False)
    # Who works on it, and until when nobody else may; the owner is a process, as "host:pid".
    lease = models.UUIDField(null=True)
    lease_until = models.DateTimeField(null=True)
    lease_owner = models.CharField(max_length=300, blank=True)
    needs_sign_in = models.BooleanField(default=False)
    # What Entra ID must be asked for at that sign-in, when Azure challenged the token.
    claims = models.TextField(blank=True)
    # Azure refused the cached token once; the next step asks Entra ID for a new one.
    force_token_refresh = models.BooleanField(default=False)

    settled_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=20, choices=[(word.value, word.value) for word in Outcome], blank=True)
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
            # What the sweep claims.
            models.Index(fields=["next_step_at"], condition=Q(next_step_at__isnull=False), name="operation_due"),
            # What a starting worker takes back from those before it.
            models.Index(fields=["lease_owner"], condition=Q(lease__isnull=False), name="operation_leased"),
            # What waits for a person who just signed in.
            models.Index(fields=["requested_by"], condition=Q(needs_sign_in=True), name="operation_parked"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.endpoint_id}"

    @property
    def spec(self) -> KindSpec:
        return Kind(self.kind).spec


class Event(models.Model):
    """One line of an endpoint's history, with its evidence. Lines are added and never changed."""

    endpoint = models.ForeignKey(Endpoint, models.CASCADE, related_name="events")
    operation = models.ForeignKey(Operation, models.CASCADE, null=True, related_name="events")
    at = models.DateTimeField()
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    # The state it led to, when it led to another one.
    state = models.CharField(max_length=20, choices=State.choices, blank=True)
    text = models.CharField(max_length=500)
    # Method, path, status, milliseconds, and the headers that matter; empty for what a person did here.
    evidence: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(default=dict)

    class Meta:
        ordering = ["-at", "-id"]
        indexes = [models.Index(fields=["endpoint", "-at", "-id"], name="event_history")]

    def __str__(self) -> str:
        return self.text

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self.pk is not None:
            raise TypeError("A line of history is never changed.")
        super().save(*args, **kwargs)
