"""Workspaces, what users may see of them, and how they are read."""

from __future__ import annotations

import uuid
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from endpoints.models.leased import Leased


class Workspace(models.Model):
    """An Azure Machine Learning workspace that an Admin registered."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    subscription_id = models.CharField(max_length=36)
    resource_group = models.CharField(max_length=90)
    name = models.CharField(max_length=33)
    location = models.CharField(max_length=90)
    registered_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    registered_at = models.DateTimeField()
    # Azure answered twice that the workspace does not exist.
    gone_at = models.DateTimeField(null=True)
    # Incremented with every change to its endpoints that the table shows: `endpoints.versions`.
    version = models.BigIntegerField(default=1)
    # The number of endpoints in each state when `version` was `counted_version`. A worker counts again after a change.
    counts: models.JSONField[dict[str, int], dict[str, int]] = models.JSONField(default=dict)
    counted_version = models.BigIntegerField(default=1)
    # The version to which its findings belong, and when they change by the time alone.
    findings_version = models.BigIntegerField(default=0)
    findings_due_at = models.DateTimeField(null=True)

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


class WorkspaceRead(Leased):
    """The regular read of a workspace: the list of its endpoints, and what came of it."""

    workspace = models.OneToOneField(Workspace, models.CASCADE, primary_key=True, related_name="read")
    # Set when a user wants it read now; such reads come first.
    wanted_at = models.DateTimeField(null=True, db_index=True)
    # When the latest complete list began, and when one last differed from the one before.
    complete_at = models.DateTimeField(null=True)
    changed_at = models.DateTimeField(null=True)
    pages = models.PositiveIntegerField(default=1)
    # The key of the identity that read it.
    read_as = models.CharField(max_length=300, blank=True)
    # Of all pages: if it is the same again, nothing has changed.
    body_hash = models.CharField(max_length=64, blank=True)
    # The version of the workspace after that read: if it differs by now, the rows are compared again.
    seen_version = models.BigIntegerField(default=0)
    # ARM's error, if `problem` comes from one.
    error: models.JSONField[dict[str, Any] | None, dict[str, Any] | None] = models.JSONField(null=True)
    # When Azure first answered that the workspace does not exist.
    missing_since = models.DateTimeField(null=True)
    # The latest complete list of marketplace subscriptions, and why the latest one failed.
    subscriptions_at = models.DateTimeField(null=True)
    subscriptions_problem = models.CharField(max_length=500, blank=True)
    # When they are to be read again, after the next complete list of endpoints. Null if at once.
    subscriptions_due_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"read of {self.workspace_id}"


class SubscriptionsRead(WorkspaceRead):
    """The same row while the marketplace subscriptions are read: one lease at a time covers both lists."""

    class Meta:
        proxy = True

    def __str__(self) -> str:
        return f"read of the subscriptions of {self.workspace_id}"


class WorkspaceAccess(models.Model):
    """Whether Azure lets a user read a workspace, as a worker last found: `endpoints.access`."""

    # SQLite would prefer an index of its own to `access_readable`.
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", db_index=False)
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+")
    readable = models.BooleanField()
    checked_at = models.DateTimeField()
    # When Azure took the access away. Null if there is access, or never was any: then the name stays hidden.
    lost_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "workspace"], name="one_access_per_user_and_workspace")]
        indexes = [
            # The filter of every page and poll.
            models.Index(fields=["user", "workspace"], condition=Q(readable=True), name="access_readable")
        ]

    def __str__(self) -> str:
        return f"{self.user_id} {'reads' if self.readable else 'does not read'} {self.workspace_id}"


class AccessRead(Leased):
    """The regular read of what a user may see in Azure."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="+")
    # Incremented whenever the set of readable workspaces, or what is said about it, changes.
    version = models.BigIntegerField(default=1)
    complete_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"access of {self.user_id}"


class VisibleWorkspace(models.Model):
    """A workspace that Azure shows to a user who may register it."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    subscription_id = models.CharField(max_length=36)
    subscription_name = models.CharField(max_length=200, blank=True)
    resource_group = models.CharField(max_length=90)
    name = models.CharField(max_length=90)
    location = models.CharField(max_length=90)
    # The resource id in lower case, which tells workspaces apart.
    key = models.CharField(max_length=500)
    first_seen_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "key"], name="workspace_is_visible_once")]

    def __str__(self) -> str:
        return self.name
