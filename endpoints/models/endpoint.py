"""Serverless endpoints, and the checks of single ones."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F
from django.db.models.functions import Lower
from django.urls import reverse

from endpoints.arm.serverless_endpoint import ServerlessEndpoint
from endpoints.fields import ResourceField
from endpoints.models.leased import Leased
from endpoints.models.workspace import Workspace
from endpoints.states import State, Urgency


@dataclass(frozen=True)
class Problem:
    """Why the state cannot be confirmed, and since when."""

    text: str
    since: datetime


class Endpoint(models.Model):
    """A serverless endpoint: the request, the resource as Azure last returned it, and the state that users see."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # Without indexes of their own: others begin with these columns.
    workspace = models.ForeignKey(Workspace, models.PROTECT, related_name="endpoints", db_index=False)
    # Whose request Azure accepted, or whom an Admin made the owner. Null if it was found in Azure.
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", db_index=False)
    name = models.CharField(max_length=255)
    created_at = models.DateTimeField()
    # The body of the PUT request; empty if the endpoint was found in Azure. The model id is for searches.
    requested: models.JSONField[ServerlessEndpoint, ServerlessEndpoint] = ResourceField(default=ServerlessEndpoint)
    model_id = models.CharField(max_length=1024)
    # The resource as ARM last returned it, and when. Null until then.
    observed: models.JSONField[ServerlessEndpoint | None, ServerlessEndpoint | None] = ResourceField(null=True)
    observed_at = models.DateTimeField(null=True)
    # Of `observed`: a list whose item has the same hash brings nothing new.
    observed_hash = models.CharField(max_length=64, blank=True)
    # The key of the identity that last saw it in a list. A list of another identity proves nothing about it.
    listed_as = models.CharField(max_length=300, blank=True)
    # When Azure first answered that it does not exist. Deleted takes a second such answer.
    missing_since = models.DateTimeField(null=True)
    # Where Azure differs from the request: the field, the value requested and the value that Azure holds.
    drift: models.JSONField[list[dict[str, Any]] | None, list[dict[str, Any]] | None] = models.JSONField(null=True)
    drift_since = models.DateTimeField(null=True)
    # Why the state could not be confirmed, since when; empty once it was.
    problem = models.CharField(max_length=500, blank=True)
    problem_since = models.DateTimeField(null=True)
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
            # The orders of the table: of all endpoints, of each workspace, of each owner.
            models.Index(F("urgency"), Lower("name"), F("id"), name="endpoint_table_order"),
            models.Index(F("workspace"), F("urgency"), Lower("name"), F("id"), name="endpoint_workspace_order"),
            models.Index(F("owner"), F("urgency"), Lower("name"), F("id"), name="endpoint_owner_order"),
            models.Index(Lower("name"), F("id"), name="endpoint_name_order"),
            models.Index(F("state"), Lower("name"), F("id"), name="endpoint_state_order"),
            # A worker also counts from this index alone.
            models.Index(F("workspace"), F("state"), Lower("name"), F("id"), name="endpoint_workspace_state"),
            models.Index(fields=["changed_at", "id"], name="endpoint_changed_order"),
            models.Index(fields=["state", "changed_at", "id"], name="endpoint_state_changed"),
            models.Index(fields=["workspace", "changed_at", "id"], name="endpoint_workspace_changed"),
            models.Index(fields=["workspace", "state", "changed_at", "id"], name="endpoint_changed_by_state"),
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
    def was_requested(self) -> bool:
        """Whether it was requested here, rather than found in Azure."""
        return self.requested.is_resource

    @property
    def is_ours(self) -> bool:
        """Whether a resource with this name in Azure belongs to this row, rather than being created elsewhere."""
        return self.sent_at is not None or self.observed is not None

    @property
    def is_being_checked(self) -> bool:
        return hasattr(self, "check_due")

    @property
    def unconfirmed(self) -> Problem | None:
        """Why Azure does not confirm what is shown: about this endpoint, or about its workspace."""
        if self.state == State.DELETED:
            return None
        if self.problem and self.problem_since:
            return Problem(self.problem, self.problem_since)
        read = getattr(self.workspace, "read", None)
        if read and read.problem and read.problem_since:
            return Problem(f"The workspace cannot be read: {read.problem}", read.problem_since)
        return None

    @property
    def shown_state(self) -> State:
        return State(self.state)

    @property
    def announcement(self) -> str:
        """The state as a sentence."""
        return f"{self.name} {self.shown_state.spec.predicate}."


class EndpointCheck(Leased):
    """A read of one endpoint that a user, or a list without it, made due. The row is deleted once it is done."""

    endpoint = models.OneToOneField(Endpoint, models.CASCADE, primary_key=True, related_name="check_due")
    # Whose token reads it if there is no watcher; null if it was due anyway.
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True, related_name="+")
    requested_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"check of {self.endpoint_id}"
