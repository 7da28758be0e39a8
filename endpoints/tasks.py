"""Celery's tasks. A message carries nothing: the database knows which operations are due and who has claimed them."""

import logging
from datetime import timedelta
from functools import cache
from threading import Lock

from celery import shared_task
from celery.signals import worker_ready
from django.utils import timezone

from endpoints.engine.leases import reclaim_orphaned_leases
from endpoints.engine.loop import Worker

logger = logging.getLogger(__name__)

# A sweep ends after this time, so that a deployment is quick; the next one continues.
SWEEP_FOR = timedelta(seconds=10)

_sweeping = Lock()
_starting = Lock()


def worker() -> Worker:
    """The worker of this process, made by the first task."""
    with _starting:
        return _make_worker()


@cache
def _make_worker() -> Worker:
    return Worker()


@shared_task  # type: ignore[untyped-decorator]
def sweep() -> None:
    """Take every step that is due. One sweep in a process takes all of them, so a second one returns at once."""
    if _sweeping.acquire(blocking=False):
        try:
            worker().run_due(until=timezone.now() + SWEEP_FOR)
        finally:
            _sweeping.release()


@shared_task  # type: ignore[untyped-decorator]
def send_requested() -> None:
    """Take the first steps of users' requests."""
    worker().run_requests(until=timezone.now() + SWEEP_FOR)


@worker_ready.connect  # type: ignore[untyped-decorator]
def _reclaim(**signal: object) -> None:
    if number := reclaim_orphaned_leases():
        logger.warning("Resuming %s operations of workers that have ended.", number)
