"""Wake a worker. A web process sends the task by name, so that it never imports the engine.

https://docs.celeryq.dev/en/stable/reference/celery.html#celery.Celery.send_task
"""

from functools import partial

from celery import current_app
from django.db import transaction


def wake_worker_on_commit() -> None:
    """Wake a worker once the rows are committed. If the message is lost, the next sweep finds them."""
    transaction.on_commit(partial(_wake, "endpoints.tasks.send_requested"), robust=True)


def wake_reader_on_commit() -> None:
    """The same for what is to be read."""
    transaction.on_commit(partial(_wake, "endpoints.tasks.read_fleet"), robust=True)


def wake_access_reader_on_commit() -> None:
    """The same for what users may see."""
    transaction.on_commit(partial(_wake, "endpoints.tasks.read_access"), robust=True)


def _wake(task: str) -> None:
    current_app.send_task(task, ignore_result=True)
