"""Marketplace subscriptions, and findings: what needs a person."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower

from endpoints.findings import FindingKind
from endpoints.models.endpoint import Endpoint
from endpoints.models.workspace import Workspace


class MarketplaceSubscription(models.Model):
    """A workspace's subscription to the marketplace offer of a model, as Azure last listed it."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="subscriptions")
    name = models.CharField(max_length=255)
    model_id = models.CharField(max_length=1024)
    status = models.CharField(max_length=50)
    observed: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField()
    seen_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(F("workspace"), Lower("name"), name="subscription_name_is_unique_in_its_workspace")
        ]

    def __str__(self) -> str:
        return self.name


class Finding(models.Model):
    """Something about an endpoint or a marketplace subscription that needs a person."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="findings")
    # One of the two.
    endpoint = models.ForeignKey(Endpoint, models.CASCADE, null=True, related_name="findings")
    subscription = models.ForeignKey(MarketplaceSubscription, models.CASCADE, null=True, related_name="findings")
    kind = models.CharField(max_length=40)
    detail = models.CharField(max_length=500, blank=True)
    since = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "endpoint"],
                condition=Q(endpoint__isnull=False),
                name="one_finding_of_a_kind_per_endpoint",
            ),
            models.UniqueConstraint(
                fields=["kind", "subscription"],
                condition=Q(subscription__isnull=False),
                name="one_finding_of_a_kind_per_subscription",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.endpoint_id or self.subscription_id}"

    @property
    def is_quiet(self) -> bool:
        """Whether its mark in the table needs no attention: a fleet that was just registered is made elsewhere."""
        return self.kind == FindingKind.UNOWNED

    @property
    def title(self) -> str:
        return str(FindingKind(self.kind).label)
