"""Findings in the table of endpoints."""

from collections.abc import Iterable

from django import template
from django.db.models import Prefetch, prefetch_related_objects

from endpoints.models import Endpoint, Finding

register = template.Library()


@register.filter
def with_findings(endpoints: Iterable[Endpoint]) -> list[Endpoint]:
    """Load the findings of all these endpoints in one query."""
    rows = list(endpoints)
    prefetch_related_objects(rows, Prefetch("findings", Finding.objects.order_by("pk")))
    return rows
