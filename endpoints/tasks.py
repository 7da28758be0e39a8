"""Celery's addresses. A message holds at most an id; what is due, and who works on it, stands in the database."""

import logging
from datetime import timedelta
from uuid import UUID

from celery import shared_task
from django.db import transaction
from django.utils import timezone

from endpoints.sweep import run_due

logger = logging.getLogger(__name__)

# A sweep gives its slot back after a while, so that a deploy is quick; the next one goes on.
SWEEP_FOR = timedelta(seconds=10)


@shared_task  # type: ignore[untyped-decorator]
def sweep() -> None:
    """Take every step that is due."""
    run_due(until=timezone.now() + SWEEP_FOR)


@shared_task  # type: ignore[untyped-decorator]
def advance_operation(operation_id: str) -> None:
    """Take the steps of one operation that are due now."""
    run_due(only=UUID(operation_id))


def ring_on_commit(operation_id: UUID) -> None:
    """Ring the worker once the row is committed. If the ring is lost, the next sweep finds the row."""
    transaction.on_commit(lambda: _ring(operation_id), robust=True)


def _ring(operation_id: UUID) -> None:
    advance_operation.apply_async([str(operation_id)], ignore_result=True)
