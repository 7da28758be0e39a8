"""Celery's tasks. A message carries nothing: the database knows which operations are due and who has claimed them."""

import logging
from datetime import timedelta
from functools import cache
from threading import Lock

from celery import shared_task
from celery.signals import worker_ready
from django.utils import timezone

from endpoints.arm.budget import Budget
from endpoints.engine.leases import reclaim_orphaned_leases
from endpoints.engine.loop import Worker
from endpoints.fleet.access import AccessReader
from endpoints.fleet.counts import recount
from endpoints.fleet.findings import refresh_findings
from endpoints.fleet.leases import reclaim_orphaned
from endpoints.fleet.reader import FleetReader

logger = logging.getLogger(__name__)

# A sweep ends after this time, so that a deployment is quick; the next one continues.
SWEEP_FOR = timedelta(seconds=10)

_sweeping = Lock()
_reading = Lock()
_reading_access = Lock()
_starting = Lock()


def worker() -> Worker:
    """The worker of this process, made by the first task."""
    with _starting:
        return _make_worker()


@cache
def _make_worker() -> Worker:
    return Worker()


def fleet_reader() -> FleetReader:
    """The reader of this process, which shares the rate limit with its worker."""
    budget = worker().budget
    with _starting:
        return _make_reader(budget)


@cache
def _make_reader(budget: Budget) -> FleetReader:
    return FleetReader(budget)


def access_reader() -> AccessReader:
    """The same for what users may see."""
    budget = worker().budget
    with _starting:
        return _make_access_reader(budget)


@cache
def _make_access_reader(budget: Budget) -> AccessReader:
    return AccessReader(budget)


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


@shared_task  # type: ignore[untyped-decorator]
def read_fleet() -> None:
    """Read the workspaces and endpoints that are due. A second task in the same process returns at once."""
    if _reading.acquire(blocking=False):
        try:
            fleet_reader().run_due(until=timezone.now() + SWEEP_FOR)
            refresh_findings()
            recount()
        finally:
            _reading.release()


@shared_task  # type: ignore[untyped-decorator]
def read_access() -> None:
    """Read what users may see. A second task in the same process returns at once."""
    if _reading_access.acquire(blocking=False):
        try:
            access_reader().run_due(until=timezone.now() + SWEEP_FOR)
        finally:
            _reading_access.release()


@worker_ready.connect  # type: ignore[untyped-decorator]
def _reclaim(**signal: object) -> None:
    if number := reclaim_orphaned_leases():
        logger.warning("Resuming %s operations of workers that have ended.", number)
    reclaim_orphaned()
