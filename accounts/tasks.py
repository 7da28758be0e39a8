"""Hourly cleanup."""

from celery import shared_task
from django.core.management import call_command
from django.utils import timezone

from accounts import limits, store


@shared_task  # type: ignore[untyped-decorator]
def tidy() -> None:
    """Delete the tokens of users who do not come back, expired sessions, and expired counts of the rate limits."""
    now = timezone.now()
    store.delete_unused(now)
    limits.delete_expired(now)
    call_command("clearsessions")
