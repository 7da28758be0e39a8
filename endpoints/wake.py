"""Wake a worker. A web process sends the task by name, so that it never imports the engine.

https://docs.celeryq.dev/en/stable/reference/celery.html#celery.Celery.send_task
"""

from celery import current_app
from django.db import transaction


def wake_worker_on_commit() -> None:
    """Wake a worker once the rows are committed. If the message is lost, the next sweep finds them."""
    transaction.on_commit(_wake, robust=True)


def _wake() -> None:
    current_app.send_task("endpoints.tasks.send_requested", ignore_result=True)
