"""Celery's addresses. A message holds at most an id; what is due, and who works on it, stands in the database."""

import logging
from datetime import timedelta
from threading import Lock

from celery import shared_task
from celery.signals import worker_ready
from django.utils import timezone

from endpoints.engine.leases import reclaim_orphaned_leases
from endpoints.engine.loop import run_due, run_requests

logger = logging.getLogger(__name__)

# A sweep gives its slot back after a while, so that a deploy is quick; the next one goes on.
SWEEP_FOR = timedelta(seconds=10)

_sweeping = Lock()


@shared_task  # type: ignore[untyped-decorator]
def sweep() -> None:
    """Take every step that is due. One sweep in a process has room for all of them, so a second one leaves at once."""
    if _sweeping.acquire(blocking=False):
        try:
            run_due(until=timezone.now() + SWEEP_FOR)
        finally:
            _sweeping.release()


@shared_task  # type: ignore[untyped-decorator]
def send_requested() -> None:
    """Take the first steps of what people have asked for."""
    run_requests(until=timezone.now() + SWEEP_FOR)


@worker_ready.connect  # type: ignore[untyped-decorator]
def _reclaim(**signal: object) -> None:
    if number := reclaim_orphaned_leases():
        logger.warning("%s operations are taken up again whose worker has ended.", number)
