"""Work that workers share by leases."""

from __future__ import annotations

from django.db import models


class Leased(models.Model):
    """Work that becomes due, and that one worker at a time claims."""

    # Null if nothing is due.
    due_at = models.DateTimeField(null=True, db_index=True)
    lease = models.UUIDField(null=True)
    lease_until = models.DateTimeField(null=True)
    # A process, as "host:pid".
    lease_owner = models.CharField(max_length=300, blank=True)
    # Failures in a row, which lengthen the pause.
    faults = models.PositiveIntegerField(default=0)
    # Why the latest read failed, as a sentence, and since when reads have failed. Empty if it succeeded.
    problem = models.CharField(max_length=500, blank=True)
    problem_since = models.DateTimeField(null=True)

    class Meta:
        abstract = True
