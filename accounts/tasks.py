"""What has to be forgotten is forgotten every hour."""

from celery import shared_task
from django.core.management import call_command
from django.utils import timezone

from accounts import limits, store


@shared_task  # type: ignore[untyped-decorator]
def tidy() -> None:
    """Delete tokens of people who did not come back, sessions that are over, and counts of minutes that are over."""
    now = timezone.now()
    store.forget_unused(now)
    limits.forget_counts(now)
    call_command("clearsessions")
